// The commands of people on a node, and the agent's own command line.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "integration/harness/built.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

class Client : public NodeTest {
 protected:
  void startPod() {
    node().write(
        "web.json",
        pod("web",
            {shell("c", "c",
                   "echo one; echo two; while [ ! -e /out/go ]; do usleep 20000; done; echo three; exec sleep 1000")}));
    node().startAgent();
    ASSERT_TRUE(eventually("pod web is ready", kSoon, isReady(node(), "web")));
  }
};

TEST_F(Client, PodsInThreeForms) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  Finished table = node().client({"pods"});
  EXPECT_TRUE(table.ok()) << table.errors;
  EXPECT_NE(table.output.find("web-node1"), std::string::npos) << table.output;
  EXPECT_NE(table.output.find("Running"), std::string::npos) << table.output;
  EXPECT_NE(node().client({"pods", "-o", "yaml"}).output.find("name: web-node1"), std::string::npos);
  EXPECT_EQ(json::parse(node().client({"pods", "-o", "json"}).output)["items"].size(), 1U);
}

TEST_F(Client, LogsWithAndWithoutFollowing) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  EXPECT_TRUE(eventually("both lines are there", kSoon, [&] {
    std::string text = node().client({"logs", "web-node1"}).output;
    return text == "one\ntwo\n" ? "" : text;
  }));
  std::string file = (node().dir() / "follow").string();
  Process follow(
      {built::agent(), "logs", "web-node1", "-c", "c", "-f", "--socket", (node().dir() / "cubelet.sock").string()},
      file);
  auto followed = [&] {
    std::ifstream in(file);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  ASSERT_TRUE(
      eventually("what was there comes first", kSoon, [&] { return followed() == "one\ntwo\n" ? "" : followed(); }));
  std::ofstream(node().records() / "go") << "";
  EXPECT_TRUE(
      eventually("then what is new", kSoon, [&] { return followed() == "one\ntwo\nthree\n" ? "" : followed(); }));
  follow.signal(SIGINT);
}

TEST_F(Client, EventsTellWhatHappened) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  EXPECT_TRUE(eventually("the usual events are there", kSoon, [&] {
    std::string text = node().client({"events"}).output;
    for (const char* reason : {"Pulled", "Created", "Started"})
      if (text.find(reason) == std::string::npos) return text + "\nno " + reason;
    return std::string();
  }));
}

TEST_F(Client, UnknownPodsAreRefusedClearly) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  Finished logs = node().client({"logs", "nobody"});
  EXPECT_NE(logs.exitCode, 0);
  EXPECT_NE(logs.errors.find("nobody"), std::string::npos) << logs.errors;
}

TEST_F(Client, WithoutAnAgentTheySaySo) {
  Finished pods = node().client({"pods"});
  EXPECT_NE(pods.exitCode, 0);
  EXPECT_NE(pods.errors.find("cubelet.sock"), std::string::npos) << pods.errors;
}

TEST_F(Client, SocketIsForRootOnly) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  struct stat seen{};
  ASSERT_EQ(stat((node().dir() / "cubelet.sock").c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0600U);
}

TEST_F(Client, VersionIsWhatKubeadmReads) {
  EXPECT_TRUE(run({built::agent(), "--version"}).output.starts_with("Kubernetes v1."));
}

// As upstream does: what is merely unknown is told and passed over, what makes no sense ends the start.
TEST_F(Client, UnknownFieldOfTheConfigurationIsNamed) {
  node().config["staticPodPaht"] = "/x";
  ASSERT_NO_FATAL_FAILURE(startPod());
  EXPECT_NE(node().log().find("staticPodPaht"), std::string::npos) << node().log();
}

TEST_F(Client, WrongTypeInTheConfigurationEndsTheStart) {
  node().config["maxPods"] = "many";
  node().startAgent();
  std::optional<int> code = node().agent().waitExit(10s);
  ASSERT_TRUE(code.has_value());
  EXPECT_NE(*code, 0);
  EXPECT_NE(node().log().find("maxPods"), std::string::npos) << node().log();
}

TEST_F(Client, SecondAgentOnTheSameRootIsRefused) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  node().config["staticPodPath"] = (node().dir() / "other").string();
  Process first = std::move(node().agent());
  node().startAgent();
  std::optional<int> code = node().agent().waitExit(10s);
  EXPECT_TRUE(code.has_value() && *code != 0) << node().log();
  first.signal(SIGTERM);
  EXPECT_EQ(first.waitExit(10s), 0);
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));
}

}  // namespace
}  // namespace cubelet::integration
