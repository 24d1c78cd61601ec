#include "kubelet/cgroups/pod_cgroups.h"

#include <gtest/gtest.h>
#include <set>

#include "kubelet/cgroups/fake_bus.h"
#include "kubelet/cgroups/fake_tree.h"

namespace cubelet::cgroups {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

core::Pod podOf(const std::string& uid, const std::string& cpuRequest, const std::string& limit = "") {
  core::Pod pod;
  pod.mutable_metadata()->set_uid(uid);
  auto* resources = pod.mutable_spec()->add_containers()->mutable_resources();
  if (!cpuRequest.empty()) (*resources->mutable_requests())["cpu"].set_string(cpuRequest);
  if (!limit.empty())
    for (const char* resource : {"cpu", "memory"}) {
      (*resources->mutable_requests())[resource].set_string(limit);
      (*resources->mutable_limits())[resource].set_string(limit);
    }
  return pod;
}

struct PodCgroupsTest : testing::Test {
  ~PodCgroupsTest() override {
    if (cgroups) loop.runToEnd(cgroups->close());
  }
  PodCgroups& make() {
    cgroups = std::make_unique<PodCgroups>(
        loop, clock, pool, tree, bus, DriverKind::kCgroupfs, options,
        PodCgroups::Hooks{.askDriver = [this] { return answer(); },
                          .enforced =
                              [this](const Result<std::string>& outcome) {
                                outcomes.push_back(outcome ? *outcome : outcome.error().message);
                              }});
    return *cgroups;
  }
  Task<Result<std::optional<DriverKind>>> answer() {
    ++asked;
    co_return runtimeSays;
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    tasks.spawn("test", into(std::move(task), &out));
    while (!out) {
      settle();
      if (!out && clock.nextDue() != TimePoint::max()) clock.advance(clock.nextDue() - clock.now());
    }
    return std::move(*out);
  }
  template <class T>
  static Task<void> into(Task<T> task, std::optional<T>* out) {
    T value = co_await std::move(task);
    out->emplace(std::move(value));
  }
  void settle() {
    do {
      loop.poll();
      if (pool.awaited() > 0) loop.context().run_one_for(seconds(5));
    } while (loop.poll() > 0 || pool.awaited() > 0);
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  FakeTree tree;
  FakeBus bus;
  PodCgroupsOptions options;
  Result<std::optional<DriverKind>> runtimeSays = std::optional<DriverKind>();
  int asked = 0;
  std::vector<std::string> outcomes;
  TaskGroup tasks{loop};
  std::unique_ptr<PodCgroups> cgroups;
};

TEST_F(PodCgroupsTest, RES_13_ClassesAreMadeAtStart) {
  options.node = {.cpuShares = 2048, .memoryMax = 1000};
  ASSERT_TRUE(run(make().start()));
  settle();
  EXPECT_EQ(tree.content("/kubepods/cpu.weight"), "174");
  EXPECT_EQ(tree.content("/kubepods/memory.max"), "1000");
  EXPECT_EQ(tree.content("/kubepods/besteffort/cpu.weight"), "1");
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "1");
  EXPECT_EQ(tree.content("/kubepods/burstable/memory.max"), "");
  EXPECT_EQ(outcomes, std::vector<std::string>{"Updated Node Allocatable limit across pods"});
}

TEST_F(PodCgroupsTest, RES_13_BurstableSharesFollowThePods) {
  options.root = {"here"};
  PodCgroups& all = make();
  ASSERT_TRUE(run(all.add(podOf("a", "1"))));
  EXPECT_EQ(tree.content("/here/kubepods/burstable/cpu.weight"), "100");
  EXPECT_TRUE(tree.has("/here/kubepods/burstable/poda"));
  ASSERT_TRUE(run(all.add(podOf("b", "1"))));
  EXPECT_EQ(tree.content("/here/kubepods/burstable/cpu.weight"), "174");
  ASSERT_TRUE(run(all.add(podOf("g", "", "1"))));
  ASSERT_TRUE(run(all.add(podOf("n", ""))));
  EXPECT_EQ(tree.content("/here/kubepods/burstable/cpu.weight"), "174");
  EXPECT_TRUE(tree.has("/here/kubepods/podg"));
  EXPECT_TRUE(tree.has("/here/kubepods/besteffort/podn"));
  all.release("a");
  settle();
  EXPECT_EQ(tree.content("/here/kubepods/burstable/cpu.weight"), "100");
  ASSERT_TRUE(run(all.remove("b")));
  settle();
  EXPECT_EQ(tree.content("/here/kubepods/burstable/cpu.weight"), "1");
  EXPECT_FALSE(tree.has("/here/kubepods/burstable/podb"));
}

TEST_F(PodCgroupsTest, RES_5_TheRuntimesDriverWins) {
  runtimeSays = DriverKind::kSystemd;
  PodCgroups& all = make();
  const core::Pod pod = podOf("u-1", "1");
  ASSERT_TRUE(run(all.add(pod)));
  EXPECT_EQ(all.parentOf(pod), "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice");
  EXPECT_TRUE(tree.has(all.parentOf(pod)));
  EXPECT_TRUE(bus.units.contains("kubepods-burstable-podu_1.slice"));
  EXPECT_EQ(asked, 1);
  ASSERT_TRUE(run(all.remove("u-1")));
  EXPECT_FALSE(bus.units.contains("kubepods-burstable-podu_1.slice"));
}

TEST_F(PodCgroupsTest, RES_5_ARuntimeThatIsAwayIsAskedAgain) {
  runtimeSays = std::unexpected(Error(Code::kUnavailable, "", "no answer"));
  PodCgroups& all = make();
  EXPECT_EQ(run(all.start()).error().code, Code::kUnavailable);
  runtimeSays = std::optional<DriverKind>();
  EXPECT_TRUE(run(all.start()));
  EXPECT_TRUE(run(all.start()));
  EXPECT_EQ(asked, 2);
}

TEST_F(PodCgroupsTest, AReadOnlyTreeSaysWhatToDo) {
  tree.setReadOnly(true);
  PodCgroups& all = make();
  const Result<void> added = run(all.add(podOf("a", "1")));
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().message.find("Read-only file system"), std::string::npos);
  EXPECT_NE(added.error().message.find("cgroupsPerQOS: false"), std::string::npos);
  tree.setReadOnly(false);
  EXPECT_TRUE(run(all.add(podOf("a", "1")))) << "repaired without a restart";
}

