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
  // A command line of the shell; $CUBELET is ours, and asks this node's agent.
  Finished type(const std::string& line) {
    const std::string socket = (node().dir() / "cubelet.sock").string();
    const std::string program = (node().dir() / "ask").string();
    std::ofstream(program) << "#!/bin/sh\nname=$1; shift; exec " << built::agent() << " $name --socket " << socket
                           << " \"$@\"\n";
    ::chmod(program.c_str(), 0755);
    return run({"env", "CUBELET=" + program, "sh", "-c", line});
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

TEST_F(Client, ExecRunsACommand) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  Finished ended = node().client({"exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(ended.exitCode, 3);
  EXPECT_EQ(ended.output, "out\n");
  EXPECT_EQ(ended.errors, "err\n");
  Finished none = node().client({"exec", "web", "--", "/no/such/program"});
  EXPECT_NE(none.exitCode, 0);
  EXPECT_NE(none.errors.find("no such file"), std::string::npos) << none.errors;
  Finished unknown = node().client({"exec", "web", "-c", "none", "--", "true"});
  EXPECT_EQ(unknown.exitCode, 1);
  EXPECT_NE(unknown.errors.find("container not found (\"none\")"), std::string::npos) << unknown.errors;
}

TEST_F(Client, ExecCarriesMegabytesBothWays) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  EXPECT_EQ(type("printf hello | $CUBELET exec -i web -- cat").output, "hello");
  EXPECT_EQ(type("head -c 5000000 /dev/zero | $CUBELET exec -i web -- wc -c").output, "5000000\n");
  EXPECT_EQ(type("$CUBELET exec web -- head -c 5000000 /dev/zero | wc -c").output, "5000000\n");
  EXPECT_EQ(type("head -c 5000000 /dev/zero | $CUBELET exec -i web -- cat | wc -c").output, "5000000\n");
}

TEST_F(Client, ExecGivesATerminal) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  EXPECT_EQ(type("$CUBELET exec -t web -- sh -c 'test -t 1 && echo terminal'").output, "terminal\r\n");
  // `script` has a terminal of its own: what is typed there reaches the shell in the container.
  const std::string shown =
      type(
          "(sleep 1; echo 'stty size'; sleep 1; echo exit) | script -qc \"stty cols 91 rows 17; $CUBELET exec -it web "
          "-- sh\" /dev/null")
          .output;
  EXPECT_NE(shown.find("17 91"), std::string::npos) << shown;
}

TEST_F(Client, AttachShowsWhatComes) {
  node().write("ticks.json", pod("ticks", {shell("c", "c", "while :; do echo tick; usleep 100000; done")}));
  node().startAgent();
  ASSERT_TRUE(eventually("pod ticks is ready", kSoon, isReady(node(), "ticks")));
  EXPECT_NE(type("timeout 2 $CUBELET attach ticks").output.find("tick\n"), std::string::npos);
}

TEST_F(Client, PortForwardReachesAPodsLoopback) {
  node().write("www.json",
               pod("www", {shell("c", "c",
                                 "mkdir -p /tmp/www; head -c 3000000 /dev/zero > /tmp/www/zeros; echo served > "
                                 "/tmp/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /tmp/www")}));
  node().startAgent();
  ASSERT_TRUE(eventually("pod www is ready", kSoon, isReady(node(), "www")));
  const std::string file = (node().dir() / "forward").string();
  Process forward(
      {built::agent(), "port-forward", "www", ":8080", ":9", "--socket", (node().dir() / "cubelet.sock").string()},
      file);
  std::string port;
  ASSERT_TRUE(eventually("it listens", kSoon, [&] {
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::string before = "Forwarding from 127.0.0.1:";
    if (text.find(" -> 9\n") == std::string::npos) return "only this: " + text;
    port = text.substr(before.size(), text.find(" ->") - before.size());
    return std::string();
  }));
  const std::string url = "http://127.0.0.1:" + port;
  EXPECT_TRUE(eventually("the page is served", kSoon, [&] {
    const std::string got = run({"curl", "-s", url + "/index.html"}).output;
    std::ifstream in(file);
    return got == "served\n" ? "" : got + std::string{std::istreambuf_iterator<char>(in), {}};
  }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(type("curl -s " + url + "/zeros | wc -c").output, "3000000\n");
  forward.signal(SIGINT);
  EXPECT_TRUE(forward.waitExit(kSoon));
}

TEST_F(Client, TopShowsWhatIsUsedAtTheMoment) {
  node().startAgent();
  node().write("busy.json", pod("busy", {shell("c", "busy", "while :; do :; done")}));
  ASSERT_TRUE(eventually("pod busy is ready", kSoon, isReady(node(), "busy")));
  const json top = json::parse(node().client({"top", "-o", "json"}).output);
  EXPECT_EQ(top["node"]["name"], "node1");
  EXPECT_GT(top["node"]["memoryBytes"].get<long>(), 0);
  ASSERT_EQ(top["pods"].size(), 1u);
  EXPECT_EQ(top["pods"][0]["name"], "busy-node1");
  EXPECT_GT(top["pods"][0]["containers"][0]["cpuNanoCores"].get<long>(), 10'000'000) << top.dump();
  EXPECT_NE(node().client({"top", "--containers"}).output.find("busy-node1   c "), std::string::npos);
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
