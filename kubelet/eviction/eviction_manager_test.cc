#include "kubelet/eviction/eviction_manager.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/async_test.h"
#include "base/task_group.h"
#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Names = std::vector<std::string>;

class FakeMachine final : public Machine {
 public:
  Task<Result<NodeReadings>> node() override {
    ++looks;
    co_return state;
  }
  Task<std::map<std::string, PodUsage>> usageOf(std::vector<core::Pod> pods, WantedUsage wanted) override {
    std::map<std::string, PodUsage> out;
    for (const core::Pod& pod : pods) {
      measured.push_back(pod.metadata().uid());
      if (wanted.walk) ++walks;
      out[pod.metadata().uid()] = wanted.walk ? walked : usage[pod.metadata().uid()];
    }
    if (takes > Duration::zero()) co_await clock->sleep(takes);
    co_return out;
  }
  void setMemory(std::int64_t available) {
    state.readings[Signal::kMemoryAvailable] = {.available = available, .capacity = kGi};
  }
  void setDisk(std::int64_t available) {
    state.readings[Signal::kNodeFsAvailable] = {.available = available, .capacity = kGi};
  }

  NodeReadings state;
  std::map<std::string, PodUsage> usage;
  PodUsage walked;  // what is there of a pod that a file system has counted
  int walks = 0;
  Names measured;
  int looks = 0;
  Clock* clock = nullptr;
  Duration takes{0};
};

class Manager : public AsyncTest {
 protected:
  Manager() {
    machine.clock = &clock;
    machine.setMemory(kGi);
    machine.setDisk(kGi);
    options.thresholds = {{.signal = Signal::kMemoryAvailable, .value = {.quantity = "100Mi"}},
                          {.signal = Signal::kNodeFsAvailable, .value = {.quantity = "100Mi"}}};
  }
  ~Manager() override { loop.runToEnd(tasks.close()); }
  void begin() {
    EvictionManager::Hooks hooks;
    hooks.wanted = [this] { return cluster || !pods.empty(); };
    hooks.pods = [this] { return pods; };
    hooks.evict = [this](const Eviction& eviction) {
      evictions.push_back(eviction);
      std::erase_if(pods, [&](const core::Pod& pod) { return pod.metadata().uid() == eviction.uid; });
      ending.insert(eviction.uid);
    };
    hooks.isEnding = [this](const std::string& uid) { return ending.contains(uid); };
    hooks.removeDeadContainers = [this] {
      ++deadRemoved;
      return deadThere;
    };
    hooks.removeUnusedImages = [this] { return removeImages(); };
    hooks.pressure = [this](const Pressure& pressure) { pressures.push_back(namesOf(pressure)); };
    hooks.warn = [this](std::string_view reason, const std::string& message) {
      warnings.push_back(std::string(reason) + ": " + message);
    };
    manager = std::make_unique<EvictionManager>(clock, machine, options, std::move(hooks));
    tasks.spawn("eviction", manager->run());
    loop.poll();
  }
  Task<Result<void>> removeImages() {
    ++imagesRemoved;
    if (imagesFree > 0) machine.setDisk(imagesFree);
    co_return Result<void>();
  }
  void ended(const std::string& uid) {
    ending.erase(uid);
    manager->podsChanged();
    loop.poll();
  }
  Names evicted() {
    Names uids;
    for (const Eviction& one : evictions) uids.push_back(one.uid);
    return uids;
  }

  FakeMachine machine;
  EvictionOptions options;
  std::vector<core::Pod> pods = {makePod("a"), makePod("b")};
  bool cluster = true;
  std::vector<Eviction> evictions;
  std::set<std::string> ending;
  std::vector<Names> pressures;
  Names warnings;
  int deadRemoved = 0;
  bool deadThere = false;
  int imagesRemoved = 0;
  std::int64_t imagesFree = 0;
  TaskGroup tasks{loop};
  std::unique_ptr<EvictionManager> manager;
};

TEST_F(Manager, EVI_4_LooksEveryTenSeconds) {
  begin();
  EXPECT_EQ(machine.looks, 1);
  clock.advance(seconds(9));
  EXPECT_EQ(machine.looks, 1);
  clock.advance(seconds(1));
  EXPECT_EQ(machine.looks, 2);
  EXPECT_TRUE(pressures.empty());
  EXPECT_TRUE(machine.measured.empty()) << "nothing is measured of pods while nothing is short";
}

TEST_F(Manager, EVI_4_LooksAtOnceWhenTheKernelSaysSo) {
  begin();
  clock.advance(seconds(2));
  manager->look();
  loop.poll();
  EXPECT_EQ(machine.looks, 2);
  manager->look();
  loop.poll();
  EXPECT_EQ(machine.looks, 2) << "not twice within a second";
}

