#include "kubelet/shutdown/shutdown_manager.h"

#include <gtest/gtest.h>
#include <memory>
#include <set>

#include "base/async_test.h"
#include "base/temp_dir.h"
#include "kubelet/shutdown/fake_logind.h"

namespace cubelet::shutdown {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using Names = std::vector<std::string>;

constexpr std::int32_t kCritical = 2'000'000'000;

core::Pod podOf(const std::string& name, std::int32_t priority = 0, int grace = 30) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid(name);
  pod.mutable_spec()->set_priority(priority);
  pod.mutable_spec()->set_terminationgraceperiodseconds(grace);
  return pod;
}

class Shutdown : public AsyncTest {
 protected:
  ~Shutdown() override { stop(); }
  void start(std::vector<GroupTime> groups = {{0, seconds(20)}, {kCritical, seconds(10)}}) {
    ShutdownManager::Hooks hooks;
    hooks.pods = [this] { return pods; };
    hooks.end = [this](const std::string& uid, Duration grace) {
      ended.push_back(uid + " " + std::to_string(grace / seconds(1)) + "s");
      running.insert(uid);
    };
    hooks.isEnding = [this](const std::string& uid) { return running.contains(uid); };
    hooks.shuttingDown = [this](bool shutdown) { told.push_back(shutdown); };
    hooks.event = [this](std::string_view message) { events.emplace_back(message); };
    manager = std::make_unique<ShutdownManager>(loop, clock, logind, std::move(groups), shutdownTimesFile(dir.path()),
                                                std::move(hooks));
    tasks = std::make_unique<TaskGroup>(loop);
    tasks->spawn("shutdown", manager->run());
    advance(seconds(1));
  }
  void stop() {
    if (!manager) return;
    loop.runToEnd(tasks->close());
    loop.runToEnd(manager->close());
    manager.reset();
  }
  void advance(Duration by) {
    for (Duration passed{0}; passed < by; passed += milliseconds(100)) {
      loop.poll();
      clock.advance(milliseconds(100));
    }
    while (loop.poll() > 0) {
    }
  }
  void announce(bool shutdown) {
    logind.announce(shutdown);
    advance(milliseconds(100));
  }
  void podEnds(const std::string& uid) {
    running.erase(uid);
    manager->podsChanged();
    advance(milliseconds(100));
  }

  FakeLogind logind{clock};
  TempDir dir;
  std::vector<core::Pod> pods = {podOf("dns", kCritical), podOf("web"), podOf("slow", 0, 5)};
  std::set<std::string> running;  // of those that were to end
  Names ended;
  Names events;
  std::vector<bool> told;
  std::unique_ptr<ShutdownManager> manager;
  std::unique_ptr<TaskGroup> tasks;
};

