// The node's own server as people use it: kubectl through the API server, curl straight at the node.
#include <arpa/inet.h>
#include <fstream>
#include <gmock/gmock.h>
#include <memory>
#include <sys/socket.h>

#include "base/fd.h"
#include "integration/harness/cluster_test.h"
#include "integration/harness/components.h"
#include "integration/harness/process.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// A client that connects and then does nothing.
class Silent {
 public:
  explicit Silent(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

 private:
  Fd fd_;
};

class NodeServer : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    node().config["authentication"] = {{"x509", {{"clientCAFile", cluster().authority().pair().certificate.string()}}}};
    startJoined();
  }
  void startPod(const std::string& script) {
    cluster().apply(clusterPod("p", {shell("c", "c", script)}));
    ASSERT_TRUE(eventually("pod p is ready", kSoon, isReadyThere("pod", "p")));
  }
  // A command line with kubectl in it, as somebody types it.
  Finished type(const std::string& line) {
    return run({"env", "HOME=" + cluster().dir().string(), "KUBECONFIG=" + cluster().adminKubeconfig().string(), "sh",
                "-c", line});
  }
  // kubectl in the background; what it says goes to `log`.
  Process start(std::vector<std::string> words, const fs::path& log) {
    words.insert(words.begin(), {"env", "HOME=" + cluster().dir().string(),
                                 "KUBECONFIG=" + cluster().adminKubeconfig().string(), "kubectl"});
    return Process(words, log.string());
  }
  static std::string textOf(const fs::path& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  std::string url(const std::string& path) {
    return "https://127.0.0.1:" + std::to_string(node().config["port"].get<int>()) + path;
  }
  // Status and body.
  static std::string curl(std::vector<std::string> words) {
    words.insert(words.begin(), {"curl", "-sk", "-w", " %{http_code}"});
    return run(words).output;
  }
};

// The name of a request for a serving certificate that nobody has decided on.
std::string openServingRequest(const json& all) {
  for (const json& one : all)
    if (one["spec"]["signerName"] == "kubernetes.io/kubelet-serving" && !one["status"].contains("conditions"))
      return one["metadata"]["name"];
  return "";
}

TEST_F(NodeServer, LOG_4_LOG_5_Logs) {
  // The runtime reads each stream on its own: what is said at the same time has no order.
  startPod(
      "echo one; sleep 1; echo two >&2; sleep 1; echo three; while [ ! -e /out/end ]; do sleep 0.1; done; echo last");
  EXPECT_TRUE(eventually("all has been said", kSoon, [] {
    const std::string all = cluster().kubectl({"logs", "p"}).output;
    return all == "one\ntwo\nthree\n" ? "" : "it says " + all;
  }));
  EXPECT_EQ(cluster().kubectl({"logs", "p", "--tail=1"}).output, "three\n");
  EXPECT_EQ(cluster().kubectl({"logs", "p", "--since=1h", "--limit-bytes=5"}).output, "one\nt");
  EXPECT_THAT(cluster().kubectl({"logs", "p", "--timestamps", "--tail=1"}).output, HasSubstr("Z three"));
  EXPECT_THAT(cluster().kubectl({"logs", "p", "-p"}).errors,
              HasSubstr("previous terminated container \"c\" in pod \"p\" not found"));
  const fs::path followed = node().dir() / "followed";
  Process follower = start({"logs", "-f", "p"}, followed);
  const auto heard = [&] { return textOf(followed); };
  ASSERT_TRUE(eventually("it follows", kSoon, [&] { return heard().ends_with("three\n") ? "" : "not yet"; }));
  std::ofstream(node().records() / "end") << "now";
  EXPECT_TRUE(follower.waitExit(std::chrono::seconds(20))) << "follows a container that has ended";
  EXPECT_EQ(heard(), "one\ntwo\nthree\nlast\n");
}

