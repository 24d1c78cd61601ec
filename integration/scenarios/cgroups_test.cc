// The cgroups of pods: what lies where, with which limits, and that nothing stays behind.
#include "integration/harness/cgroups.h"

#include <csignal>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

constexpr long long kMi = 1 << 20;

class Cgroups : public NodeTest {
 protected:
  // {"cpu": "100m"} for requests and limits.
  static json podWith(const std::string& name, const json& requests, const json& limits) {
    json one = marker("c", name);
    one["resources"] = {{"requests", requests}, {"limits", limits}};
    return pod(name, {one});
  }
  void startPod(const std::string& name, const json& manifest) {
    node().write(name + ".json", manifest);
    ASSERT_TRUE(eventually("pod " + name + " is ready", kSoon, isReady(node(), name)));
  }
  std::string kubepods(const std::string& below = "") { return node().cgroupRoot() + "/kubepods" + below; }
  std::string cgroupOf(const std::string& pod, const std::string& qos) {
    return kubepods(qos + "/pod" + node().podOf(pod)["metadata"]["uid"].get<std::string>());
  }
  Look isRemoved(const std::string& cgroup) {
    return [cgroup] {
      const std::vector<fs::path> left = cgroupDirectories(cgroup);
      return left.empty() ? std::string() : "there is still " + left.front().string();
    };
  }
  Look says(const std::string& controller, const std::string& cgroup, const std::string& file,
            const std::string& want) {
    return [=] {
      const std::string seen = cgroupValue(controller, cgroup, file);
      return seen == want ? "" : std::string(file).append(" of ").append(cgroup).append(" is ").append(seen);
    };
  }
  Look hasCpu(const std::string& cgroup, const std::string& shares, const std::string& weight) {
    return isCgroupV2() ? says("cpu", cgroup, "cpu.weight", weight) : says("cpu", cgroup, "cpu.shares", shares);
  }
  Look hasMemory(const std::string& cgroup, long long bytes) {
    return says("memory", cgroup, isCgroupV2() ? "memory.max" : "memory.limit_in_bytes", std::to_string(bytes));
  }
  bool hasContainersBelow(const std::string& cgroup, const std::string& pod) {
    for (const auto& each : node().cri().containersOf(node().fullName(pod)))
      if (directoriesAt(containerCgroupPath(cgroup, each.id())).empty()) return false;
    return true;
  }
};

TEST_F(Cgroups, RES_12_EachClassHasItsPlaceAndItsLimits) {
  node().config["podPidsLimit"] = 200;
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("g", podWith("g", json::object(), {{"cpu", "200m"}, {"memory", "64Mi"}})));
  ASSERT_NO_FATAL_FAILURE(startPod("b", podWith("b", {{"cpu", "250m"}, {"memory", "1Mi"}}, {{"memory", "32Mi"}})));
  ASSERT_NO_FATAL_FAILURE(startPod("e", pod("e", {marker("c", "e")})));

  const std::string guaranteed = cgroupOf("g", "");
  EXPECT_EQ(hasCpu(guaranteed, "204", "29")(), "");
  EXPECT_EQ(hasMemory(guaranteed, 64 * kMi)(), "");
  if (isCgroupV2())
    EXPECT_EQ(cgroupValue("cpu", guaranteed, "cpu.max"), "20000 100000");
  else
    EXPECT_EQ(cgroupValue("cpu", guaranteed, "cpu.cfs_quota_us"), "20000");
  EXPECT_EQ(cgroupValue("pids", guaranteed, "pids.max"), "200");

  const std::string burstable = cgroupOf("b", "/burstable");
  EXPECT_EQ(hasCpu(burstable, "256", "35")(), "");
  EXPECT_EQ(hasMemory(burstable, 32 * kMi)(), "");
  if (!isCgroupV2()) EXPECT_EQ(cgroupValue("cpu", burstable, "cpu.cfs_quota_us"), "-1");

  const std::string bestEffort = cgroupOf("e", "/besteffort");
  EXPECT_EQ(hasCpu(bestEffort, "2", "1")(), "");

  EXPECT_EQ(hasCpu(kubepods("/burstable"), "256", "35")(), "");
  EXPECT_EQ(hasCpu(kubepods("/besteffort"), "2", "1")(), "");

  EXPECT_TRUE(hasContainersBelow(guaranteed, "g"));
  EXPECT_TRUE(hasContainersBelow(burstable, "b"));
  EXPECT_TRUE(hasContainersBelow(bestEffort, "e"));

  for (const char* name : {"g", "b", "e"}) node().remove(std::string(name) + ".json");
  for (const std::string& cgroup : {guaranteed, burstable, bestEffort})
    EXPECT_TRUE(eventually("the cgroup is gone", kSoon, isRemoved(cgroup)));
  EXPECT_TRUE(eventually("the class has let go", kSoon, hasCpu(kubepods("/burstable"), "2", "1")));
}

TEST_F(Cgroups, RES_16_AllPodsTogetherAreLimited) {
  node().config["systemReserved"] = {{"memory", "100Mi"}, {"pid", "1000"}};
  node().config["kubeReserved"] = {{"memory", "28Mi"}};
  node().startAgent();
  ASSERT_TRUE(eventually("limits are enforced", kSoon, logSays(node(), "NodeAllocatableEnforced")));
  std::ifstream info("/proc/meminfo");
  std::string word;
  long long kilobytes = 0;
  info >> word >> kilobytes;
  EXPECT_EQ(hasMemory(kubepods(), (kilobytes * 1024 - 128 * kMi) / 4096 * 4096)(), "");
}

