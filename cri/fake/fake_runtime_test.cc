#include "cri/fake/fake_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/loop.h"
#include "base/task_group.h"

namespace cubelet::cri {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

v1::PodSandboxConfig pod(const std::string& name, unsigned attempt = 0) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-" + name);
  config.mutable_metadata()->set_attempt(attempt);
  (*config.mutable_labels())["io.kubernetes.pod.uid"] = "uid-" + name;
  return config;
}

v1::ContainerConfig containerOf(const std::string& name, unsigned attempt = 0) {
  v1::ContainerConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_attempt(attempt);
  config.mutable_image()->set_image("img");
  return config;
}

class Fake : public testing::Test {
 protected:
  std::string runPod(const std::string& name) { return loop_.runToEnd(runtime_.runPodSandbox(pod(name), "")).value(); }
  Result<std::string> create(const std::string& sandbox, const std::string& name, unsigned attempt = 0) {
    runtime_.addImage("img");
    return loop_.runToEnd(
        runtime_.createContainer(sandbox, containerOf(name, attempt), runtime_.sandbox(sandbox)->config));
  }
  std::string run(const std::string& sandbox, const std::string& name, unsigned attempt = 0) {
    std::string id = create(sandbox, name, attempt).value();
    EXPECT_TRUE(loop_.runToEnd(runtime_.startContainer(id)));
    return id;
  }
  v1::ContainerStatus status(const std::string& id) {
    return loop_.runToEnd(runtime_.containerStatus(id)).value().status();
  }

  Loop loop_;
  ManualClock clock_{loop_};
  FakeRuntime runtime_{clock_};
};

Task<void> stopInto(FakeRuntime* runtime, std::string id, Duration grace, std::optional<Code>* failed, bool* done) {
  auto stopped = co_await runtime->stopContainer(id, grace);
  if (!stopped) *failed = stopped.error().code;
  *done = true;
}

TEST_F(Fake, KeepsRealState) {
  std::string s = runPod("web");
  std::string c = run(s, "app");
  EXPECT_THAT(runtime_.running(), ElementsAre("app#0"));
  EXPECT_EQ(status(c).state(), v1::CONTAINER_RUNNING);
  ASSERT_TRUE(runtime_.exitContainer("app", 3));
  EXPECT_EQ(status(c).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status(c).exit_code(), 3);
  EXPECT_EQ(status(c).reason(), "Error");
  EXPECT_FALSE(runtime_.exitContainer("app", 3)) << "it does not run any more";
  EXPECT_EQ(runtime_.sandbox("web")->ips.size(), 1u);
  EXPECT_THAT(runtime_.actions(), ElementsAre("RunPodSandbox(web)", "CreateContainer(app)", "StartContainer(app)"));
}

TEST_F(Fake, ReservesNamesUntilTheObjectIsRemoved) {
  std::string s = runPod("web");
  EXPECT_EQ(loop_.runToEnd(runtime_.runPodSandbox(pod("web"), "")).error().code, Code::kAlreadyExists);
  EXPECT_TRUE(loop_.runToEnd(runtime_.runPodSandbox(pod("web", 1), "")));
  std::string c = create(s, "app").value();
  EXPECT_EQ(create(s, "app").error().code, Code::kAlreadyExists);
  EXPECT_TRUE(create(s, "app", 1));
  ASSERT_TRUE(loop_.runToEnd(runtime_.removeContainer(c)));
  EXPECT_TRUE(create(s, "app"));
}

