// What must hold whatever happens: a small runtime carries plans out while random events hit the pod.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "kubelet/api/pod.h"
#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/container_hash.h"
#include "kubelet/plan/plan_pod.h"

namespace cubelet::plan {
namespace {

using observe::ContainerState;
using observe::ObservedContainer;
using observe::ObservedPod;
using std::chrono::seconds;

bool lives(const ObservedContainer& instance) {
  return instance.state == ContainerState::kRunning || instance.state == ContainerState::kUnknown;
}

// Everything a plan says, for comparing two of them.
std::string textOf(const PodPlan& plan) {
  std::string text;
  if (plan.killPod) text += "kill pod; ";
  for (const auto& kill : plan.kill) text += "kill " + kill.id + " " + kill.message + "; ";
  for (const auto& id : plan.prune) text += "prune " + id + "; ";
  if (plan.createSandbox) text += "create " + std::to_string(plan.sandboxAttempt) + "; ";
  for (const auto& start : plan.start)
    text += "start " + start.name + "/" + std::to_string(start.attempt) + " " + std::to_string(start.backoff.count()) +
            start.backoffKey + "; ";
  if (plan.stopSandbox) text += "stop sandbox; ";
  for (const auto& id : plan.removeSandboxes) text += "remove " + id + "; ";
  for (const auto& wait : plan.backingOff) text += "back-off " + wait.name + "; ";
  if (plan.finished) text += "finished; ";
  if (plan.wakeAt) text += "wake " + std::to_string(plan.wakeAt->time_since_epoch().count());
  return text + " in " + plan.sandboxId;
}

// One pod, its runtime and the agent's memory of it. Time moves only when nothing is left to do.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) { makePod(); }

  const std::string& history() const { return history_; }
  bool neverRestarts() const { return pod_.spec().restartpolicy() == "Never"; }

  // Plans once, checks the plan, carries it out (sometimes only a part of it).
  void step(bool mayFail) {
    const PodPlan plan = planPod(pod_, have_, memory_, options_, now_);
    note("plan: " + textOf(plan));
    ASSERT_EQ(textOf(plan), textOf(planPod(pod_, have_, memory_, options_, now_))) << "same input, other plan";
    if (plan.wakeAt) ASSERT_GT(*plan.wakeAt, now_);
    last_ = plan;
    if (plan.idle()) {
      now_ = plan.wakeAt.value_or(now_ + seconds(1));
    } else {
      carryOut(plan, mayFail);
      now_ += std::chrono::milliseconds(10);
    }
    checkRuntime();
  }

  // Something happens to the pod that the planner did not ask for.
  void disturb() {
    now_ += seconds(pick(40));
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
        return exitOne(pick(2) == 0 ? 0 : 1);
      case 3:
        return loseSandbox();
      case 4:
        return addSandbox();
      case 5:
        return vanish();
      case 6:
        return becomeUnknown();
      case 7:
        note("the agent forgets all it knew");
        memory_ = {};
        for (const auto& [name, attempt] : ran_) {  // the log files remain
          if (notRun_.contains({name, attempt})) continue;
          std::uint32_t& next = memory_.containers[name].attemptFromLogs;
          next = std::max(next, attempt + 1);
        }
        return;
      case 8:
        return changeImage();
      case 9:
        return becomeUnhealthy();
      case 10:
        return loseAddress();
      default:
        return passStartupProbes();
    }
  }

  // From now on programs run as they should: true when the pod comes to rest within so many steps.
  bool settles(int steps) {
    for (int i = 0; i < steps; ++i) {
      passStartupProbes();
      endInitContainers();
      step(false);
      if (testing::Test::HasFatalFailure()) return false;
      const bool initRuns = std::ranges::any_of(
          have_.containers, [&](const auto& c) { return c.state == ContainerState::kRunning && isPlainInit(c.name); });
      if (last_.idle() && !last_.wakeAt && !initRuns) return true;
    }
    return false;
  }

