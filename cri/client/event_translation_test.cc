#include "cri/client/event_translation.h"

#include <gtest/gtest.h>

#include "proto/containerd/events.pb.h"

namespace cubelet::cri {
namespace {

namespace events = ::containerd::events;
using Kind = RuntimeEvent::Kind;

template <class Event>
::containerd::types::Envelope envelope(const Event& event, std::string ns = "k8s.io") {
  ::containerd::types::Envelope e;
  e.set_namespace_(std::move(ns));
  e.mutable_timestamp()->set_seconds(1000);
  e.mutable_timestamp()->set_nanos(5000);
  e.mutable_event()->set_type_url(Event::descriptor()->full_name());
  e.mutable_event()->set_value(event.SerializeAsString());
  return e;
}

events::TaskExit exitOf(const std::string& container, const std::string& process, unsigned status) {
  events::TaskExit exit;
  exit.set_container_id(container);
  exit.set_id(process);
  exit.set_exit_status(status);
  exit.mutable_exited_at()->set_seconds(2000);
  exit.mutable_exited_at()->set_nanos(7);
  return exit;
}

TEST(ContainerdEvents, AnExitCarriesCodeAndTime) {
  auto event = fromContainerd(envelope(exitOf("c1", "c1", 137)));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::kExited);
  EXPECT_EQ(event->id, "c1");
  EXPECT_EQ(event->exitCode, 137);
  EXPECT_EQ(event->at->time_since_epoch(), std::chrono::seconds(2000) + std::chrono::nanoseconds(7));
}

// What containerd sends for a container whose start was given up.
TEST(ContainerdEvents, AnExitAtGosZeroTimeHasTheTimeOfItsEnvelope) {
  events::TaskExit exit = exitOf("c1", "c1", 255);
  exit.mutable_exited_at()->set_seconds(-62135596800);
  exit.mutable_exited_at()->set_nanos(0);
  auto event = fromContainerd(envelope(exit));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at->time_since_epoch(), std::chrono::seconds(1000) + std::chrono::nanoseconds(5000));
}

TEST(ContainerdEvents, TheEndOfAnExecTellsNothing) {
  EXPECT_FALSE(fromContainerd(envelope(exitOf("c1", "exec-7", 0))));
  events::TaskExecAdded added;
  added.set_container_id("c1");
  EXPECT_FALSE(fromContainerd(envelope(added)));
  events::TaskExecStarted started;
  started.set_container_id("c1");
  EXPECT_FALSE(fromContainerd(envelope(started)));
}

TEST(ContainerdEvents, TellTheRestOfALife) {
  events::ContainerCreate create;
  create.set_id("c1");
  events::TaskStart start;
  start.set_container_id("c1");
  events::TaskOOM oom;
  oom.set_container_id("c1");
  events::ContainerDelete gone;
  gone.set_id("c1");
  EXPECT_EQ(fromContainerd(envelope(create))->kind, Kind::kCreated);
  EXPECT_EQ(fromContainerd(envelope(start))->kind, Kind::kStarted);
  EXPECT_EQ(fromContainerd(envelope(oom))->kind, Kind::kOom);
  auto deleted = fromContainerd(envelope(gone));
  EXPECT_EQ(deleted->kind, Kind::kDeleted);
  EXPECT_EQ(deleted->id, "c1");
  EXPECT_EQ(deleted->at->time_since_epoch(), std::chrono::seconds(1000) + std::chrono::nanoseconds(5000));
  EXPECT_FALSE(deleted->exitCode);
}

TEST(ContainerdEvents, OfOthersAreNotOurs) {
  EXPECT_FALSE(fromContainerd(envelope(exitOf("c1", "c1", 0), "moby")));
}

TEST(ContainerdEvents, ThatCannotBeReadTellNothing) {
  auto broken = envelope(exitOf("c1", "c1", 0));
  broken.mutable_event()->set_value("\xff\xff");
  EXPECT_FALSE(fromContainerd(broken));
  EXPECT_FALSE(fromContainerd(::containerd::types::Envelope()));
}

TEST(CriEvents, CarryStatusesAndTheExitCodeOfTheContainerThatStopped) {
  v1::ContainerEventResponse response;
  response.set_container_id("c1");
  response.set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
  response.set_created_at(3'000'000'007);
  response.mutable_pod_sandbox_status()->set_id("s1");
  auto* other = response.add_containers_statuses();
  other->set_id("c0");
  other->set_state(v1::CONTAINER_EXITED);
  other->set_exit_code(1);
  auto* own = response.add_containers_statuses();
  own->set_id("c1");
  own->set_state(v1::CONTAINER_EXITED);
  own->set_exit_code(3);
  RuntimeEvent event = fromCri(response);
  EXPECT_EQ(event.kind, Kind::kExited);
  EXPECT_EQ(event.id, "c1");
  EXPECT_EQ(event.exitCode, 3);
  EXPECT_EQ(event.at->time_since_epoch(), std::chrono::nanoseconds(3'000'000'007));
  EXPECT_EQ(event.sandbox->id(), "s1");
  EXPECT_EQ(event.containers.size(), 2u);
}

TEST(CriEvents, AStatusThatStillSaysRunningGivesNoExitCode) {
  v1::ContainerEventResponse response;
  response.set_container_id("c1");
  response.set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
  auto* own = response.add_containers_statuses();
  own->set_id("c1");
  own->set_state(v1::CONTAINER_RUNNING);
  EXPECT_FALSE(fromCri(response).exitCode);
  EXPECT_FALSE(fromCri(response).at);
}

TEST(CriEvents, HaveAKindForEachType) {
  v1::ContainerEventResponse response;
  response.set_container_event_type(v1::CONTAINER_CREATED_EVENT);
  EXPECT_EQ(fromCri(response).kind, Kind::kCreated);
  response.set_container_event_type(v1::CONTAINER_STARTED_EVENT);
  EXPECT_EQ(fromCri(response).kind, Kind::kStarted);
  response.set_container_event_type(v1::CONTAINER_DELETED_EVENT);
  EXPECT_EQ(fromCri(response).kind, Kind::kDeleted);
}

}  // namespace
}  // namespace cubelet::cri
