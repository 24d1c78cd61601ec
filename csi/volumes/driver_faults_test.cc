// The driver fails: it dies in each of its calls, hangs, loses its device, and pods go while it works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"
#include "csi/volumes/test_world.h"

namespace cubelet::csi {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kLarger = std::int64_t{2} << 30;

const Error& died() {
  static const Error error(Code::kUnavailable, "Unavailable", "connection reset by peer");
  return error;
}

// The life of two volumes and two pods, whatever the driver does: each step is tried again, as the pod workers do it.
class Life {
 public:
  Life() {
    for (const char* handle : {"v1", "v2"}) world.driver.addVolume(handle);
    world.start();
  }

  void run() {
    publish("p1", "v1");
    step("expand",
         [&] { return succeeded(*world.run(world.volumes->expand(world.spec("v1"), world.pod("p1"), kLarger))); });
    step("stats", [&] { return succeeded(*world.run(world.volumes->stats("fake.csi", "v1", "p1"))); });
    publish("p2", "v1");
    publish("p1", "v2");
    unpublish("p1");
    unpublish("p2");
    step("settle", [&] { return succeeded(*world.run(world.volumes->settle({}))); });

    EXPECT_THAT(world.driver.violations(), IsEmpty());
    EXPECT_TRUE(world.mounts.empty()) << "still mounted: " << world.mounts.begin()->first;
    EXPECT_THAT(world.volumes->all(), SizeIs(0));
    EXPECT_THAT(world.leftovers(), IsEmpty());
  }

  World world;
  int failures = 0;

 private:
  template <class T>
  static bool succeeded(const Result<T>& answer) {
    if (!answer) EXPECT_EQ(answer.error().code, Code::kUnavailable) << answer.error().message;
    return answer.has_value();
  }
  void publish(const std::string& pod, const std::string& volume) {
    step("publish", [&] { return succeeded(*world.run(world.volumes->publish(world.spec(volume), world.pod(pod)))); });
    EXPECT_TRUE(world.mounts.contains(publishPath(world.dir.path(), pod, "pv-" + volume)));
  }
  void unpublish(const std::string& pod) {
    step("unpublish", [&] { return succeeded(*world.run(world.volumes->unpublishPod(pod))); });
  }
  void step(const char* what, const std::function<bool()>& done) {
    if (done()) return;
    ++failures;
    // Its socket is gone, too, until it has registered again.
    world.drivers->missing = true;
    EXPECT_FALSE(done()) << what << " without a driver";
    world.drivers->missing = false;
    EXPECT_TRUE(done()) << what << " is not repeated";
  }
};

TEST(DriverFaults, CSI_18_ADriverThatDiesInAnyCallOfALifeIsAskedAgain) {
  std::map<std::string, int> calls;
  {
    Life undisturbed;
    undisturbed.run();
    ASSERT_EQ(undisturbed.failures, 0);
    for (const char* method : {"NodeGetCapabilities", "NodeStageVolume", "NodePublishVolume", "NodeExpandVolume",
                               "NodeGetVolumeStats", "NodeUnpublishVolume", "NodeUnstageVolume"})
      calls[method] = undisturbed.world.driver.faults().count(method);
  }
  for (const auto& [method, count] : calls) {
    ASSERT_GT(count, 0) << method;
    for (int nth = 1; nth <= count; ++nth)
      for (const bool afterEffect : {false, true}) {
        SCOPED_TRACE(method + " number " + std::to_string(nth) + (afterEffect ? ", the answer lost" : ""));
        Life life;
        FakeCalls& faults = life.world.driver.faults();
        for (int before = 1; before < nth; ++before) faults.delayNext(method, Duration(0));
        if (afterEffect)
          faults.failNextAfterEffect(method, died());
        else
          faults.failNext(method, died());
        life.run();
        if (testing::Test::HasFailure()) return;
      }
  }
}

class DriverFault : public testing::Test {
 protected:
  DriverFault() {
    world.driver.addVolume("v1");
    world.start();
  }
  using Answer = std::shared_ptr<std::optional<Result<std::string>>>;
  Answer begin(const std::string& pod, const std::string& handle = "v1") {
    auto answer = std::make_shared<std::optional<Result<std::string>>>();
    world.tasks->spawn("publish", World::into(world.volumes->publish(world.spec(handle), world.pod(pod)), answer));
    world.loop.poll();
    return answer;
  }
  std::shared_ptr<std::optional<Result<void>>> beginUnpublish(const std::string& pod) {
    auto answer = std::make_shared<std::optional<Result<void>>>();
    world.tasks->spawn("unpublish", World::into(world.volumes->unpublishPod(pod), answer));
    world.loop.poll();
    return answer;
  }
  void expectNothingLeft() {
    EXPECT_TRUE(world.mounts.empty()) << "still mounted: " << world.mounts.begin()->first;
    EXPECT_THAT(world.volumes->all(), SizeIs(0));
    EXPECT_THAT(world.leftovers(), IsEmpty());
    EXPECT_THAT(world.driver.violations(), IsEmpty());
  }