  // What a pod at rest looks like.
  void checkAtRest() const {
    if (last_.finished) {
      for (const auto& instance : have_.containers) EXPECT_FALSE(lives(instance)) << instance.id;
      for (const auto& sandbox : have_.sandboxes) EXPECT_FALSE(sandbox.ready) << sandbox.id;
      return;
    }
    ASSERT_EQ(std::ranges::count_if(have_.sandboxes, [](const auto& sandbox) { return sandbox.ready; }), 1);
    for (const auto& container : pod_.spec().initcontainers()) {
      if (api::isSidecar(container)) EXPECT_TRUE(runs(container)) << container.name();
    }
    for (const auto& container : pod_.spec().containers()) {
      const bool done = !mayRunAgain(container);
      EXPECT_TRUE(done || runs(container)) << container.name();
    }
  }

 private:
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  void note(const std::string& line) { history_ += line + "\n"; }

  void makePod() {
    static constexpr const char* kPolicies[] = {"Always", "OnFailure", "Never"};
    auto& spec = *pod_.mutable_spec();
    spec.set_restartpolicy(kPolicies[pick(3)]);
    for (int i = pick(4); i > 0; --i) {
      auto& container = *spec.add_initcontainers();
      container.set_name("init" + std::to_string(i));
      container.set_image("img:1");
      if (pick(2) == 0) container.set_restartpolicy("Always");
      if (pick(3) == 0 && api::isSidecar(container)) container.mutable_startupprobe();
    }
    for (int i = 1 + pick(3); i > 0; --i) {
      auto& container = *spec.add_containers();
      container.set_name("main" + std::to_string(i));
      container.set_image("img:1");
      if (pick(4) == 0) container.set_restartpolicy(kPolicies[pick(3)]);
    }
    if (pick(4) == 0) {
      auto& common = *spec.add_ephemeralcontainers()->mutable_ephemeralcontainercommon();
      common.set_name("debug");
      common.set_image("img:1");
    }
    note("policy " + spec.restartpolicy() + ", " + std::to_string(spec.initcontainers_size()) + " init, " +
         std::to_string(spec.containers_size()) + " regular");
  }

  bool isPlainInit(const std::string& name) const {
    const auto& init = pod_.spec().initcontainers();
    return std::any_of(init.begin(), init.end(), [&](const auto& c) { return c.name() == name && !api::isSidecar(c); });
  }

  bool runs(const core::Container& container) const {
    const ObservedContainer* newest = have_.newest(container.name());
    return newest != nullptr && newest->state == ContainerState::kRunning &&
           newest->sandboxId == have_.sandboxes.front().id &&
           newest->hash == containerHash(container.name(), container.image());
  }

  bool mayRunAgain(const core::Container& container) const {
    const std::string& policy = container.has_restartpolicy() ? container.restartpolicy() : pod_.spec().restartpolicy();
    const ObservedContainer* newest = have_.newest(container.name());
    if (newest == nullptr || policy == "Always" || newest->state != ContainerState::kExited) return true;
    return policy == "OnFailure" && newest->exitCode != 0;
  }

  void end(ObservedContainer& instance, int exitCode) {
    instance.state = ContainerState::kExited;
    instance.exitCode = exitCode;
    instance.finishedAt = now_;
    if (exitCode == 0) completed_.insert({instance.sandboxId, instance.name});
  }

  ObservedContainer* find(const std::string& id) {
    const auto found = std::ranges::find_if(have_.containers, [&](const auto& c) { return c.id == id; });
    return found == have_.containers.end() ? nullptr : &*found;
  }

  // --- the runtime ---

  void carryOut(const PodPlan& plan, bool mayFail) {
    if (plan.killPod) {
      for (auto& instance : have_.containers)
        if (lives(instance)) end(instance, 143);
      for (auto& sandbox : have_.sandboxes) sandbox.ready = false;
    }
    for (const auto& kill : plan.kill) {
      ObservedContainer* instance = find(kill.id);
      ASSERT_NE(instance, nullptr) << kill.id;
      ASSERT_TRUE(lives(*instance)) << kill.id;
      if (mayFail && pick(8) == 0) return note("stopping " + kill.id + " fails");
      end(*instance, 143);
    }
    for (const auto& id : plan.prune) {
      ObservedContainer* instance = find(id);
      ASSERT_NE(instance, nullptr) << "pruned twice: " << id;
      ASSERT_FALSE(lives(*instance)) << id;
      have_.containers.erase(have_.containers.begin() + (instance - have_.containers.data()));
    }
    if (plan.createSandbox) {
      if (mayFail && pick(4) == 0) {
        memory_.sandboxRetryAt = now_ + seconds(10);
        return note("creating the sandbox fails");
      }
      makeSandbox(plan.sandboxAttempt);
      if (pick(2) == 0) return;  // plan again first
    }
    for (const auto& start : plan.start) {
      startOne(start, mayFail);
      if (testing::Test::HasFatalFailure()) return;
    }
    if (plan.stopSandbox) {
      for (const auto& instance : have_.containers) ASSERT_FALSE(lives(instance)) << instance.id;
      for (auto& sandbox : have_.sandboxes) sandbox.ready = false;
    }
    for (const auto& id : plan.removeSandboxes) removeSandbox(id);
  }

