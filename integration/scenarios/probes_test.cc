// Probes and lifecycle hooks on a real runtime: commands, HTTP and TCP against the pod's own address.
#include <filesystem>
#include <fstream>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

// Three failures, a second apart, on a busy machine.
constexpr Duration kThreeFailures = 15s;

class Probes : public NodeTest {
 protected:
  void start(json manifest) {
    node().write("p.json", std::move(manifest));
    node().startAgent();
  }
  // What a script in the container looks for at /out/NAME.
  void put(const std::string& name) { std::ofstream(node().records() / name) << "yes\n"; }
  void take(const std::string& name) { fs::remove(node().records() / name); }

  Look isNotReady() {
    return [this] {
      json seen = node().podOf("p");
      return !seen.is_null() && conditionOf(seen, "Ready") == "False" ? "" : "pod p is ready";
    };
  }
  Look hasRestarts(int count) {
    return [this, count] {
      json status = statusOf(node().podOf("p"), "c");
      const int seen = status.value("restartCount", -1);
      return seen >= count ? "" : "restartCount is " + std::to_string(seen);
    };
  }
  static json probe(json handler, int failures = 3) {
    handler["periodSeconds"] = 1;
    handler["failureThreshold"] = failures;
    return handler;
  }
  static json exec(const std::string& script) { return {{"exec", {{"command", json::array({"sh", "-c", script})}}}}; }
};

TEST_F(Probes, PRB_8_ReadinessByCommandFlipsBothWays) {
  json web = marker("c", "c");
  web["readinessProbe"] = probe(exec("test -e /out/ready || { echo not yet; exit 1; }"));
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it says why", kSoon, logSays(node(), "Readiness probe failed: not yet")));
  EXPECT_TRUE(stays("it is not ready", 1s, isNotReady()));
  put("ready");
  ASSERT_TRUE(eventually("it is ready", 5s, isReady(node(), "p")));
  take("ready");
  ASSERT_TRUE(eventually("it is not ready any more", kThreeFailures, isNotReady()));
  EXPECT_EQ(node().starts("c"), 1U) << "readiness never restarts";
}

TEST_F(Probes, PRB_11_ReadinessByHttpAtANamedPort) {
  json web = shell("c", "c", "exec httpd -f -p 8080 -h /out");
  web["ports"] = json::parse(R"([{"name":"http","containerPort":8080}])");
  web["readinessProbe"] = probe({{"httpGet", {{"path", "/healthy"}, {"port", "http"}}}});
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it says why", kSoon, logSays(node(), "HTTP probe failed with statuscode: 404")));
  put("healthy");
  ASSERT_TRUE(eventually("it is ready", 5s, isReady(node(), "p")));
  take("healthy");
  ASSERT_TRUE(eventually("it is not ready any more", kThreeFailures, isNotReady()));
}

TEST_F(Probes, PRB_12_ReadinessByTcp) {
  json web = shell("c", "c", "until [ -e /out/listen ]; do sleep 0.1; done; exec httpd -f -p 8080 -h /out");
  web["readinessProbe"] = probe({{"tcpSocket", {{"port", 8080}}}});
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it says why", kSoon, logSays(node(), "connect: connection refused")));
  EXPECT_TRUE(isNotReady()().empty());
  put("listen");
  ASSERT_TRUE(eventually("it is ready", 5s, isReady(node(), "p")));
}

TEST_F(Probes, PRB_7_LivenessRestartsAndPreStopRunsBefore) {
  json web = marker("c", "c");
  web["livenessProbe"] = probe(exec("! test -e /out/ill"));
  web["lifecycle"]["preStop"] = exec("rm -f /out/ill; mark /out/hook true");
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  put("ill");
  ASSERT_TRUE(eventually("it is restarted", kThreeFailures, hasRestarts(1)));
  ASSERT_TRUE(eventually("it is ready again", kSoon, isReady(node(), "p")));
  EXPECT_TRUE(logSays(node(), "Container c failed liveness probe, will be restarted")().empty());
  ASSERT_EQ(node().starts("hook"), 1U);
  ASSERT_EQ(node().marks("c", "term").size(), 1U);
  EXPECT_LT(node().marks("hook")[0].monotonic, node().marks("c", "term")[0].monotonic);
}

TEST_F(Probes, PRB_10_ACommandThatHangsFails) {
  json web = marker("c", "c");
  web["readinessProbe"] = probe(exec("sleep 60"), 1);
  web["readinessProbe"]["timeoutSeconds"] = 1;
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  EXPECT_TRUE(eventually("it says so", kSoon, logSays(node(), "timed out after 1s")));
}

TEST_F(Probes, PRB_4_StartupHoldsTheOthersBack) {
  json web = marker("c", "c");
  web["startupProbe"] = probe(exec("test -e /out/up"), 60);
  web["livenessProbe"] = probe(exec("test -e /out/up"), 1);
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it runs", kSoon, hasStarts(node(), "c", 1)));
  EXPECT_TRUE(stays("it is not started and not killed", 3s, [&]() -> std::string {
    json status = statusOf(node().podOf("p"), "c");
    if (status.value("started", false)) return "it counts as started";
    return node().starts("c") == 1 ? "" : "it was restarted";
  }));
  put("up");
  EXPECT_TRUE(eventually("it is ready", 5s, isReady(node(), "p")));
}