TEST_F(Shutdown, SHD_1_WithoutGroupsNobodyIsAsked) {
  start({});
  EXPECT_FALSE(logind.connected());
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(Shutdown, SHD_1_TheLockIsHeldWithTimeForAllGroups) {
  start();
  EXPECT_TRUE(logind.delayed());
  EXPECT_EQ(logind.delay, seconds(30));
  EXPECT_EQ(clock.pendingTimers(), 0U) << "an idle node has no timer";
  stop();
  EXPECT_FALSE(logind.delayed());
}

TEST_F(Shutdown, SHD_1_ALongerDelayStaysAsItIs) {
  logind.delay = minutes(5);
  start();
  EXPECT_TRUE(logind.delayed());
  EXPECT_EQ(logind.delay, minutes(5));
}

TEST_F(Shutdown, SHD_1_TooShortADelayIsBetterThanNone) {
  logind.mostDelay = seconds(8);
  start();
  advance(seconds(5));
  EXPECT_TRUE(logind.delayed());
  stop();
  logind.settingFails = Error(Code::kInternal, "", "read-only file system");
  start();
  EXPECT_TRUE(logind.delayed());
}

TEST_F(Shutdown, SHD_2_AShutdownIsToldAtOnce) {
  start();
  EXPECT_FALSE(manager->shuttingDown());
  announce(true);
  EXPECT_TRUE(manager->shuttingDown());
  EXPECT_EQ(told, std::vector<bool>{true});
  EXPECT_EQ(events, Names{"Shutdown manager detected shutdown event"});
}

TEST_F(Shutdown, SHD_3_GroupsEndOneAfterTheOther) {
  start();
  announce(true);
  EXPECT_EQ(ended, (Names{"web 20s", "slow 5s"}));
  podEnds("web");
  EXPECT_EQ(ended.size(), 2U) << "another one of the group is still there";
  podEnds("slow");
  EXPECT_EQ(ended.back(), "dns 10s");
  EXPECT_TRUE(logind.delayed());
  podEnds("dns");
  EXPECT_FALSE(logind.delayed()) << "the machine need not wait any longer";
}

TEST_F(Shutdown, SHD_3_AGroupHasItsTimeAndNoMore) {
  start();
  announce(true);
  advance(seconds(19));
  EXPECT_EQ(ended.size(), 2U);
  advance(seconds(1));
  EXPECT_EQ(ended.size(), 3U);
  EXPECT_TRUE(logind.delayed());
  advance(seconds(10));
  EXPECT_FALSE(logind.delayed());
}

TEST_F(Shutdown, SHD_3_AGroupWithoutPodsTakesNoTime) {
  pods = {podOf("dns", kCritical)};
  start();
  announce(true);
  EXPECT_EQ(ended, Names{"dns 10s"});
}

TEST_F(Shutdown, SHD_3_WithoutPodsTheMachineGoesDownAtOnce) {
  pods.clear();
  start();
  announce(true);
  EXPECT_FALSE(logind.delayed());
}

TEST_F(Shutdown, SHD_5_AShutdownThatIsCalledOff) {
  start();
  announce(true);
  announce(false);
  EXPECT_FALSE(manager->shuttingDown());
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
  EXPECT_EQ(events.back(), "Shutdown manager detected shutdown cancellation");
  EXPECT_TRUE(logind.delayed());
  advance(minutes(1));
  EXPECT_EQ(ended.size(), 2U) << "the critical pod stays";
  // And the next one.
  running.clear();
  pods = {podOf("dns", kCritical)};
  announce(true);
  EXPECT_EQ(ended.back(), "dns 10s");
  podEnds("dns");
  EXPECT_FALSE(logind.delayed());
}

TEST_F(Shutdown, SHD_5_TimesAreKept) {
  start();
  const WallTime began = clock.wallNow();
  announce(true);
  ShutdownTimes now = readShutdownTimes(shutdownTimesFile(dir.path()));
  EXPECT_EQ(now, manager->times());
  ASSERT_TRUE(now.began);
  EXPECT_EQ(*now.began, began);
  EXPECT_FALSE(now.ended);
  advance(seconds(40));
  now = readShutdownTimes(shutdownTimesFile(dir.path()));
  ASSERT_TRUE(now.ended);
  stop();
  logind.callOff();
  start();
  EXPECT_EQ(manager->times(), now) << "as the agent before has left them";
}

TEST_F(Shutdown, AnAgentThatStartsDuringAShutdownEndsThePodsToo) {
  logind.begin();
  start();
  EXPECT_TRUE(manager->shuttingDown());
  EXPECT_EQ(ended.size(), 2U);
  EXPECT_EQ(logind.locksTaken(), 0) << "logind would refuse it";
}

TEST_F(Shutdown, ALostConnectionIsMadeAnew) {
  start();
  logind.lose();
  advance(milliseconds(100));
  EXPECT_TRUE(logind.delayed()) << "logind keeps the lock";
  advance(seconds(3));
  EXPECT_TRUE(logind.connected());
  EXPECT_EQ(logind.locksTaken(), 2);
  announce(true);
  EXPECT_EQ(ended.size(), 2U);
}

TEST_F(Shutdown, WhatHappenedWhileTheConnectionWasLostIsFound) {
  start();
  logind.lose();
  logind.begin();
  advance(seconds(3));
  EXPECT_TRUE(manager->shuttingDown());
  logind.lose();
  logind.callOff();
  advance(seconds(5));
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
  EXPECT_TRUE(logind.delayed());
}

TEST_F(Shutdown, WithoutAMessageBusItIsTriedAgainSeldom) {
  logind.openFails = Error(Code::kUnavailable, "", "no message bus");
  start();
  advance(minutes(10));
  EXPECT_FALSE(logind.connected());
  logind.openFails.reset();
  advance(minutes(2));
  EXPECT_TRUE(logind.delayed());
}

}  // namespace
}  // namespace cubelet::shutdown
