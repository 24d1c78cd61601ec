#include "kubelet/observe/observer.h"

#include <gtest/gtest.h>

#include "cri/fake/fake_runtime.h"
#include "kubelet/observe/from_cri.h"

namespace cubelet::observe {
namespace {

using std::chrono::milliseconds;

// One pod with one running container, made beside the observer as another agent would.
struct Observing : testing::Test {
  Observing() {
    cri::v1::PodSandboxConfig sandbox;
    sandbox.mutable_metadata()->set_name("a");
    sandbox.mutable_metadata()->set_uid("u1");
    label(*sandbox.mutable_labels());
    sandboxId = *loop.runToEnd(runtime.runPodSandbox(sandbox, ""));
    cri::v1::ContainerConfig container;
    container.mutable_metadata()->set_name("web");
    container.mutable_image()->set_image("web:1");
    label(*container.mutable_labels());
    (*container.mutable_labels())[kContainerNameLabel] = "web";
    runtime.addImage("web:1");
    id = *loop.runToEnd(runtime.createContainer(sandboxId, container, sandbox));
    EXPECT_TRUE(loop.runToEnd(runtime.startContainer(id)));
    tasks.spawn("observer", observer.run());
    loop.poll();
  }
  ~Observing() override {
    loop.runToEnd(tasks.close());
    loop.runToEnd(observer.close());
  }
  static void label(google::protobuf::Map<std::string, std::string>& labels) {
    labels[kPodUidLabel] = "u1";
    labels[kPodNameLabel] = "a";
    labels[kPodNamespaceLabel] = "default";
  }
  const ObservedContainer* web() {
    const ObservedPod* pod = observer.find("u1");
    return pod != nullptr ? pod->newest("web") : nullptr;
  }

  Loop loop;
  ManualClock clock{loop};
  cri::FakeRuntime runtime{clock};
  int changes = 0;
  Observer observer{
      loop, clock, runtime, {}, {.podChanged = [this](const std::string&) { ++changes; }, .synced = {}, .lost = {}}};
  TaskGroup tasks{loop};
  std::string sandboxId;
  std::string id;
};

TEST_F(Observing, ListsWhatIsThere) {
  EXPECT_TRUE(observer.synced());
  ASSERT_NE(web(), nullptr);
  EXPECT_EQ(web()->state, ContainerState::kRunning);
  EXPECT_FALSE(observer.find("u1")->sandboxes.front().ips.empty());
}

TEST_F(Observing, ExitIsKnownFromItsEventWhileTheStatusStillLags) {
  runtime.staleAfterExit(milliseconds(160));
  runtime.exitContainer("web", 3);
  loop.poll();
  EXPECT_EQ(web()->state, ContainerState::kExited);
  EXPECT_EQ(web()->exitCode, 3);
  EXPECT_EQ(web()->reason, "Error");
  // A read that still says "running" must not bring it back to life.
  EXPECT_TRUE(loop.runToEnd(observer.refresh("u1")));
  EXPECT_EQ(web()->state, ContainerState::kExited);
}

TEST_F(Observing, AnswerThatWasAskedForBeforeAnOwnActionIsDropped) {
  runtime.delayNext("ListContainers", milliseconds(50));
  bool done = false;
  auto refresh = [](Observer* of, bool* flag) -> Task<void> {
    Result<void> read = co_await of->refresh("u1");
    *flag = read.has_value();
  };
  tasks.spawn("refresh", refresh(&observer, &done));
  loop.poll();
  ObservedContainer made;
  made.id = "new";
  made.name = "web";
  made.attempt = 1;
  made.createdAt = clock.wallNow() + std::chrono::seconds(1);
  observer.ownContainerCreated("u1", made);
  ASSERT_EQ(web()->id, "new");
  clock.advance(milliseconds(50));
  // The first answer knew nothing of it and was dropped; the second was asked for afterwards and may forget it.
  EXPECT_TRUE(done);
  EXPECT_EQ(web()->id, id);
}

TEST_F(Observing, RES_19_OutOfMemoryIsTold) {
  runtime.oomContainer("web");
  loop.poll();
  EXPECT_EQ(web()->reason, "OOMKilled");
  EXPECT_EQ(web()->exitCode, 137);
}

TEST_F(Observing, DeadSandboxIsNotReady) {
  runtime.killSandbox("a");
  loop.poll();
  EXPECT_FALSE(observer.find("u1")->sandboxes.front().ready);
}

TEST_F(Observing, ExitThatOvertakesTheReplyNamingItIsNotLost) {
  cri::RuntimeEvent event;
  event.kind = cri::RuntimeEvent::Kind::kExited;
  event.id = "early";
  event.exitCode = 7;
  runtime.emit(event);
  loop.poll();
  ObservedContainer made;
  made.id = "early";
  made.name = "web";
  made.state = ContainerState::kCreated;
  made.createdAt = clock.wallNow() + std::chrono::seconds(1);
  observer.ownContainerCreated("u1", made);
  observer.ownContainerStarted("u1", "early");
  EXPECT_EQ(web()->state, ContainerState::kExited);
  EXPECT_EQ(web()->exitCode, 7);
}

TEST_F(Observing, NothingChangesWithoutNews) {
  const int before = changes;
  clock.advance(std::chrono::minutes(11));
  EXPECT_EQ(changes, before);
  EXPECT_EQ(observer.auditDifferences(), 0u);
}

}  // namespace
}  // namespace cubelet::observe