TEST_F(NodeServer, SRV_11_Exec) {
  startPod("sleep 1000");
  const Finished failed = cluster().kubectl({"exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(failed.exitCode, 3);
  EXPECT_EQ(failed.output, "out\n");
  EXPECT_THAT(failed.errors, HasSubstr("err\n"));
  EXPECT_EQ(type("printf hello | kubectl exec -i p -- cat").output, "hello");
  EXPECT_EQ(type("head -c 5000000 /dev/zero | kubectl exec -i p -- sh -c 'wc -c'").output, "5000000\n");
  EXPECT_EQ(type("kubectl exec p -- head -c 5000000 /dev/zero | wc -c").output, "5000000\n");
}

TEST_F(NodeServer, SRV_11_CopyAttachAndPortForward) {
  startPod(
      "mkdir -p /tmp/www; echo served > /tmp/www/index.html; httpd -p 127.0.0.1:8080 -h /tmp/www; "
      "while :; do echo tick; sleep 0.2; done");
  const fs::path here = node().dir() / "file";
  std::ofstream(here) << "content";
  EXPECT_TRUE(cluster().kubectl({"cp", here.string(), "p:/tmp/file"}).ok());
  EXPECT_EQ(cluster().kubectl({"exec", "p", "--", "cat", "/tmp/file"}).output, "content");
  EXPECT_THAT(type("timeout 3 kubectl attach p").output, HasSubstr("tick\n"));
  const std::string port = std::to_string(choosePort());
  EXPECT_THAT(type("kubectl port-forward p " + port + ":8080 & i=0; while [ $i -lt 50 ]; do curl -s http://127.0.0.1:" +
                   port + "/index.html && break; sleep 0.1; i=$((i+1)); done; kill $!")
                  .output,
              HasSubstr("served\n"));
}

// Streams of the runtime end with it, and their clients hear so. A followed log is read by the agent: it goes on. Pods
// run on, and the next command runs when the runtime is back.
TEST_F(NodeServer, LOG_7_ContainerdRestartsDuringStreams) {
  startPod("echo before; while [ ! -e /out/go ]; do sleep 0.1; done; echo after; exec sleep 1000");
  const fs::path execLog = node().dir() / "exec";
  const fs::path attachLog = node().dir() / "attach";
  const fs::path followed = node().dir() / "followed";
  Process exec = start({"exec", "p", "--", "sh", "-c", "echo > /out/begun; echo runs; exec sleep 1000"}, execLog);
  Process attach = start({"attach", "p"}, attachLog);
  Process follower = start({"logs", "-f", "p"}, followed);
  ASSERT_TRUE(eventually("the command runs", kSoon, [&] {
    return textOf(execLog).find("runs") != std::string::npos ? std::string() : "it says " + textOf(execLog);
  }));
  ASSERT_TRUE(eventually("the log is followed", kSoon,
                         [&] { return textOf(followed) == "before\n" ? "" : "it says " + textOf(followed); }));
  const pid_t agent = node().agent().pid();
  node().containerd().kill();
  EXPECT_TRUE(exec.waitExit(20s)) << "waits for a runtime that is gone";
  EXPECT_TRUE(attach.waitExit(20s)) << "waits for a runtime that is gone";
  EXPECT_FALSE(cluster().kubectl({"exec", "p", "--", "true"}).ok());
  EXPECT_EQ(cluster().kubectl({"logs", "p"}).output, "before\n");
  node().containerd().start();
  EXPECT_TRUE(eventually("commands run again", kSoon, [&] {
    const Finished again = cluster().kubectl({"exec", "p", "--", "echo", "again"});
    return again.output == "again\n" ? std::string() : again.errors;
  }));
  std::ofstream(node().records() / "go") << "now";
  EXPECT_TRUE(eventually("the follower hears what comes later", kSoon,
                         [&] { return textOf(followed) == "before\nafter\n" ? "" : "it says " + textOf(followed); }));
  EXPECT_TRUE(follower.running());
  EXPECT_EQ(node().agent().pid(), agent);
  EXPECT_TRUE(node().agent().running());
  EXPECT_EQ(node().starts("c"), 1u);
}

TEST_F(NodeServer, SRV_7_SRV_8_WhoMayAsk) {
  EXPECT_EQ(curl({url("/pods")}), "Unauthorized 401");
  const KeyPair stranger = cluster().authority().issue("stranger", {.commonName = "stranger"});
  EXPECT_EQ(curl({"--cert", stranger.certificate.string(), "--key", stranger.key.string(), url("/pods")}),
            "Forbidden (user=stranger, verb=get, resource=nodes, subresource(s)=[pods proxy]) 403");
  EXPECT_EQ(curl({"-H", "Authorization: Bearer nonsense", url("/pods")}), "Unauthorized 401");
  EXPECT_THAT(cluster().kubectl({"get", "--raw", "/api/v1/nodes/node1/proxy/configz"}).output,
              HasSubstr("\"kubeletconfig\""));
  EXPECT_EQ(cluster().get({"node", "node1"})["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"],
            node().config["port"]);
  const std::string health = "http://127.0.0.1:" + std::to_string(node().config["healthzPort"].get<int>()) + "/healthz";
  EXPECT_EQ(curl({health}), "ok 200");
}

TEST_F(NodeServer, SRV_2_SRV_3_WhatElseIsServed) {
  startPod("exec sleep 1000");
  const auto raw = [](const std::string& path) {
    return cluster().kubectl({"get", "--raw", "/api/v1/nodes/node1/proxy" + path}).output;
  };
  EXPECT_THAT(raw("/logs/"), HasSubstr("<a href=\"containers/\">containers/</a>"));
  EXPECT_THAT(raw("/statusz"), HasSubstr("\nBinary version: 1.36.0\n"));
  EXPECT_THAT(raw("/flagz"), HasSubstr("\nroot-dir=" + node().root().string() + "\n"));
  const KeyPair master =
      cluster().authority().issue("master", {.commonName = "master", .organizations = {"system:masters"}});
  const json object =
      json::parse(run({"curl", "-sk", "--cert", master.certificate.string(), "--key", master.key.string(), "-H",
                       "Accept: application/json;v=v1alpha1;g=config.k8s.io;as=Statusz", url("/statusz")})
                      .output,
                  nullptr, false);
  ASSERT_TRUE(object.is_object());
  EXPECT_EQ(object["kind"], "Statusz");
  EXPECT_EQ(object["binaryVersion"], "1.36.0");
  EXPECT_EQ(raw("/healthz"), "ok");
  EXPECT_THAT(raw("/metrics/slis"), HasSubstr("kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n"));
  // containerd 1.6 makes none.
  EXPECT_THAT(
      type("kubectl create --raw /api/v1/nodes/node1/proxy/checkpoint/default/p/c?timeout=5 -f /dev/null").errors,
      HasSubstr("checkpointing of default/p/c failed"));
}

TEST_F(NodeServer, STA_16_RequestsThroughTheMirrorFindTheStaticPod) {
  node().write("s.json", pod("s", {shell("c", "s", "echo static; exec sleep 1000")}));
  const std::string name = node().fullName("s");
  ASSERT_TRUE(eventually("the mirror is ready", kSoon, isReadyThere("pod", name)));
  const std::string own = node().podOf("s")["metadata"]["uid"];
  const std::string mirror = cluster().get({"pod", name})["metadata"]["uid"];
  EXPECT_NE(mirror, own);
  EXPECT_EQ(cluster().kubectl({"logs", name}).output, "static\n");
  EXPECT_EQ(cluster().kubectl({"exec", name, "--", "cat", "/proc/1/comm"}).output, "sleep\n");
  // Whoever names a UID has it from the API server.
  for (const std::string& uid : {own, mirror})
    EXPECT_EQ(type("kubectl create --raw '/api/v1/nodes/node1/proxy/run/default/" + name + "/" + uid +
                   "/c?cmd=cat%20/proc/1/comm' -f /dev/null")
                  .output,
              "sleep\n")
        << uid;
}

TEST_F(NodeServer, EPH_3_ExecAttachAndLogsReachAnEphemeralContainer) {
  startPod("exec sleep 1000");
  const json wanted = {
      {"apiVersion", "v1"},
      {"kind", "EphemeralContainers"},
      {"metadata", {{"name", "p"}, {"namespace", "default"}}},
      {"ephemeralContainers", {shell("debug", "debug", "touch /tmp/here; while :; do echo tick; sleep 0.2; done")}}};
  const fs::path object = node().dir() / "debugger.json";
  std::ofstream(object) << wanted.dump();
  const Finished added = cluster().kubectl(
      {"replace", "--raw", "/api/v1/namespaces/default/pods/p/ephemeralcontainers", "-f", object.string()});
  ASSERT_TRUE(added.ok()) << added.errors;
  EXPECT_TRUE(eventually("its log", kSoon, [] {
    const Finished said = cluster().kubectl({"logs", "p", "-c", "debug"});
    return said.output.starts_with("tick\n") ? std::string() : said.errors;
  }));
  EXPECT_EQ(cluster().kubectl({"exec", "p", "-c", "debug", "--", "ls", "/tmp"}).output, "here\n");
  EXPECT_THAT(type("timeout 3 kubectl attach p -c debug").output, HasSubstr("tick\n"));
}

TEST_F(NodeServer, SRV_10_TheClusterSignsTheServingCertificate) {
  node().stopAgent();
  node().config["serverTLSBootstrap"] = true;
  node().startAgent();
  std::string request;
  ASSERT_TRUE(eventually("a request for a serving certificate", kSoon, [&] {
    request = openServingRequest(cluster().get({"certificatesigningrequests"})["items"]);
    return request.empty() ? "none" : "";
  }));
  startPod("echo one; exec sleep 1000");
  EXPECT_FALSE(cluster().kubectl({"logs", "p"}).ok()) << "there is no certificate yet";
  const Finished approved = cluster().kubectl({"certificate", "approve", request});
  ASSERT_TRUE(approved.ok()) << approved.errors;
  EXPECT_TRUE(eventually("logs", kSoon, [] {
    const Finished said = cluster().kubectl({"logs", "p"});
    return said.output == "one\n" ? std::string() : said.errors;
  }));
  // Verified this time: the authority that signed it, and the name.
  const std::string port = std::to_string(node().config["port"].get<int>());
  EXPECT_EQ(run({"curl", "-s", "--cacert", cluster().authority().pair().certificate.string(), "--resolve",
                 "node1:" + port + ":127.0.0.1", "https://node1:" + port + "/pods"})
                .output,
            "Unauthorized");
}

TEST_F(NodeServer, AFloodOfSilentConnectionsKeepsNobodyOut) {
  startPod("echo one; exec sleep 1000");
  const long before = figuresOf(node().agent().pid())->rssKiB;
  const auto port = node().config["port"].get<std::uint16_t>();
  std::vector<std::unique_ptr<Silent>> flood;
  for (int i = 0; i < 10'000; ++i) flood.push_back(std::make_unique<Silent>(port));
  EXPECT_EQ(cluster().kubectl({"logs", "p"}).output, "one\n");
  EXPECT_EQ(cluster().kubectl({"exec", "p", "--", "echo", "in"}).output, "in\n");
  EXPECT_LT(figuresOf(node().agent().pid())->rssKiB, before + 64 * 1024);
  flood.clear();
  EXPECT_EQ(cluster().kubectl({"logs", "p"}).output, "one\n");
}

TEST_F(NodeServer, LinksOutOfTheLogDirectoryAreNotFollowed) {
  startPod("echo one; exec sleep 1000");
  EXPECT_EQ(cluster().kubectl({"logs", "p"}).output, "one\n");
  fs::path log;
  for (const auto& entry : fs::recursive_directory_iterator(node().podLogs()))
    if (entry.path().filename() == "0.log") log = entry.path();
  const fs::path secret = node().dir() / "secret.log";
  std::ofstream(secret) << "2027-01-15T08:00:00.1Z stdout F secret\n";
  fs::remove(log);
  fs::create_symlink(secret, log);
  EXPECT_EQ(cluster().kubectl({"logs", "p"}).output, "");
  EXPECT_THAT(cluster().kubectl({"logs", "p"}).errors, HasSubstr("link is in the way"));
  EXPECT_THAT(node().client({"logs", "p"}).errors, HasSubstr("link is in the way"));
}

}  // namespace
}  // namespace cubelet::integration