TEST_F(PodCgroupsTest, RES_16_ALimitThatDoesNotHoldYetIsTriedAgain) {
  options.node.memoryMax = 1000;
  tree.failWrites("/kubepods/memory.max", Error(Code::kInternal, "", "Device or resource busy"));
  ASSERT_TRUE(run(make().start()));
  settle();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_NE(outcomes[0].find("Failed to update Node Allocatable Limits"), std::string::npos);
  tree.failWrites("", std::nullopt);
  clock.advance(minutes(1));
  settle();
  EXPECT_EQ(outcomes.back(), "Updated Node Allocatable limit across pods");
  EXPECT_EQ(tree.content("/kubepods/memory.max"), "1000");
}

TEST_F(PodCgroupsTest, RES_16_ReservedCgroupsMustExist) {
  options.reserved = {{"system reserved", {"system"}, {.cpuShares = 1024}}};
  ASSERT_TRUE(run(make().start()));
  settle();
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_NE(outcomes[1].find("there is no cgroup /system"), std::string::npos);
  ASSERT_TRUE(tree.makeDirectory("/system"));
  clock.advance(minutes(1));
  settle();
  EXPECT_EQ(outcomes.back(), "Updated limits on system reserved cgroup /system");
  EXPECT_EQ(tree.content("/system/cpu.weight"), "100");
}

TEST_F(PodCgroupsTest, RES_7_AdoptTellsWhetherItIsThere) {
  PodCgroups& all = make();
  EXPECT_EQ(run(all.adopt(podOf("a", "1"))), false);
  EXPECT_FALSE(tree.has("/kubepods/burstable/poda"));
  ASSERT_TRUE(run(all.start()));
  ASSERT_TRUE(tree.makeDirectory("/kubepods/burstable/poda"));
  EXPECT_EQ(run(all.adopt(podOf("a", "1"))), true);
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "100");
}

TEST_F(PodCgroupsTest, RES_21_LeftOverProcessesGetFiveTries) {
  PodCgroups& all = make();
  ASSERT_TRUE(run(all.add(podOf("a", ""))));
  tree.addProcess("/kubepods/besteffort/poda", 4711);
  // Each try removes before and after it has killed, the first one kills before anything dies: 1 + 4 * 2.
  tree.setSlowDeath(8);
  EXPECT_TRUE(run(all.remove("a")));
  ASSERT_TRUE(run(all.add(podOf("a", ""))));
  tree.addProcess("/kubepods/besteffort/poda", 4712);
  tree.setSlowDeath(9);
  const Result<void> removed = run(all.remove("a"));
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kUnavailable);
}

