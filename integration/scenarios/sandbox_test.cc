// The sandbox: lost, changed, and which namespaces it shares with the host.
#include <csignal>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class Sandbox : public NodeTest {
 protected:
  void startPod(json manifest) {
    node().write("p.json", std::move(manifest));
    node().startAgent();
    ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  }
  std::string hostNamespace(const std::string& kind) { return run({"readlink", "/proc/self/ns/" + kind}).output; }
};

TEST_F(Sandbox, SBX_1_KilledOneIsMadeAnew) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("c", "c")})));
  auto before = node().cri().sandboxesOf(node().fullName("p"));
  ASSERT_EQ(before.size(), 1U);
  ASSERT_TRUE(node().containerd().ctr({"tasks", "kill", "-s", "SIGKILL", before[0].id()}).ok());
  ASSERT_TRUE(eventually("a new one runs", kSoon, all({hasStarts(node(), "c", 2), isReady(node(), "p")})));
  ASSERT_TRUE(eventually("exactly one", kSoon, runsOnce(node(), "p", {"c"})));
  auto after = node().cri().sandboxesOf(node().fullName("p"));
  EXPECT_NE(after[0].id(), before[0].id());
  EXPECT_EQ(after[0].metadata().attempt(), before[0].metadata().attempt() + 1);
}

TEST_F(Sandbox, SBX_1_RemovedOneIsMadeAnew) {
  ASSERT_NO_FATAL_FAILURE(startPod(pod("p", {marker("c", "c")})));
  node().cri().removeEverything();
  // Twice or three times: the container goes first, and may be back before its sandbox goes as well.
  ASSERT_TRUE(eventually("a new one runs", kSoon, [&]() -> std::string {
    return node().starts("c") >= 2 ? isReady(node(), "p")() : "not started again yet";
  }));
  EXPECT_TRUE(eventually("exactly one", kSoon, runsOnce(node(), "p", {"c"})));
}

TEST_F(Sandbox, SBX_2_IsNotMadeAnewForAPodThatHasEnded) {
  json manifest = pod("p", {shell("c", "c", "exit 0")});
  manifest["spec"]["restartPolicy"] = "Never";
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("it succeeds", kSoon, phaseIs(node(), "p", "Succeeded")));
  ASSERT_TRUE(eventually("its sandbox is stopped", kSoon, [&] {
    for (const auto& sandbox : node().cri().sandboxesOf(node().fullName("p")))
      if (sandbox.state() == runtime::v1::SANDBOX_READY) return "still ready";
    return "";
  }));
  EXPECT_TRUE(stays("nothing starts", 2s, hasStarts(node(), "c", 1)));
  EXPECT_LE(node().cri().sandboxesOf(node().fullName("p")).size(), 1U);
}

TEST_F(Sandbox, SBX_4_CarriesTheNamesAndPathsOfUpstream) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["metadata"]["labels"] = {{"app", "web"}};
  manifest["metadata"]["annotations"] = {{"note", "n"}};
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  json seen = node().podOf("p");
  std::string uid = seen["metadata"]["uid"];
  auto status = node().cri().sandboxStatus(node().cri().sandboxesOf("p-node1")[0].id());
  EXPECT_EQ(status.metadata().name(), "p-node1");
  EXPECT_EQ(status.metadata().namespace_(), "default");
  EXPECT_EQ(status.metadata().uid(), uid);
  EXPECT_EQ(status.metadata().attempt(), 0U);
  std::map<std::string, std::string> labels(status.labels().begin(), status.labels().end());
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"app", "web"},
                                                        {"io.kubernetes.pod.name", "p-node1"},
                                                        {"io.kubernetes.pod.namespace", "default"},
                                                        {"io.kubernetes.pod.uid", uid}}));
  EXPECT_EQ(status.annotations().at("note"), "n");
  EXPECT_EQ(status.annotations().at("kubernetes.io/config.source"), "file");
  EXPECT_EQ(seen["status"]["podIP"], status.network().ip());
}

TEST_F(Sandbox, SEC_13_HasItsOwnNamespacesByDefault) {
  startPod(pod("p", {shell("c", "c",
                           "for n in net pid ipc uts; do readlink /proc/self/ns/$n; done > /out/ns; hostname > "
                           "/out/name; exec sleep 1000")}));
  ASSERT_TRUE(eventually("it wrote them", kSoon, [&] { return node().record("name").empty() ? "not yet" : ""; }));
  for (const char* kind : {"net", "pid", "ipc", "uts"})
    EXPECT_EQ(node().record("ns").find(hostNamespace(kind)), std::string::npos) << kind;
  EXPECT_EQ(node().record("name"), "p-node1\n");
}

TEST_F(Sandbox, SEC_13_SharesTheHostsNamespacesWhenAsked) {
  json manifest = pod(
      "p",
      {shell("c", "c",
             "for n in net pid ipc; do readlink /proc/self/ns/$n; done > /out/ns; touch /out/done; exec sleep 1000")});
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) manifest["spec"][field] = true;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  ASSERT_TRUE(eventually("it wrote them", kSoon,
                         [&] { return std::filesystem::exists(node().records() / "done") ? "" : "not yet"; }));
  EXPECT_EQ(node().record("ns"), hostNamespace("net") + hostNamespace("pid") + hostNamespace("ipc"));
}

TEST_F(Sandbox, SEC_13_SharesThePidNamespaceAmongContainersWhenAsked) {
  json manifest = pod("p", {marker("one", "one"), shell("two", "two", "usleep 300000; ps > /out/ps; exec sleep 1000")});
  manifest["spec"]["shareProcessNamespace"] = true;
  ASSERT_NO_FATAL_FAILURE(startPod(manifest));
  ASSERT_TRUE(eventually("each sees the others", kSoon, [&] {
    return node().record("ps").find("mark /out/one") != std::string::npos ? "" : "seen: " + node().record("ps");
  }));
  EXPECT_NE(node().record("ps").find("pause"), std::string::npos) << node().record("ps");
}

}  // namespace
}  // namespace cubelet::integration
