#include "kubelet/images/image_collector.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>

#include "base/async_test.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/images/pull_records.h"

namespace cubelet::images {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Names = std::vector<std::string>;

class Collector : public AsyncTest {
 protected:
  ~Collector() override { loop.runToEnd(tasks.close()); }
  void begin() {
    ImageCollector::Hooks hooks;
    hooks.wanted = [this] { return wanted; };
    hooks.warn = [this](std::string_view reason, const std::string&) { events.emplace_back(reason); };
    hooks.spaceAt = [this](const std::string&) -> Result<DiskSpace> {
      return DiskSpace{.capacity = capacity, .available = available.load()};
    };
    hooks.removed = removed;
    collector = std::make_unique<ImageCollector>(clock, pool, runtime, runtime, policy, std::move(hooks));
    tasks.spawn("collector", collector->run());
    collector->look();
    settle();
  }
  void settle() {
    do {
      loop.poll();
      if (pool.awaited() > 0) loop.context().run_one_for(seconds(5));
    } while (loop.poll() > 0 || pool.awaited() > 0);
  }
  void advance(Duration by) {
    for (Duration passed{0}; passed < by; passed += seconds(10)) {
      clock.advance(seconds(10));
      settle();
    }
  }
  long count(const std::string& call) {
    const Names calls = runtime.calls();
    return std::ranges::count_if(calls, [&](const auto& one) { return one.starts_with(call + "("); });
  }
  void runContainer(const std::string& image) {
    cri::v1::PodSandboxConfig pod;
    pod.mutable_metadata()->set_name("pod");
    const std::string sandbox = loop.runToEnd(runtime.runPodSandbox(pod, "")).value();
    cri::v1::ContainerConfig config;
    config.mutable_metadata()->set_name("c");
    config.mutable_image()->set_image(image);
    EXPECT_TRUE(loop.runToEnd(runtime.createContainer(sandbox, config, pod)));
  }