TEST_F(Probes, PRB_16_KeptOverARestartOfTheAgent) {
  json web = marker("c", "c");
  web["readinessProbe"] = probe(exec("test -e /out/ready"));
  web["livenessProbe"] = probe(exec("true"));
  put("ready");
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("known again and ready", kSoon, isReady(node(), "p")));
  take("ready");
  EXPECT_TRUE(eventually("probing goes on", kThreeFailures, isNotReady()));
  EXPECT_EQ(node().starts("c"), 1U);
}

TEST_F(Probes, TRM_2_PreStopRunsToItsEndBeforeTheSignal) {
  json web = marker("c", "c");
  web["lifecycle"]["preStop"] = exec("mark /out/hook sleep 2; mark /out/hook-done true");
  json manifest = pod("p", {web});
  manifest["spec"]["terminationGracePeriodSeconds"] = 30;
  ASSERT_NO_FATAL_FAILURE(start(manifest));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  node().remove("p.json");
  ASSERT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  ASSERT_EQ(node().starts("hook-done"), 1U);
  ASSERT_EQ(node().marks("c", "term").size(), 1U);
  EXPECT_LT(node().marks("hook-done")[0].monotonic, node().marks("c", "term")[0].monotonic);
}

TEST_F(Probes, TRM_7_PreStopByHttp) {
  // A server that leaves a trace of what it is asked for; busybox' httpd writes requests to its error output.
  json web = shell("c", "c", "exec httpd -f -vv -p 8080 -h /out 2>/out/requests");
  web["lifecycle"]["preStop"] = {{"httpGet", {{"path", "/goodbye"}, {"port", 8080}}}};
  web["readinessProbe"] = probe({{"tcpSocket", {{"port", 8080}}}});
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  node().remove("p.json");
  ASSERT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  EXPECT_NE(node().record("requests").find("/goodbye"), std::string::npos) << node().record("requests");
  EXPECT_FALSE(logSays(node(), "FailedPreStopHook")().empty()) << "the answer 404 is an answer";
}

TEST_F(Probes, TRM_3_AHookThatHangsIsAbandoned) {
  json web = marker("c", "c");
  web["lifecycle"]["preStop"] = exec("sleep 100");
  json manifest = pod("p", {web});
  manifest["spec"]["terminationGracePeriodSeconds"] = 3;
  ASSERT_NO_FATAL_FAILURE(start(manifest));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  node().remove("p.json");
  EXPECT_TRUE(eventually("it is gone soon after its grace", 12s, isGone(node(), "p")));
  EXPECT_EQ(node().marks("c", "term").size(), 1U) << "and had its signal";
}

TEST_F(Probes, REC_2_PreStopIsResumedAfterARestartOfTheAgent) {
  json web = marker("c", "c");
  web["lifecycle"]["preStop"] = exec("mark /out/hook sleep 3; mark /out/hook-done true");
  json manifest = pod("p", {web});
  manifest["spec"]["terminationGracePeriodSeconds"] = 30;
  ASSERT_NO_FATAL_FAILURE(start(manifest));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  node().remove("p.json");
  ASSERT_TRUE(eventually("the hook runs", kSoon, hasStarts(node(), "hook", 1)));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("it is gone", kSoon, isGone(node(), "p")));
  EXPECT_GE(node().starts("hook-done"), 1U) << "the hook came to its end";
  EXPECT_EQ(node().marks("c", "term").size(), 1U);
}

TEST_F(Probes, TRM_6_PostStartComesFirst) {
  json first = marker("c", "c");
  first["lifecycle"]["postStart"] = exec("mark /out/hook sleep 2; mark /out/hook-done true");
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {first, marker("d", "d")})));
  ASSERT_TRUE(eventually("the hook runs", kSoon, hasStarts(node(), "hook", 1)));
  EXPECT_EQ(statusOf(node().podOf("p"), "c")["state"]["waiting"]["reason"], "ContainerCreating");
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "p")));
  ASSERT_EQ(node().starts("hook-done"), 1U);
  EXPECT_LT(node().marks("hook-done")[0].monotonic, node().marks("d")[0].monotonic);
}

TEST_F(Probes, TRM_6_AFailedPostStartKillsTheContainer) {
  json web = marker("c", "c");
  web["lifecycle"]["postStart"] = exec("exit 1");
  ASSERT_NO_FATAL_FAILURE(start(pod("p", {web})));
  ASSERT_TRUE(eventually("it waits", kSoon, isWaiting(node(), "p", "c", "PostStartHookError")));
  EXPECT_TRUE(logSays(node(), "FailedPostStartHook")().empty());
  EXPECT_TRUE(eventually("it had its signal", 5s, hasMark(node(), "c", "term")));
}

TEST_F(Probes, DLN_2_AnOverduePodFails) {
  json manifest = pod("p", {marker("c", "c")});
  manifest["spec"]["activeDeadlineSeconds"] = 4;
  ASSERT_NO_FATAL_FAILURE(start(manifest));
  ASSERT_TRUE(eventually("it runs", kSoon, hasStarts(node(), "c", 1)));
  ASSERT_TRUE(eventually("it fails", kSoon, phaseIs(node(), "p", "Failed")));
  EXPECT_EQ(node().podOf("p")["status"]["reason"], "DeadlineExceeded");
  EXPECT_TRUE(stays("it is not started again", 2s, hasStarts(node(), "c", 1)));
}

}  // namespace
}  // namespace cubelet::integration
