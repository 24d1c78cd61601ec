// What a container is made of: names, logs, command, environment, volumes, security context, failures to start.
#include <filesystem>
#include <fstream>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class ContainerMade : public NodeTest {
 protected:
  void startPod(json manifest) {
    node().write("p.json", std::move(manifest));
    node().startAgent();
    ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  }
  runtime::v1::ContainerStatus statusInRuntime() {
    return node().cri().containerStatus(node().cri().containersOf("p-node1").at(0).id());
  }
};

TEST_F(ContainerMade, SBX_4_CarriesTheNamesOfUpstream) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["containers"][0]["ports"] = json::parse(R"([{"name":"http","containerPort":80}])");
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  std::string uid = node().podOf("p")["metadata"]["uid"];
  runtime::v1::ContainerStatus status = statusInRuntime();
  std::map<std::string, std::string> labels(status.labels().begin(), status.labels().end());
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"io.kubernetes.container.name", "c"},
                                                        {"io.kubernetes.pod.name", "p-node1"},
                                                        {"io.kubernetes.pod.namespace", "default"},
                                                        {"io.kubernetes.pod.uid", uid}}));
  EXPECT_EQ(status.annotations().at("io.kubernetes.container.restartCount"), "0");
  EXPECT_EQ(status.annotations().at("io.kubernetes.container.terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(status.annotations().at("io.kubernetes.container.terminationMessagePolicy"), "File");
  EXPECT_EQ(status.annotations().at("io.kubernetes.pod.terminationGracePeriod"), "2");
  EXPECT_EQ(json::parse(status.annotations().at("io.kubernetes.container.ports"))[0]["containerPort"], 80);
  // FNV-1a over Go's print of {"image":"cubelet.local/test:1","name":"c"}, worked out by hand below.
  std::string text = "([]uint8)[";
  std::string plain = R"({"image":"cubelet.local/test:1","name":"c"})";
  for (std::size_t i = 0; i < plain.size(); ++i)
    text += (i > 0 ? " " : "") + std::to_string(static_cast<unsigned char>(plain[i]));
  std::uint32_t hash = 2166136261U;
  for (char c : text + "]") hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::ostringstream hex;
  hex << std::hex << hash;
  EXPECT_EQ(status.annotations().at("io.kubernetes.container.hash"), hex.str());
}

TEST_F(ContainerMade, LOG_1_LogsLieWhereUpstreamPutsThem) {
  startPod(pod("p", {shell("c", "c", "echo hello; echo oops >&2; exec sleep 1000")}));
  std::string uid = node().podOf("p")["metadata"]["uid"];
  fs::path log = node().podLogs() / ("default_p-node1_" + uid) / "c/0.log";
  ASSERT_TRUE(eventually("the log has both lines", kSoon, [&] {
    std::ifstream in(log);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    return text.find("stdout F hello\n") != std::string::npos && text.find("stderr F oops\n") != std::string::npos
               ? ""
               : text + " in " + log.string();
  }));
  fs::path link = "/var/log/containers/p-node1_default_c-" + statusInRuntime().id() + ".log";
  ASSERT_TRUE(fs::is_symlink(link)) << link;
  EXPECT_EQ(fs::read_symlink(link), log);
  Finished logs = node().client({"logs", "p-node1"});
  EXPECT_NE(logs.output.find("hello"), std::string::npos) << logs.output << logs.errors;
  node().remove("p.json");
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(eventually("the link too", kSoon, [&] { return fs::is_symlink(link) ? link.string() : ""; }));
}

TEST_F(ContainerMade, CFG_1_CommandAndArgsReplaceEntrypointAndCmd) {
  json fromImage = {{"name", "image"}, {"image", kUserImage}};
  json onlyArgs = {{"name", "args"}, {"image", kUserImage}, {"args", {"mark /out/from-args"}}};
  json onlyCommand = {{"name", "command"}, {"image", kUserImage}, {"command", {"mark", "/out/from-command"}}};
  for (json* c : {&fromImage, &onlyArgs, &onlyCommand})
    (*c)["volumeMounts"] = json::parse(R"([{"name":"out","mountPath":"/out"}])");
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {fromImage, onlyArgs, onlyCommand})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "from-cmd", 1)));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "from-args", 1)));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "from-command", 1)));
}