  cri::FakeRuntime runtime{clock};
  BlockingPool pool{loop, clock, 2};
  ImageGcPolicy policy;
  std::optional<std::set<std::string>> wanted = std::set<std::string>{"web:1"};
  std::uint64_t capacity = 10'000;
  std::atomic<std::uint64_t> available = 1000;
  Names events;
  std::function<void(const std::string&)> removed = [](const std::string&) {};
  std::unique_ptr<ImageCollector> collector;
  TaskGroup tasks{loop};
};

TEST_F(Collector, GC_4_FreesSpaceOnceImagesAreOldEnough) {
  for (const char* name : {"web:1", "a:1", "b:1"}) runtime.addImage(name);
  available = 0;
  begin();
  EXPECT_TRUE(runtime.hasImage("a:1")) << "too young";
  EXPECT_EQ(events, Names{"FreeDiskSpaceFailed"});
  advance(minutes(2));
  EXPECT_FALSE(runtime.hasImage("a:1"));
  EXPECT_FALSE(runtime.hasImage("b:1"));
  EXPECT_TRUE(runtime.hasImage("web:1")) << "a pod names it";
}

TEST_F(Collector, GC_4_StopsWhenEnoughIsFree) {
  for (const char* name : {"web:1", "a:1", "b:1", "c:1"}) runtime.addImage(name);
  available = 1400;  // 86 % used; 600 bytes are missing at 80 %
  begin();
  advance(minutes(3));
  EXPECT_EQ(count("RemoveImage"), 1);
}

TEST_F(Collector, GC_4_NeverWhatIsUsedPinnedOrTheSandboxes) {
  for (const char* name : {"web:1", "used:1", "pause:1", "old:1"}) runtime.addImage(name);
  runtime.addImage("pinned:1").pinned = true;
  runtime.setSandboxImage("pause:1");
  runContainer("used:1");
  begin();
  advance(minutes(10));
  EXPECT_FALSE(runtime.hasImage("old:1"));
  for (const char* name : {"web:1", "used:1", "pause:1", "pinned:1"}) EXPECT_TRUE(runtime.hasImage(name)) << name;
}

TEST_F(Collector, GC_4_NothingWithoutNeed) {
  runtime.addImage("old:1");
  available = 5000;
  begin();
  advance(minutes(30));
  EXPECT_TRUE(runtime.hasImage("old:1"));
  EXPECT_TRUE(events.empty());
  EXPECT_EQ(count("ListImages"), 7) << "a slow check every five minutes";
}

TEST_F(Collector, GC_4_NoTimerWithoutPods) {
  wanted = std::set<std::string>();
  available = 5000;
  begin();
  EXPECT_EQ(clock.pendingTimers(), 0u);
  wanted = std::set<std::string>{"web:1"};
  collector->podsChanged();
  settle();
  advance(seconds(10));
  EXPECT_EQ(clock.pendingTimers(), 1u);
}

TEST_F(Collector, GC_4_SwitchedOffAsksNothing) {
  policy.highPercent = 100;
  begin();
  advance(minutes(30));
  EXPECT_TRUE(runtime.calls().empty());
}

TEST_F(Collector, GC_4_MaximumAgeCountsFromTheStartOfTheAgent) {
  policy.highPercent = 100;
  policy.maximumAge = minutes(60);
  for (const char* name : {"web:1", "a:1"}) runtime.addImage(name);
  begin();
  advance(minutes(59));
  EXPECT_TRUE(runtime.hasImage("a:1"));
  advance(minutes(2));
  EXPECT_FALSE(runtime.hasImage("a:1"));
  EXPECT_TRUE(runtime.hasImage("web:1"));
}

TEST_F(Collector, GC_3_NothingBeforeEverySourceHasDelivered) {
  wanted.reset();
  runtime.addImage("a:1");
  begin();
  advance(minutes(30));
  EXPECT_EQ(count("RemoveImage"), 0);
  wanted = std::set<std::string>{"web:1"};
  collector->podsChanged();
  advance(minutes(5));
  EXPECT_EQ(count("RemoveImage"), 1);
}

// A pod comes while images are being removed: its image must stay.
TEST_F(Collector, GC_4_ANewPodsImageIsSafe) {
  for (const char* name : {"a:1", "b:1"}) runtime.addImage(name);
  available = 0;
  begin();
  runtime.delayNext("RemoveImage", seconds(1));
  advance(minutes(2));
  ASSERT_EQ(count("RemoveImage"), 1);
  wanted = std::set<std::string>{"a:1", "b:1"};
  advance(minutes(10));
  EXPECT_EQ(count("RemoveImage"), 1);
}

// Another image may come under the same id, preloaded: nobody has shown a secret for that one.
TEST_F(Collector, CFG_23_ARemovedImageHasNoPullRecordAnyMore) {
  const TempDir dir;
  PullRecords records(clock, dir / "image_manager", VerificationPolicy());
  removed = [&](const std::string& imageId) { records.removed(imageId); };
  runtime.addImage("web:1");
  const std::string id = runtime.addImage("private:1").id;
  const SecretLogin login{"uid-s", "shop", "s", loginHash("robot", "secret")};
  ASSERT_TRUE(records.begin("private:1"));
  ASSERT_TRUE(records.pulled("private:1", id, login));
  records.end("private:1");
  ASSERT_FALSE(records.mayUse("private:1", id, {}));
  available = 0;
  begin();
  runtime.faults().failNext("RemoveImage", Error(Code::kInternal, "", "busy"));
  advance(minutes(2));
  EXPECT_FALSE(records.mayUse("private:1", id, {})) << "it is still there";
  advance(minutes(5));
  ASSERT_FALSE(runtime.hasImage("private:1"));
  EXPECT_TRUE(records.mayUse("private:1", id, {}));
}

TEST_F(Collector, CFG_23_NorHasOneThatSomebodyElseHasRemoved) {
  Names gone;
  removed = [&](const std::string& imageId) { gone.push_back(imageId); };
  available = 5000;
  runtime.addImage("web:1");
  const std::string id = runtime.addImage("private:1").id;
  begin();
  EXPECT_EQ(gone, Names{});
  ASSERT_TRUE(loop.runToEnd(runtime.removeImage(id)));
  advance(minutes(10));
  EXPECT_EQ(gone, Names{id});
}

TEST_F(Collector, GC_5_SecondFailureInARowIsAnEvent) {
  runtime.faults().failAlways("ListImages", Error(Code::kUnavailable, "", "down"));
  begin();
  EXPECT_TRUE(events.empty());
  advance(minutes(5));
  EXPECT_EQ(events, Names{"ImageGCFailed"});
}

TEST_F(Collector, GC_5_ADiskWithoutCapacityIsAnEvent) {
  capacity = 0;
  begin();
  EXPECT_EQ(events, Names{"InvalidDiskCapacity"});
}

TEST_F(Collector, GC_5_ImagesThatCannotBeRemovedFailTheCollection) {
  runtime.addImage("a:1");
  runtime.faults().failAlways("RemoveImage", Error(Code::kInternal, "", "busy"));
  begin();
  advance(minutes(15));
  EXPECT_TRUE(runtime.hasImage("a:1"));
  EXPECT_EQ(events.back(), "ImageGCFailed");
}

TEST_F(Collector, GC_4_PullsMakeItLook) {
  wanted = std::set<std::string>();
  available = 5000;
  begin();
  const long before = count("ListImages");
  collector->look();
  collector->look();
  advance(seconds(10));
  EXPECT_EQ(count("ListImages"), before + 1);
}

}  // namespace
}  // namespace cubelet::images
