// The agent is killed at each of its effects, in many orders of life: nothing stays mounted, nothing is forgotten,
// nothing is mounted twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <utility>

#include "csi/volumes/test_world.h"

namespace cubelet::csi {
namespace {

using testing::IsEmpty;

constexpr std::int64_t kLarger = std::int64_t{2} << 30;

// One life of two volumes and two pods: staged, published, expanded, measured, unpublished, unstaged. Each step is
// repeated by the next agent when one dies in it.
class Life {
 public:
  Life(unsigned seed, int crashAt) : random_(seed), crashAt_(crashAt) {
    for (const char* handle : {"v1", "v2"}) world_.driver.addVolume(handle);
  }

  // How many effects the life has had before its first death.
  int run() {
    world_.start();
    world_.crash.at = crashAt_;
    std::vector<std::pair<std::string, std::string>> mounts = {{"p1", "v1"}, {"p1", "v2"}, {"p2", "v1"}};
    std::shuffle(mounts.begin(), mounts.end(), random_);
    for (const auto& [pod, volume] : mounts) {
      step([&] { return publish(pod, volume); });
      use(pod, volume);
      if (chance(4)) step([&] { return unpublish(pod); });
    }
    std::vector<std::string> pods = {"p1", "p2"};
    std::shuffle(pods.begin(), pods.end(), random_);
    for (const std::string& pod : pods) step([&] { return unpublish(pod); });
    step([&] { return settle(); });
    effects_ = std::max(effects_, world_.crash.count);

    EXPECT_THAT(world_.driver.violations(), IsEmpty());
    EXPECT_TRUE(world_.mounts.empty()) << "still mounted: " << world_.mounts.begin()->first;
    EXPECT_THAT(world_.volumes->all(), testing::SizeIs(0));
    EXPECT_THAT(world_.leftovers(), IsEmpty());
    world_.start();
    EXPECT_THAT(world_.problems, IsEmpty());
    EXPECT_THAT(world_.volumes->all(), IsEmpty()) << "the journal has forgotten them, too";
    return effects_;
  }

 private:
  bool chance(unsigned of) { return std::uniform_int_distribution<unsigned>(1, of)(random_) == 1; }

  // Expanded and measured, in either order; the first volume always is.
  void use(const std::string& pod, const std::string& volume) {
    const bool first = !std::exchange(used_, true);
    std::vector<std::function<bool()>> steps;
    if (first || chance(3)) steps.emplace_back([&] { return expand(pod, volume); });
    if (first || chance(3)) steps.emplace_back([&] { return stats(pod, volume); });
    std::shuffle(steps.begin(), steps.end(), random_);
    for (const std::function<bool()>& one : steps) step(one);
  }

  void step(const std::function<bool()>& done) {
    for (int tries = 0; tries < 6; ++tries) {
      if (done()) return;
      ASSERT_TRUE(world_.crash.dead) << "a step failed without a death";
      effects_ = std::max(effects_, world_.crash.count);
      if (chance(4)) world_.reboot();
      world_.start();
      // Some die again soon.
      if (chance(3)) world_.crash.at = std::uniform_int_distribution<int>(1, 12)(random_);
      ASSERT_THAT(world_.problems, IsEmpty());
    }
    // Five deaths in one step: let it live.
    world_.start();
    ASSERT_TRUE(done());
  }

  bool publish(const std::string& pod, const std::string& volume) {
    auto path = world_.run(world_.volumes->publish(world_.spec(volume), world_.pod(pod)));
    if (!path) return false;
    EXPECT_TRUE(*path) << (*path ? "" : path->error().message);
    // Published is published, also for a pod that was there before the agent.
    if (*path) EXPECT_TRUE(world_.mounts.contains(**path)) << **path;
    return true;
  }
  bool expand(const std::string& pod, const std::string& volume) {
    auto ready = publish(pod, volume);  // an agent that has died since publishes again first
    if (!ready) return false;
    auto size = world_.run(world_.volumes->expand(world_.spec(volume), world_.pod(pod), kLarger));
    if (!size) return false;
    EXPECT_TRUE(*size) << (*size ? "" : size->error().message);
    return true;
  }
  bool stats(const std::string& pod, const std::string& volume) {
    auto ready = publish(pod, volume);
    if (!ready) return false;
    auto figures = world_.run(world_.volumes->stats("fake.csi", volume, pod));
    if (!figures) return false;
    EXPECT_TRUE(*figures) << (*figures ? "" : figures->error().message);
    return true;
  }
  bool unpublish(const std::string& pod) {
    auto done = world_.run(world_.volumes->unpublishPod(pod));
    if (!done) return false;
    EXPECT_TRUE(*done) << (*done ? "" : done->error().message);
    return true;
  }
  bool settle() {
    auto done = world_.run(world_.volumes->settle({}));
    if (!done) return false;
    EXPECT_TRUE(*done) << (*done ? "" : done->error().message);
    return true;
  }

  std::mt19937 random_;
  int crashAt_;
  int effects_ = 0;
  bool used_ = false;
  World world_;
};

TEST(Crashes, CSI_20_AtEachEffectOfOneLifeLeaveNothing) {
  const int effects = Life(1, 0).run();
  ASSERT_GT(effects, 40);
  for (int at = 1; at <= effects; ++at) {
    SCOPED_TRACE("death at effect " + std::to_string(at));
    Life(1, at).run();
    if (testing::Test::HasFailure()) return;
  }
}

// A hundred orders in all, ten in each test: each has a time limit of its own.
class CrashesInTenOrders : public testing::TestWithParam<unsigned> {};

TEST_P(CrashesInTenOrders, CSI_20_LeaveNothing) {
  for (unsigned seed = GetParam(); seed < GetParam() + 10; ++seed) {
    const int effects = Life(seed, 0).run();
    // Each step in every third order.
    for (int at = 1 + static_cast<int>(seed % 3); at <= effects; at += 3) {
      SCOPED_TRACE("order " + std::to_string(seed) + ", death at effect " + std::to_string(at));
      Life(seed, at).run();
      if (testing::Test::HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(From, CrashesInTenOrders, testing::Range(1U, 101U, 10U));

}  // namespace
}  // namespace cubelet::csi