  void removeSandbox(const std::string& id) {
    const auto found = std::ranges::find_if(have_.sandboxes, [&](const auto& sandbox) { return sandbox.id == id; });
    ASSERT_NE(found, have_.sandboxes.end()) << "removed twice: " << id;
    ASSERT_NE(found, have_.sandboxes.begin()) << id << " is the newest";
    ASSERT_FALSE(found->ready) << id;
    for (const auto& instance : have_.containers) ASSERT_NE(instance.sandboxId, id) << instance.id;
    have_.sandboxes.erase(found);
  }

  void makeSandbox(std::uint32_t attempt) {
    for (const auto& sandbox : have_.sandboxes) ASSERT_NE(sandbox.attempt, attempt);
    observe::ObservedSandbox sandbox;
    sandbox.id = "box" + std::to_string(attempt);
    sandbox.attempt = attempt;
    sandbox.ready = true;
    sandbox.ips = {"10.0.0.1"};
    have_.sandboxes.insert(have_.sandboxes.begin(), sandbox);
  }

  void startOne(const StartContainer& start, bool mayFail) {
    for (const auto& instance : have_.containers) {
      if (instance.name != start.name) continue;
      ASSERT_FALSE(lives(instance)) << "a second instance beside " << instance.id;
      ASSERT_LT(instance.attempt, start.attempt) << instance.id;
    }
    const bool fresh = ran_.insert({start.name, start.attempt}).second;
    ASSERT_TRUE(fresh || notRun_.contains({start.name, start.attempt})) << start.name << " runs an attempt twice";
    if (start.kind == ContainerKind::kRegular) checkInitDone();
    if (testing::Test::HasFatalFailure()) return;

    if (mayFail && pick(8) == 0) {
      note("creating " + start.name + " fails");
      memory_.containers[start.name].retryAt = now_ + seconds(10);
      ran_.erase({start.name, start.attempt});
      return;
    }
    ObservedContainer instance;
    instance.id = start.name + "/" + std::to_string(start.attempt) + "#" + std::to_string(++ids_);
    instance.name = start.name;
    instance.sandboxId = have_.sandboxes.front().id;
    instance.attempt = start.attempt;
    instance.createdAt = now_;
    instance.hash = containerHash(start.name, imageOf(start.name));
    noteStarted(memory_, start, now_);
    const bool stuck = mayFail && pick(8) == 0;
    instance.state = stuck ? ContainerState::kCreated : ContainerState::kRunning;
    if (stuck) {
      note("starting " + instance.id + " fails");
      notRun_.insert({start.name, start.attempt});
    } else {
      instance.startedAt = now_;
      notRun_.erase({start.name, start.attempt});
      noteRunning(memory_, start);
    }
    have_.containers.insert(have_.containers.begin(), instance);
  }

  std::string imageOf(const std::string& name) const {
    for (const auto& c : pod_.spec().initcontainers())
      if (c.name() == name) return c.image();
    for (const auto& c : pod_.spec().containers())
      if (c.name() == name) return c.image();
    return "img:1";
  }

  // No regular container before the init containers are through in this sandbox.
  void checkInitDone() const {
    const std::string& box = have_.sandboxes.front().id;
    for (const auto& container : pod_.spec().initcontainers()) {
      if (api::isSidecar(container)) continue;
      ASSERT_TRUE(completed_.contains({box, container.name()})) << container.name() << " has not completed in " << box;
    }
  }

  void checkRuntime() const {
    std::set<std::string> living;
    for (const auto& instance : have_.containers) {
      if (lives(instance)) ASSERT_TRUE(living.insert(instance.name).second) << "two instances of " << instance.name;
    }
  }