TEST_F(ContainerMade, CFG_2_CFG_3_VariablesAreExpandedAsDocumented) {
  std::string out = outputOf("echo \"$A|$B|$C|$D|$E\"; echo '$(A) $$(A) $(NOPE)'", [](json& spec) {
    spec["containers"][0]["env"] = json::parse(R"json([
      {"name":"A","value":"a"}, {"name":"B","value":"$(A)b"}, {"name":"C","value":"$$(A) $(LATER)"},
      {"name":"LATER","value":"x"}, {"name":"D","value":"$A ${A} $$"}, {"name":"E","value":"one"}, {"name":"E","value":"two"}])json");
  });
  EXPECT_EQ(out, "a|ab|$(A) $(LATER)|$A ${A} $|two\na $(A) $(NOPE)\n");
}

TEST_F(ContainerMade, CFG_8_FieldsOfThePodReachTheEnvironment) {
  std::string out = outputOf("echo $NAME $NS $PODUID $LABEL $NODE $IP $SA; ip -4 -o address show eth0", [](json& spec) {
    json env = json::array();
    for (auto [name, path] :
         std::map<std::string, std::string>{{"NAME", "metadata.name"},
                                            {"NS", "metadata.namespace"},
                                            {"PODUID", "metadata.uid"},
                                            {"LABEL", "metadata.annotations['kubernetes.io/config.source']"},
                                            {"NODE", "spec.nodeName"},
                                            {"IP", "status.podIP"}})
      env.push_back({{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}});
    spec["containers"][0]["env"] = env;
  });
  json seen = node().podOf("p");
  std::string uid = seen["metadata"]["uid"];
  std::string ip = seen["status"].value("podIP", "none");
  EXPECT_TRUE(out.starts_with("p-node1 default " + uid + " file node1 " + ip + "\n")) << out;
  EXPECT_NE(out.find("inet " + ip + "/"), std::string::npos) << out;
}

TEST_F(ContainerMade, SEC_2_WorkingDirectoryUserAndImageEnvironment) {
  std::string out =
      outputOf("pwd; id -u; echo $FROM_IMAGE", [](json& spec) { spec["containers"][0]["image"] = kUserImage; });
  EXPECT_EQ(out, "/tmp\n65534\nyes\n");
}

TEST_F(ContainerMade, SEC_4_SEC_6_SEC_7_SEC_8_SecurityContextIsPassedOn) {
  std::string out = outputOf(
      "id -u; id -g; id -G; touch /x 2>/dev/null || echo read-only; grep NoNewPrivs /proc/self/status; grep CapEff "
      "/proc/self/status",
      [](json& spec) {
        spec["securityContext"] = json::parse(R"({"runAsUser":1234,"runAsGroup":2345,"supplementalGroups":[3456]})");
        spec["containers"][0]["securityContext"] = json::parse(
            R"({"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}})");
      });
  EXPECT_EQ(out, "1234\n2345\n2345 3456\nread-only\nNoNewPrivs:\t1\nCapEff:\t0000000000000000\n");
}

TEST_F(ContainerMade, SEC_5_PrivilegedHasTheDevicesOfTheHost) {
  std::string out = outputOf("[ -e /dev/kmsg ] && echo devices",
                             [](json& spec) { spec["containers"][0]["securityContext"] = {{"privileged", true}}; });
  EXPECT_EQ(out, "devices\n");
}

TEST_F(ContainerMade, SEC_3_RunAsNonRootRefusesRoot) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["containers"][0]["securityContext"] = {{"runAsNonRoot", true}};
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("it is refused", kSoon, isWaiting(node(), "p", "c", "CreateContainerConfigError")));
  std::string message = statusOf(node().podOf("p"), "c")["state"]["waiting"]["message"];
  EXPECT_NE(message.find("container has runAsNonRoot and image will run as root"), std::string::npos) << message;
  EXPECT_EQ(node().starts("c"), 0U);
}