TEST_F(Manager, ANodeWithoutPodsAndClusterHasNoTimer) {
  cluster = false;
  pods.clear();
  begin();
  EXPECT_EQ(machine.looks, 0);
  EXPECT_EQ(clock.pendingTimers(), 0U);
  pods.push_back(makePod("a"));
  manager->podsChanged();
  loop.poll();
  EXPECT_EQ(machine.looks, 1);
}

TEST_F(Manager, WithoutThresholdsAndLimitsItEnds) {
  options.thresholds.clear();
  options.limitsStorage = false;
  begin();
  EXPECT_EQ(machine.looks, 0);
  EXPECT_EQ(tasks.size(), 0U);
}

TEST_F(Manager, EVI_6_OnePodAtATimeUntilThereIsEnough) {
  machine.setMemory(50 * kMi);
  machine.usage["a"].memory = 10;
  machine.usage["b"].memory = 20;
  begin();
  EXPECT_EQ(evicted(), Names{"b"});
  EXPECT_EQ(pressures, (std::vector<Names>{{"MemoryPressure"}}));
  EXPECT_EQ(warnings, Names{"EvictionThresholdMet: Attempting to reclaim memory"});
  clock.advance(seconds(15));
  EXPECT_EQ(evictions.size(), 1U) << "what it used is not free yet";
  ended("b");
  EXPECT_EQ(evicted(), (Names{"b", "a"})) << "still short: at once";
  machine.setMemory(kGi);
  ended("a");
  clock.advance(minutes(6));
  EXPECT_EQ(evictions.size(), 2U);
  EXPECT_EQ(pressures.back(), Names{});
}

TEST_F(Manager, EVI_6_WaitsAtMostThirtySecondsForAnEnd) {
  machine.setMemory(50 * kMi);
  begin();
  clock.advance(seconds(29));
  EXPECT_EQ(evictions.size(), 1U);
  clock.advance(seconds(1));
  EXPECT_EQ(evictions.size(), 2U);
}

TEST_F(Manager, EVI_7_HardOnesLeaveASecond) {
  machine.setMemory(50 * kMi);
  begin();
  ASSERT_EQ(evictions.size(), 1U);
  EXPECT_EQ(evictions[0].grace, seconds(1));
  EXPECT_TRUE(evictions[0].disruption);
  EXPECT_EQ(evictions[0].signal, "memory.available");
}

TEST_F(Manager, EVI_7_SoftOnesLeaveWhatIsConfiguredAndThePodAsksFor) {
  options.thresholds[0].grace = seconds(20);
  options.longestGrace = seconds(60);
  pods[1].mutable_spec()->set_terminationgraceperiodseconds(5);
  machine.usage["a"].memory = 20;
  machine.setMemory(50 * kMi);
  begin();
  EXPECT_TRUE(evictions.empty());
  EXPECT_EQ(pressures, (std::vector<Names>{{"MemoryPressure"}}));
  clock.advance(seconds(20));
  ASSERT_EQ(evictions.size(), 1U);
  EXPECT_EQ(evictions[0].uid, "b") << "what it uses is not known";
  EXPECT_EQ(evictions[0].grace, seconds(5));
  ended("b");
  ASSERT_EQ(evictions.size(), 2U);
  EXPECT_EQ(evictions[1].grace, seconds(60));
}