  World world;
};

// While its driver works on it, and whether or not that comes to a good end.
class PodDeleted : public DriverFault, public testing::WithParamInterface<const char*> {};

TEST_P(PodDeleted, CSI_18_WhileItsVolumeIsMadeReadyLeavesNothing) {
  world.driver.faults().hangNext(GetParam(), Duration(0));
  Answer published = begin("p1");
  ASSERT_EQ(world.driver.faults().inFlight(GetParam()), 1);
  auto gone = beginUnpublish("p1");
  EXPECT_FALSE(*gone) << "it waits for the call that is under way";
  world.driver.faults().letGo();
  world.loop.poll();
  ASSERT_TRUE(*published && *gone);
  EXPECT_TRUE(**gone) << (*gone)->error().message;
  EXPECT_FALSE(world.volumes->has("p1"));
  expectNothingLeft();
}

TEST_P(PodDeleted, CSI_18_AndTheAgentKilledMeanwhileLeavesNothing) {
  world.driver.faults().hangNext(GetParam(), Duration(0));
  begin("p1");
  beginUnpublish("p1");
  world.start();  // the call has had no answer
  ASSERT_TRUE(*world.run(world.volumes->settle({})));
  expectNothingLeft();
}

TEST_P(PodDeleted, CSI_18_WhileItsDriverGivesNoAnswerLeavesNothing) {
  world.driver.faults().failNextAfterEffect(GetParam(), Error(Code::kTimedOut, "DeadlineExceeded", "late"));
  Answer published = begin("p1");
  ASSERT_TRUE(*published);
  EXPECT_FALSE(**published);
  auto gone = beginUnpublish("p1");
  ASSERT_TRUE(*gone);
  EXPECT_TRUE(**gone);
  expectNothingLeft();
}

INSTANTIATE_TEST_SUITE_P(Calls, PodDeleted, testing::Values("NodeStageVolume", "NodePublishVolume"),
                         [](const auto& test) { return test.param; });

// Each driver by its name.
struct TwoDrivers final : Drivers {
  std::map<std::string, std::shared_ptr<NodeService>> nodes;
  Task<Result<std::shared_ptr<NodeService>>> find(std::string driver) override { co_return nodes.at(driver); }
  void askAgain(const std::string&) override {}
};

TEST_F(DriverFault, ADriverThatHangsInAllItsCallsCostsOnlyItsOwnPods) {
  constexpr int kMany = 30;  // more than it may have calls under way
  FakeDriver healthy(world.clock, world.mounts);
  healthy.addVolume("good");
  TwoDrivers drivers;
  const auto unowned = [](FakeDriver& driver) { return std::shared_ptr<NodeService>(&driver, [](NodeService*) {}); };
  drivers.nodes = {{"fake.csi", unowned(world.driver)}, {"healthy.csi", unowned(healthy)}};
  world.volumes = std::make_unique<Volumes>(
      *world.host, drivers, Volumes::Options{.root = world.dir.path(), .nodeName = "n1", .bootId = "boot-1"});
  std::vector<Answer> hung;
  for (int i = 0; i < kMany; ++i) {
    const std::string handle = "h" + std::to_string(i);
    world.driver.addVolume(handle);
    world.driver.faults().hangNext("NodeStageVolume", Duration(0));
    hung.push_back(begin("pod-" + handle, handle));
  }
  EXPECT_EQ(world.driver.faults().inFlight("NodeStageVolume"), 20) << "the limit of one driver";

  VolumeSpec good = world.spec("good");
  good.driver = "healthy.csi";
  EXPECT_TRUE(*world.run(world.volumes->publish(good, world.pod("p1"))));
  EXPECT_TRUE(*world.run(world.volumes->stats("healthy.csi", "good", "p1")));
  EXPECT_TRUE(*world.run(world.volumes->unpublishPod("p1")));
  for (const Answer& one : hung) EXPECT_FALSE(*one);

  world.driver.faults().letGo();
  world.driver.faults().clearFaults();
  world.loop.poll();
  for (const Answer& one : hung) EXPECT_TRUE(*one && **one) << "and they go on when it answers again";
  world.stop();
}

TEST_F(DriverFault, CSI_18_ADeviceThatIsNotThereLeavesNothing) {
  world.driver.removeVolume("v1");
  EXPECT_THAT((*world.run(world.volumes->publish(world.spec("v1"), world.pod("p1")))).error().message,
              HasSubstr("no volume v1"));
  ASSERT_TRUE(*world.run(world.volumes->unpublishPod("p1")));
  expectNothingLeft();
}

TEST_F(DriverFault, CSI_18_ADeviceThatVanishesIsNotForgottenBeforeItIsUnmounted) {
  ASSERT_TRUE(*world.run(world.volumes->publish(world.spec("v1"), world.pod("p1"))));
  const std::string staged = stagingPath(world.dir.path(), "fake.csi", "v1");
  world.driver.removeVolume("v1");
  EXPECT_EQ(world.run(world.volumes->stats("fake.csi", "v1", "p1"))->error().code, Code::kNotFound);
  EXPECT_FALSE(*world.run(world.volumes->expand(world.spec("v1"), world.pod("p1"), kLarger)));
  EXPECT_FALSE(*world.run(world.volumes->publish(world.spec("v1"), world.pod("p2")))) << "no second pod gets it";
  ASSERT_TRUE(*world.run(world.volumes->unpublishPod("p2")));
  ASSERT_TRUE(*world.run(world.volumes->unpublishPod("p1"))) << "the pod may go";
  ASSERT_THAT(world.volumes->all(), SizeIs(1)) << "what is staged is still mounted";
  EXPECT_TRUE(world.volumes->hasAbandoned());
  EXPECT_THAT(world.volumes->all()[0].problem, HasSubstr("no volume v1"));
  world.start();
  EXPECT_FALSE(*world.run(world.volumes->settle({}))) << "the next agent knows it, too";
  world.mounts.erase(staged);
  ASSERT_TRUE(*world.run(world.volumes->settle({})));
  EXPECT_THAT(world.volumes->all(), SizeIs(0));
  EXPECT_THAT(world.leftovers(), IsEmpty());
}

}  // namespace
}  // namespace cubelet::csi