TEST_F(ContainerMade, EMP_1_EMP_2_EmptyDirIsSharedWritableAndSurvivesRestarts) {
  json manifest =
      pod("p", {shell("c", "c", "echo x >> /v/file; [ $(wc -l < /v/file) -ge 2 ] && exec mark /out/second; exit 1"),
                shell("other", "other", "stat -c %a /w > /out/mode; df /ram | tail -n1 > /out/ram; exec sleep 1000")});
  manifest["spec"]["volumes"] =
      json::parse(R"([{"name":"v","emptyDir":{}},{"name":"ram","emptyDir":{"medium":"Memory","sizeLimit":"4Mi"}}])");
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "v"}, {"mountPath", "/v"}});
  manifest["spec"]["containers"][1]["volumeMounts"].push_back({{"name", "v"}, {"mountPath", "/w"}});
  manifest["spec"]["containers"][1]["volumeMounts"].push_back({{"name", "ram"}, {"mountPath", "/ram"}});
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("the second instance found the file of the first", kSoon, hasStarts(node(), "second", 1)));
  EXPECT_EQ(node().record("mode"), "777\n");
  EXPECT_EQ(node().record("ram").substr(0, 5), "tmpfs");
  EXPECT_NE(node().record("ram").find(" 4096 "), std::string::npos) << node().record("ram");
}

TEST_F(ContainerMade, EMP_5_HostPathTypesAreChecked) {
  json manifest = pod("p", {marker("c", "c")});
  fs::path made = node().dir() / "made/deep";
  manifest["spec"]["volumes"].push_back(
      {{"name", "made"}, {"hostPath", {{"path", made.string()}, {"type", "DirectoryOrCreate"}}}});
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "made"}, {"mountPath", "/made"}});
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  EXPECT_TRUE(fs::is_directory(made));

  json wrong = pod("q", {marker("c", "q")});
  wrong["spec"]["volumes"].push_back({{"name", "file"}, {"hostPath", {{"path", made.string()}, {"type", "File"}}}});
  wrong["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "file"}, {"mountPath", "/file"}});
  node().write("q.json", wrong);
  ASSERT_TRUE(eventually("it is refused", kSoon,
                         logSays(node(), "hostPath type check failed: " + made.string() + " is not a file")));
  EXPECT_EQ(node().starts("q"), 0U);
  fs::remove(made);
  std::ofstream(made) << "now a file";
  EXPECT_TRUE(eventually("it starts once the path is right", 60s, hasStarts(node(), "q", 1)));
}

TEST_F(ContainerMade, CommandThatDoesNotExistIsTold) {
  json manifest = pod("p", {container("c", {"/no/such/program"}), marker("good", "good")});
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("the reason is shown", kSoon, [&] {
    json status = statusOf(node().podOf("p"), "c");
    std::string text = status.dump();
    bool told = text.find("/no/such/program") != std::string::npos &&
                (text.find("RunContainerError") != std::string::npos || text.find("StartError") != std::string::npos ||
                 text.find("CrashLoopBackOff") != std::string::npos);
    return told ? "" : text;
  }));
  EXPECT_TRUE(eventually("the other container runs", kSoon, hasStarts(node(), "good", 1)));
}

TEST_F(ContainerMade, CFG_15_TerminationMessageIsRead) {
  json manifest = pod("p", {shell("file", "file", "echo -n goodbye > /dev/termination-log; exit 1"),
                            shell("log", "log", "echo last words; exit 1")});
  manifest["spec"]["restartPolicy"] = "Never";
  manifest["spec"]["containers"][1]["terminationMessagePolicy"] = "FallbackToLogsOnError";
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("it fails", kSoon, phaseIs(node(), "p", "Failed")));
  EXPECT_TRUE(eventually("both messages are shown", 5s, [&] {
    json seen = node().podOf("p");
    std::string file = statusOf(seen, "file")["state"]["terminated"].value("message", "");
    std::string log = statusOf(seen, "log")["state"]["terminated"].value("message", "");
    return file == "goodbye" && log == "last words\n" ? "" : "file: " + file + ", log: " + log;
  }));
}

}  // namespace
}  // namespace cubelet::integration