  // --- disturbances ---

  ObservedContainer* oneThat(ContainerState state) {
    std::vector<ObservedContainer*> found;
    for (auto& instance : have_.containers)
      if (instance.state == state) found.push_back(&instance);
    return found.empty() ? nullptr : found[static_cast<std::size_t>(pick(static_cast<int>(found.size())))];
  }
  void exitOne(int code) {
    ObservedContainer* instance = oneThat(ContainerState::kRunning);
    if (instance == nullptr) return;
    note(instance->id + " exits with " + std::to_string(code));
    end(*instance, code);
  }
  void loseSandbox() {
    if (have_.sandboxes.empty()) return;
    note("the sandbox dies");
    have_.sandboxes.front().ready = false;
    if (pick(2) == 0) return;
    for (auto& instance : have_.containers)
      if (lives(instance)) end(instance, 137);
  }
  void addSandbox() {
    if (have_.sandboxes.empty() || pick(3) != 0) return;
    note("a second sandbox appears");
    makeSandbox(have_.sandboxes.front().attempt + 1);
  }
  void loseAddress() {
    if (have_.sandboxes.empty() || pick(3) != 0) return;
    note("the sandbox loses its address");
    have_.sandboxes.front().ips.clear();
  }
  // With all its forerunners: as long as the runtime has one, it is believed about the attempts (RST-4).
  void vanish() {
    if (have_.containers.empty()) return;
    const std::string name =
        have_.containers[static_cast<std::size_t>(pick(static_cast<int>(have_.containers.size())))].name;
    note("all instances of " + name + " vanish");
    std::erase_if(have_.containers, [&](const auto& instance) { return instance.name == name; });
  }
  void becomeUnknown() {
    if (ObservedContainer* instance = oneThat(ContainerState::kRunning)) {
      note(instance->id + " becomes unknown");
      instance->state = ContainerState::kUnknown;
    }
  }
  void changeImage() {
    auto& containers = *pod_.mutable_spec()->mutable_containers();
    auto& container = containers[pick(containers.size())];
    note(container.name() + " gets another image");
    container.set_image("img:" + std::to_string(++ids_));
  }
  void becomeUnhealthy() {
    const ObservedContainer* instance = oneThat(ContainerState::kRunning);
    if (instance == nullptr || isPlainInit(instance->name) || instance->name == "debug") return;
    note(instance->name + " fails its liveness probe");
    memory_.containers[instance->name].unhealthyMessage = "Container " + instance->name + " failed liveness probe";
  }
  void passStartupProbes() {
    for (const auto& instance : have_.containers)
      if (instance.state == ContainerState::kRunning) memory_.containers[instance.name].startupPassed = true;
  }
  void endInitContainers() {
    for (auto& instance : have_.containers)
      if (instance.state == ContainerState::kRunning && isPlainInit(instance.name)) end(instance, 0);
  }

  std::mt19937 random_;
  core::Pod pod_;
  ObservedPod have_;
  PodMemory memory_;
  PlanOptions options_;
  WallTime now_{seconds(1'800'000'000)};
  PodPlan last_;
  int ids_ = 0;
  std::string history_;
  std::set<std::pair<std::string, std::string>> completed_;  // sandbox, init container
  std::set<std::pair<std::string, std::uint32_t>> ran_;      // container, attempt
  std::set<std::pair<std::string, std::uint32_t>> notRun_;   // created, but not running yet
};

class Invariants : public testing::TestWithParam<unsigned> {};

TEST_P(Invariants, HoldUnderDisturbancesAndThePodComesToRest) {
  for (unsigned run = 0; run < 400; ++run) {
    World world(GetParam() * 1000 + run);
    for (int i = 0; i < 40; ++i) {
      world.step(true);
      if (HasFatalFailure()) FAIL() << "run " << run << "\n" << world.history();
      if (i % 3 == 0) world.disturb();
    }
    const bool rests = world.settles(400);
    if (HasFatalFailure() || !rests) FAIL() << "run " << run << " finds no rest\n" << world.history();
    world.checkAtRest();
    if (HasFailure()) FAIL() << "run " << run << "\n" << world.history();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Invariants, testing::Range(0U, 10U));

}  // namespace
}  // namespace cubelet::plan