TEST_F(Fake, AStopWaitsForTheProgramAndKillsItAfterTheGrace) {
  std::string s = runPod("web");
  runtime_.program("stubborn").ignoresTerm = true;
  runtime_.program("slow").termTakes = seconds(2);
  run(s, "stubborn");
  run(s, "slow");
  TaskGroup tasks(loop_);
  std::optional<Code> failed;
  bool stubborn = false;
  bool slow = false;
  tasks.spawn("stop", stopInto(&runtime_, "stubborn", seconds(30), &failed, &stubborn));
  tasks.spawn("stop", stopInto(&runtime_, "slow", seconds(30), &failed, &slow));
  clock_.advance(milliseconds(1999));
  EXPECT_FALSE(slow);
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(slow);
  EXPECT_EQ(runtime_.container("slow")->exitCode, 143);
  clock_.advance(milliseconds(27'999));
  EXPECT_FALSE(stubborn);
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(stubborn);
  EXPECT_EQ(runtime_.container("stubborn")->exitCode, 137);
  EXPECT_EQ(runtime_.container("stubborn")->stopGrace, seconds(30));
  EXPECT_FALSE(failed);
}

TEST_F(Fake, AStopEndsWhenTheProgramEndsOtherwise) {
  std::string s = runPod("web");
  runtime_.program("stubborn").ignoresTerm = true;
  run(s, "stubborn");
  TaskGroup tasks(loop_);
  std::optional<Code> failed;
  bool done = false;
  tasks.spawn("stop", stopInto(&runtime_, "stubborn", seconds(30), &failed, &done));
  loop_.poll();
  runtime_.exitContainer("stubborn", 0);
  loop_.poll();
  EXPECT_TRUE(done);
  EXPECT_EQ(runtime_.container("stubborn")->exitCode, 0);
  EXPECT_EQ(clock_.pendingTimers(), 0u);
}

TEST_F(Fake, WhatIsGoneIsStoppedAndRemoved) {
  EXPECT_TRUE(loop_.runToEnd(runtime_.stopContainer("nope", seconds(1))));
  EXPECT_TRUE(loop_.runToEnd(runtime_.removeContainer("nope")));
  EXPECT_TRUE(loop_.runToEnd(runtime_.stopPodSandbox("nope")));
  EXPECT_TRUE(loop_.runToEnd(runtime_.removePodSandbox("nope")));
  EXPECT_EQ(loop_.runToEnd(runtime_.containerStatus("nope")).error().code, Code::kNotFound);
  EXPECT_EQ(loop_.runToEnd(runtime_.podSandboxStatus("nope")).error().code, Code::kNotFound);
}

TEST_F(Fake, StoppingASandboxKillsItsContainersAndRemovingTakesThemAlong) {
  std::string s = runPod("web");
  std::string c = run(s, "app");
  ASSERT_TRUE(loop_.runToEnd(runtime_.stopPodSandbox(s)));
  EXPECT_EQ(status(c).exit_code(), 137);
  EXPECT_FALSE(runtime_.sandbox(s)->ready);
  EXPECT_TRUE(runtime_.sandbox(s)->ips.empty());
  ASSERT_TRUE(loop_.runToEnd(runtime_.removePodSandbox(s)));
  EXPECT_TRUE(runtime_.containers().empty());
  EXPECT_TRUE(runtime_.sandboxes().empty());
}

TEST_F(Fake, ADeadSandboxStartsNoContainer) {
  std::string s = runPod("web");
  std::string c = create(s, "app").value();
  ASSERT_TRUE(runtime_.killSandbox("web"));
  EXPECT_FALSE(loop_.runToEnd(runtime_.startContainer(c)));
}

TEST_F(Fake, AProgramThatCannotStartLeavesAnExitedContainer) {
  std::string s = runPod("web");
  runtime_.program("app").startError = "exec: \"nope\": executable file not found in $PATH: unknown";
  std::string c = create(s, "app").value();
  auto started = loop_.runToEnd(runtime_.startContainer(c));
  ASSERT_FALSE(started);
  EXPECT_EQ(status(c).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status(c).exit_code(), 128);
  EXPECT_EQ(status(c).reason(), "StartError");
}

TEST_F(Fake, ProgramsMayEndByThemselves) {
  std::string s = runPod("web");
  runtime_.program("job").exitsAfter = seconds(5);
  runtime_.program("job").exitCode = 7;
  std::string c = run(s, "job");
  clock_.advance(seconds(5));
  EXPECT_EQ(status(c).exit_code(), 7);
}

TEST_F(Fake, ReadsAreStaleAfterAnExitWhileTheEventIsNot) {
  runtime_.staleAfterExit(milliseconds(100));
  auto events = loop_.runToEnd(runtime_.openEvents()).value();
  std::string s = runPod("web");
  std::string c = run(s, "app");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(loop_.runToEnd(events->next()));
  runtime_.exitContainer("app", 3);
  auto event = loop_.runToEnd(events->next()).value();
  EXPECT_EQ(event.kind, RuntimeEvent::Kind::kExited);
  EXPECT_EQ(event.id, c);
  EXPECT_EQ(event.exitCode, 3);
  EXPECT_EQ(status(c).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(loop_.runToEnd(runtime_.listContainers({})).value()[0].state(), v1::CONTAINER_RUNNING);
  clock_.advance(milliseconds(100));
  EXPECT_EQ(status(c).state(), v1::CONTAINER_EXITED);
}

TEST_F(Fake, EventsTellALife) {
  auto events = loop_.runToEnd(runtime_.openEvents()).value();
  std::string s = runPod("web");
  std::string c = run(s, "app");
  runtime_.oomContainer("app");
  loop_.runToEnd(runtime_.removeContainer(c));
  using Kind = RuntimeEvent::Kind;
  std::vector<std::pair<Kind, std::string>> seen;
  for (int i = 0; i < 7; ++i) {
    auto event = loop_.runToEnd(events->next()).value();
    seen.emplace_back(event.kind, event.id);
  }
  EXPECT_THAT(seen, ElementsAre(std::pair(Kind::kCreated, s), std::pair(Kind::kStarted, s),
                                std::pair(Kind::kCreated, c), std::pair(Kind::kStarted, c), std::pair(Kind::kOom, c),
                                std::pair(Kind::kExited, c), std::pair(Kind::kDeleted, c)));
}

TEST_F(Fake, EventsCanBeLostAndStreamsCanBreak) {
  auto events = loop_.runToEnd(runtime_.openEvents()).value();
  runtime_.dropEvents(true);
  std::string s = runPod("web");
  runtime_.dropEvents(false);
  runtime_.killSandbox(s);
  runtime_.breakEvents();
  EXPECT_EQ(loop_.runToEnd(events->next()).value().kind, RuntimeEvent::Kind::kExited);
  EXPECT_EQ(loop_.runToEnd(events->next()).error().code, Code::kUnavailable);
  EXPECT_EQ(runtime_.subscribers(), 0);
  runtime_.setEventStyle(FakeRuntime::EventStyle::kNone);
  EXPECT_EQ(loop_.runToEnd(runtime_.openEvents()).error().code, Code::kUnimplemented);
}

TEST_F(Fake, FaultsHitOneCallEachInOrder) {
  runtime_.failNext("RunPodSandbox", Error(Code::kInternal, "", "first"));
  runtime_.failNextAfterEffect("RunPodSandbox", Error(Code::kTimedOut, "", "second"));
  EXPECT_EQ(loop_.runToEnd(runtime_.runPodSandbox(pod("a"), "")).error().message, "first");
  EXPECT_EQ(runtime_.sandbox("a"), nullptr);
  EXPECT_EQ(loop_.runToEnd(runtime_.runPodSandbox(pod("b"), "")).error().message, "second");
  EXPECT_NE(runtime_.sandbox("b"), nullptr);
  EXPECT_TRUE(loop_.runToEnd(runtime_.runPodSandbox(pod("c"), "")));
  runtime_.faults().failAlways("Version", Error(Code::kInternal, "", "never"));
  EXPECT_FALSE(loop_.runToEnd(runtime_.version()));
  EXPECT_FALSE(loop_.runToEnd(runtime_.version()));
  runtime_.faults().clearFaults();
  EXPECT_TRUE(loop_.runToEnd(runtime_.version()));
}

TEST_F(Fake, AHangingCallTimesOutOnTheClockOrIsCancelled) {
  std::string s = runPod("web");
  run(s, "app");
  runtime_.hangNext("StopContainer");
  runtime_.hangNext("StopContainer");
  TaskGroup tasks(loop_);
  std::optional<Code> failed;
  bool done = false;
  tasks.spawn("stop", stopInto(&runtime_, "app", seconds(30), &failed, &done));
  clock_.advance(seconds(119));
  EXPECT_FALSE(done);
  clock_.advance(seconds(1));
  EXPECT_EQ(failed, Code::kTimedOut);
  EXPECT_THAT(runtime_.running(), ElementsAre("app#0"));

  done = false;
  tasks.spawn("stop", stopInto(&runtime_, "app", seconds(30), &failed, &done));
  loop_.poll();
  EXPECT_EQ(runtime_.faults().inFlight("StopContainer"), 1);
  loop_.runToEnd(tasks.close());
  EXPECT_FALSE(done);
  EXPECT_EQ(runtime_.faults().inFlight("StopContainer"), 0);
  EXPECT_EQ(clock_.pendingTimers(), 0u);
}

TEST_F(Fake, AHangingCallCanBeLetGo) {
  std::string s = runPod("web");
  run(s, "app");
  runtime_.hangNext("StopContainer", Duration(0));
  TaskGroup tasks(loop_);
  std::optional<Code> failed;
  bool done = false;
  tasks.spawn("stop", stopInto(&runtime_, "app", seconds(30), &failed, &done));
  clock_.advance(std::chrono::hours(1));
  EXPECT_FALSE(done);
  runtime_.faults().letGo();
  loop_.poll();
  EXPECT_TRUE(done);
  EXPECT_TRUE(runtime_.running().empty());
}

Task<void> pullInto(FakeRuntime* runtime, std::string image, int* done) {
  auto pulled = co_await runtime->pullImage(image, {}, {});
  if (pulled) ++*done;
}

TEST_F(Fake, ADelayedCallAnswersThenAndParallelCallsAreCounted) {
  runtime_.delayNext("PullImage", seconds(3));
  runtime_.delayNext("PullImage", seconds(1));
  TaskGroup tasks(loop_);
  int done = 0;
  tasks.spawn("pull", pullInto(&runtime_, "a", &done));
  tasks.spawn("pull", pullInto(&runtime_, "b", &done));
  clock_.advance(seconds(1));
  EXPECT_EQ(done, 1);
  clock_.advance(seconds(2));
  EXPECT_EQ(done, 2);
  EXPECT_EQ(runtime_.faults().maxInFlight("PullImage"), 2);
}

TEST_F(Fake, ImagesArePulledUnlessTheyCannotBe) {
  EXPECT_FALSE(loop_.runToEnd(runtime_.imageStatus("web:1")).value());
  std::string id = loop_.runToEnd(runtime_.pullImage("web:1", {}, {})).value();
  auto image = loop_.runToEnd(runtime_.imageStatus("web:1")).value();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id(), id);
  EXPECT_EQ(image->repo_tags(0), "docker.io/library/web:1");
  EXPECT_TRUE(runtime_.hasImage(id));
  EXPECT_TRUE(runtime_.hasImage(image->repo_digests(0)));
  runtime_.makeUnpullable("registry.test:5000/none", Error(Code::kNotFound, "", "no such image"));
  EXPECT_EQ(loop_.runToEnd(runtime_.pullImage("registry.test:5000/none:latest", {}, {})).error().code, Code::kNotFound);
  ASSERT_TRUE(loop_.runToEnd(runtime_.removeImage(id)));
  EXPECT_FALSE(runtime_.hasImage("web:1"));
  std::string s = runPod("web");
  EXPECT_EQ(loop_.runToEnd(runtime_.createContainer(s, containerOf("app"), pod("web"))).error().code, Code::kNotFound);
}

Task<void> waitInto(FakeRuntime* runtime, bool* ready) {
  auto waited = co_await runtime->waitReady();
  *ready = waited.has_value();
}

TEST_F(Fake, ADownRuntimeAnswersNothingAndContainersRunOn) {
  std::string s = runPod("web");
  run(s, "app");
  auto events = loop_.runToEnd(runtime_.openEvents()).value();
  runtime_.setDown(true);
  EXPECT_EQ(loop_.runToEnd(runtime_.version()).error().code, Code::kUnavailable);
  EXPECT_EQ(loop_.runToEnd(events->next()).error().code, Code::kUnavailable);
  TaskGroup tasks(loop_);
  bool ready = false;
  tasks.spawn("wait", waitInto(&runtime_, &ready));
  loop_.poll();
  EXPECT_FALSE(ready);
  runtime_.setDown(false);
  loop_.poll();
  EXPECT_TRUE(ready);
  EXPECT_THAT(runtime_.running(), ElementsAre("app#0"));
}

TEST_F(Fake, ListsAreFilteredAsAsked) {
  std::string web = runPod("web");
  std::string db = runPod("db");
  run(web, "app");
  std::string c = run(db, "store");
  v1::PodSandboxFilter byUid;
  (*byUid.mutable_label_selector())["io.kubernetes.pod.uid"] = "uid-db";
  auto pods = loop_.runToEnd(runtime_.listPodSandbox(byUid)).value();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0].id(), db);
  runtime_.killSandbox("web");
  v1::PodSandboxFilter ready;
  ready.mutable_state()->set_state(v1::SANDBOX_READY);
  EXPECT_EQ(loop_.runToEnd(runtime_.listPodSandbox(ready)).value().size(), 1u);
  v1::ContainerFilter bySandbox;
  bySandbox.set_pod_sandbox_id(db);
  auto containers = loop_.runToEnd(runtime_.listContainers(bySandbox)).value();
  ASSERT_EQ(containers.size(), 1u);
  EXPECT_EQ(containers[0].id(), c);
}

TEST_F(Fake, HostNetworkHasNoAddressOfItsOwn) {
  v1::PodSandboxConfig config = pod("web");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(v1::NODE);
  std::string s = loop_.runToEnd(runtime_.runPodSandbox(config, "")).value();
  auto status = loop_.runToEnd(runtime_.podSandboxStatus(s)).value().status();
  EXPECT_EQ(status.network().ip(), "");
  EXPECT_EQ(status.linux().namespaces().options().network(), v1::NODE);
}

}  // namespace
}  // namespace cubelet::cri