TEST_F(Cgroups, RES_19_OutOfMemoryIsToldForTheContainerThatWasHit) {
  node().startAgent();
  json hungry = shell("hungry", "hungry", "exec tail /dev/zero");
  hungry["resources"] = {{"limits", {{"memory", "16Mi"}}}};
  json manifest = pod("a", {hungry, marker("calm", "calm")});
  manifest["spec"]["restartPolicy"] = "Never";
  node().write("a.json", manifest);
  EXPECT_TRUE(eventually("it is told", kSoon, [&]() -> std::string {
    const json state = statusOf(node().podOf("a"), "hungry").value("state", json::object());
    const json ended = state.value("terminated", json::object());
    const bool told = ended.value("reason", "") == "OOMKilled" && ended.value("exitCode", 0) == 137;
    return told ? "" : "the state is " + state.dump();
  }));
  EXPECT_TRUE(eventually("the other one runs", kSoon, [&]() -> std::string {
    const json state = statusOf(node().podOf("a"), "calm").value("state", json::object());
    return state.contains("running") ? "" : "the state is " + state.dump();
  }));
}

// A process that somebody has put there does not keep it.
TEST_F(Cgroups, RES_21_AKilledAgentsLeftOversAreRemovedAtTheNextStart) {
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a", pod("a", {marker("c", "a")})));
  ASSERT_NO_FATAL_FAILURE(startPod("b", pod("b", {marker("c", "b")})));
  const std::string mine = cgroupOf("a", "/besteffort");
  const std::string other = cgroupOf("b", "/besteffort");
  node().killAgent();
  node().remove("a.json");
  for (const auto& each : node().cri().sandboxesOf(node().fullName("a"))) node().cri().stopSandbox(each.id());
  const pid_t stray = fork();
  if (stray == 0) {
    for (;;) pause();
  }
  // Below it, as a container's would be: cgroup v2 takes no process where controllers are handed on.
  for (const fs::path& directory : cgroupDirectories(mine)) {
    fs::create_directory(directory / "left");
    std::ofstream(directory / "left" / "cgroup.procs") << stray;
  }
  node().startAgent();
  EXPECT_TRUE(eventually("the cgroup is gone", kSoon, isRemoved(mine)));
  int status = 0;
  const Look isDead = [&]() -> std::string { return waitpid(stray, &status, WNOHANG) == stray ? "" : "it runs"; };
  const bool ended = static_cast<bool>(eventually("the stray is dead", 10s, isDead));
  if (!ended) kill(stray, SIGKILL);
  EXPECT_TRUE(ended && WIFSIGNALED(status));
  EXPECT_FALSE(cgroupDirectories(other).empty());
  EXPECT_EQ(node().starts("b"), 1u);
}

TEST_F(Cgroups, RES_21_ACgroupThatNobodyKnowsIsRemovedAtStart) {
  const std::string orphan = kubepods("/burstable/pod12345678-1234-1234-1234-123456789012");
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a", pod("a", {marker("c", "a")})));
  EXPECT_EQ(node().stopAgent(), 0);
  for (const fs::path& directory : cgroupDirectories(kubepods("/burstable")))
    fs::create_directory(directory / fs::path(cgroupPath(orphan)).filename());
  ASSERT_FALSE(cgroupDirectories(orphan).empty());
  node().startAgent();
  EXPECT_TRUE(eventually("the cgroup is gone", kSoon, isRemoved(orphan)));
  EXPECT_FALSE(cgroupDirectories(cgroupOf("a", "/besteffort")).empty());
}

TEST_F(Cgroups, RES_7_PodsFromBeforeMoveIntoTheirCgroups) {
  node().config["cgroupsPerQOS"] = false;
  node().config["enforceNodeAllocatable"] = json::array({"none"});
  node().startAgent();
  ASSERT_NO_FATAL_FAILURE(startPod("a", pod("a", {marker("c", "a")})));
  json once = pod("once", {marker("c", "once")});
  once["spec"]["restartPolicy"] = "Never";
  ASSERT_NO_FATAL_FAILURE(startPod("once", once));
  EXPECT_TRUE(cgroupDirectories(kubepods()).empty());
  EXPECT_EQ(node().stopAgent(), 0);
  node().config.erase("cgroupsPerQOS");
  node().config.erase("enforceNodeAllocatable");
  node().startAgent();
  ASSERT_TRUE(eventually("it was started again", kSoon, hasStarts(node(), "a", 2)));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "a")));
  EXPECT_FALSE(cgroupDirectories(cgroupOf("a", "/besteffort")).empty());
  EXPECT_EQ(node().starts("once"), 1u) << "it would not have come up again";
}

TEST_F(Cgroups, ANodeWithoutWritableCgroupsSaysSo) {
  node().config["cgroupRoot"] = "/" + std::string(5000, 'x');  // no path can be that long
  node().startAgent();
  node().write("a.json", pod("a", {marker("c", "a")}));
  ASSERT_TRUE(eventually("event", kSoon, logSays(node(), "FailedCreatePodContainer")));
  EXPECT_TRUE(eventually("advice", kSoon, logSays(node(), "cgroupsPerQOS: false")));
  EXPECT_TRUE(node().cri().sandboxesOf(node().fullName("a")).empty());
}

}  // namespace
}  // namespace cubelet::integration