TEST_F(Manager, EVI_7_STA_9_CriticalPodsStay) {
  pods = {asStatic(makePod("static")), withPriority(makePod("system"), 2'000'000'000)};
  pods[0] = withEmptyDir(pods[0], "v", "1");
  machine.usage["static"].volumes["v"].bytes = 100;
  machine.setMemory(50 * kMi);
  machine.setDisk(50 * kMi);
  begin();
  clock.advance(minutes(2));
  EXPECT_TRUE(evictions.empty());
  EXPECT_EQ(pressures.back(), (Names{"MemoryPressure", "DiskPressure"}));
}

TEST_F(Manager, EVI_8_WhatThePodIsTold) {
  machine.setMemory(50 * kMi);
  machine.usage["a"].memory = 20 * kMi;
  machine.usage["b"].memory = 10 * kMi;
  machine.usage["a"].containers["c"].memory = 20 * kMi;
  begin();
  ASSERT_EQ(evictions.size(), 1U);
  EXPECT_EQ(evictions[0].notice.message,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
            "Container c was using 20Mi, request is 0, has larger consumption of memory. ");
}

TEST_F(Manager, EVI_5_ImagesGoBeforePods) {
  machine.setDisk(50 * kMi);
  imagesFree = kGi;
  begin();
  EXPECT_EQ(deadRemoved, 1);
  EXPECT_EQ(imagesRemoved, 1);
  EXPECT_TRUE(evictions.empty());
  EXPECT_EQ(pressures, (std::vector<Names>{{"DiskPressure"}}));
  EXPECT_EQ(warnings, Names{"EvictionThresholdMet: Attempting to reclaim ephemeral-storage"});
}

TEST_F(Manager, EVI_5_DeadContainersGetTheirTimeOnce) {
  machine.setDisk(50 * kMi);
  deadThere = true;
  begin();
  EXPECT_TRUE(evictions.empty());
  clock.advance(seconds(10));
  EXPECT_EQ(evictions.size(), 1U);
}

TEST_F(Manager, EVI_5_NothingOfTheNodeHelpsAgainstLogsWhenImagesAreApart) {
  machine.state.layout.imagesApart = true;
  machine.setDisk(50 * kMi);
  begin();
  EXPECT_EQ(deadRemoved, 0);
  EXPECT_EQ(imagesRemoved, 0);
  EXPECT_EQ(evictions.size(), 1U);
}

TEST_F(Manager, EVI_5_NothingOfTheNodeHelpsAgainstMemory) {
  machine.setMemory(50 * kMi);
  begin();
  EXPECT_EQ(imagesRemoved, 0);
}

TEST_F(Manager, EMP_4_EVI_9_APodThatWroteTooMuchGoes) {
  pods[0] = withEmptyDir(pods[0], "v", "1Mi");
  machine.usage["a"].volumes["v"].bytes = kMi;
  begin();
  EXPECT_TRUE(evictions.empty());
  EXPECT_EQ(machine.measured, Names{"a"}) << "only pods with a limit";
  machine.usage["a"].volumes["v"].bytes = kMi + 1;
  clock.advance(seconds(10));
  ASSERT_EQ(evicted(), Names{"a"});
  EXPECT_EQ(evictions[0].notice.message, "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  EXPECT_EQ(evictions[0].grace, seconds(1));
  EXPECT_FALSE(evictions[0].disruption);
  EXPECT_EQ(evictions[0].signal, "emptydirfs.limit");
  EXPECT_TRUE(pressures.empty());
}

TEST_F(Manager, EVI_9_WhatAFileSystemHasCountedIsLookedAtBeforeAPodGoes) {
  pods[0] = withEmptyDir(pods[0], "v", "1Mi");
  machine.usage["a"].byQuota = true;
  machine.usage["a"].volumes["v"].bytes = kMi;
  begin();
  EXPECT_EQ(machine.walks, 0) << "there cannot be more than that";
  machine.usage["a"].volumes["v"].bytes = kMi + 1;
  machine.walked.volumes["v"].bytes = kMi;
  clock.advance(seconds(10));
  EXPECT_EQ(machine.walks, 1);
  EXPECT_TRUE(evictions.empty()) << "some of it was another pod's";
  machine.walked.volumes["v"].bytes = kMi + 1;
  clock.advance(seconds(10));
  EXPECT_EQ(evicted(), Names{"a"});
}

TEST_F(Manager, EVI_9_NotWithoutLocalStorageCapacityIsolation) {
  options.limitsStorage = false;
  pods[0] = withEmptyDir(pods[0], "v", "1Mi");
  machine.usage["a"].volumes["v"].bytes = kGi;
  begin();
  EXPECT_TRUE(evictions.empty());
}

TEST_F(Manager, ALongWalkIsMadeLessOften) {
  pods[0] = withEmptyDir(pods[0], "v", "1Mi");
  machine.takes = seconds(5);
  begin();
  clock.advance(seconds(5));
  EXPECT_EQ(machine.measured.size(), 1U);
  clock.advance(seconds(99));
  EXPECT_EQ(machine.measured.size(), 1U);
  clock.advance(seconds(20));
  EXPECT_EQ(machine.measured.size(), 2U);
}

TEST(Options, EVI_4_FromTheConfiguration) {
  config::KubeletConfiguration config;
  config.mutable_evictionpressuretransitionperiod()->set_duration(std::chrono::nanoseconds(minutes(1)).count());
  config.set_evictionmaxpodgraceperiod(30);
  config.set_localstoragecapacityisolation(false);
  const EvictionOptions options = evictionOptions(config);
  EXPECT_EQ(options.transition, minutes(1));
  EXPECT_EQ(options.longestGrace, seconds(30));
  EXPECT_FALSE(options.limitsStorage);
}

}  // namespace
}  // namespace cubelet::eviction