TEST_F(PodCgroupsTest, EndsOneContainerOfThePod) {
  PodCgroups& all = make();
  ASSERT_TRUE(run(all.add(podOf("a", "1"))));
  tree.put("/kubepods/burstable/poda/c1/cgroup.procs", "4711\n");
  tree.put("/kubepods/burstable/poda/cri-containerd-c2.scope/cgroup.procs", "4712\n");
  tree.addProcess("/kubepods/burstable/poda/c1", 4711);
  tree.addProcess("/kubepods/burstable/poda/cri-containerd-c2.scope", 4712);
  EXPECT_FALSE(run(all.endContainer("a", "c3")));
  EXPECT_TRUE(run(all.endContainer("a", "c2")));
  EXPECT_EQ(tree.killed(), std::set<int>{4712});
  EXPECT_TRUE(run(all.endContainer("a", "c1")));
  EXPECT_FALSE(run(all.endContainer("b", "c1")));
  EXPECT_FALSE(run(all.endContainer("a", ""))) << "that would be all of them";
}

TEST_F(PodCgroupsTest, RES_21_SlowsDownWhatCannotGoYet) {
  PodCgroups& all = make();
  ASSERT_TRUE(run(all.add(podOf("a", "1"))));
  EXPECT_EQ(tree.content("/kubepods/burstable/poda/cpu.weight"), "100");
  tasks.spawn("slow down", all.slowDown("a"));
  settle();
  EXPECT_EQ(tree.content("/kubepods/burstable/poda/cpu.weight"), "1");
  EXPECT_FALSE(tree.has("/kubepods/besteffort/poda"));
}

TEST_F(PodCgroupsTest, RES_21_OrphansAreRemovedAndNothingElse) {
  PodCgroups& all = make();
  ASSERT_TRUE(run(all.add(podOf("a", "1"))));
  ASSERT_TRUE(run(all.add(podOf("b", "1"))));
  ASSERT_TRUE(run(all.add(podOf("g", "", "1"))));
  ASSERT_TRUE(tree.makeDirectory("/kubepods/other"));
  ASSERT_TRUE(tree.makeDirectory("/podx"));
  tasks.spawn("orphans", all.removeOrphans([](const std::string& uid) { return uid == "a"; }));
  settle();
  EXPECT_TRUE(tree.has("/kubepods/burstable/poda"));
  EXPECT_FALSE(tree.has("/kubepods/burstable/podb"));
  EXPECT_FALSE(tree.has("/kubepods/podg"));
  EXPECT_TRUE(tree.has("/kubepods/other"));
  EXPECT_TRUE(tree.has("/kubepods/besteffort"));
  EXPECT_TRUE(tree.has("/podx"));
}

TEST_F(PodCgroupsTest, AUidThatLeadsElsewhereIsRefused) {
  PodCgroups& all = make();
  EXPECT_EQ(run(all.add(podOf("../x", "1"))).error().code, Code::kInvalid);
  EXPECT_TRUE(run(all.remove("../x")));
}

TEST_F(PodCgroupsTest, WithoutThemNothingIsTouched) {
  options.perQos = false;
  tree.setReadOnly(true);
  PodCgroups& all = make();
  EXPECT_TRUE(run(all.add(podOf("a", "1"))));
  EXPECT_EQ(run(all.adopt(podOf("a", "1"))), true);
  EXPECT_TRUE(run(all.remove("a")));
  EXPECT_EQ(all.parentOf(podOf("a", "1")), "");
  EXPECT_EQ(asked, 0);
  options.root = {"mine"};
  loop.runToEnd(all.close());
  EXPECT_EQ(make().parentOf(podOf("a", "1")), "/mine");
  PodCgroups bySystemd(loop, clock, pool, tree, bus, DriverKind::kSystemd, options,
                       PodCgroups::Hooks{.askDriver = [this] { return answer(); }});
  EXPECT_EQ(bySystemd.parentOf(podOf("a", "1")), "/mine.slice");
  loop.runToEnd(bySystemd.close());
}

}  // namespace
}  // namespace cubelet::cgroups
