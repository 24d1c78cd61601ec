#include "kubelet/events/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::events {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class Recorder : public testing::Test {
 protected:
  static ObjectRef pod(std::string name = "web") {
    ObjectRef ref;
    ref.kind = "Pod";
    ref.ns = "default";
    ref.name = std::move(name);
    ref.uid = "u-" + ref.name;
    return ref;
  }
  core::Event only() {
    auto events = recorder.list();
    EXPECT_EQ(events.size(), 1u);
    return events.empty() ? core::Event() : events.front();
  }
  // What subscribers heard: "message xCount" with "+" when it is a repetition.
  Subscription listen() {
    return recorder.subscribe([this](const core::Event& event, bool repeat) {
      heard.push_back((repeat ? "+" : "") + event.message() + " x" + std::to_string(event.count()));
    });
  }

  Loop loop;
  ManualClock clock{loop};
  EventRecorder recorder{clock, "node-1"};
  std::vector<std::string> heard;
};

TEST_F(Recorder, AnnotationsAreThoseOfTheEvent) {
  recorder.warning(pod(), "Evicted", "low on memory", {{"starved_resource", "memory"}});
  EXPECT_EQ(only().metadata().annotations().at("starved_resource"), "memory");
}

TEST_F(Recorder, FillsTheEventAsTheApiServerWantsIt) {
  ObjectRef ref = pod();
  ref.fieldPath = "spec.containers{app}";
  recorder.normal(ref, "Started", "Container started");
  core::Event event = only();
  EXPECT_EQ(event.metadata().name(), "web.18fae27693b40000");  // hex of 1'800'000'000 s in nanoseconds
  EXPECT_EQ(event.metadata().namespace_(), "default");
  EXPECT_EQ(event.involvedobject().kind(), "Pod");
  EXPECT_EQ(event.involvedobject().namespace_(), "default");
  EXPECT_EQ(event.involvedobject().name(), "web");
  EXPECT_EQ(event.involvedobject().uid(), "u-web");
  EXPECT_EQ(event.involvedobject().apiversion(), "v1");
  EXPECT_EQ(event.involvedobject().fieldpath(), "spec.containers{app}");
  EXPECT_EQ(event.type(), "Normal");
  EXPECT_EQ(event.reason(), "Started");
  EXPECT_EQ(event.message(), "Container started");
  EXPECT_EQ(event.source().component(), "kubelet");
  EXPECT_EQ(event.source().host(), "node-1");
  EXPECT_EQ(event.reportingcomponent(), "kubelet");
  EXPECT_EQ(event.reportinginstance(), "node-1");
  EXPECT_EQ(event.count(), 1);
  EXPECT_EQ(event.firsttimestamp().seconds(), 1'800'000'000);
}

TEST_F(Recorder, PutsNodeEventsIntoTheDefaultNamespace) {
  recorder.warning(nodeRef("node-1", "nu"), "SystemOOM", "out of memory");
  core::Event event = only();
  EXPECT_EQ(event.metadata().namespace_(), "default");
  EXPECT_FALSE(event.involvedobject().has_namespace_());
  EXPECT_EQ(event.involvedobject().uid(), "nu");
}

TEST_F(Recorder, NamesOfOneNanosecondDiffer) {
  recorder.normal(pod(), "Pulled", "m");
  recorder.normal(pod(), "Created", "m");
  const std::vector<core::Event> events = recorder.list();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_NE(events[0].metadata().name(), events[1].metadata().name());
}

TEST_F(Recorder, NamesOfLongNamedObjectsAreCutToWhatTheServerTakes) {
  recorder.normal(pod(std::string(253, 'a')), "Pulled", "m");
  EXPECT_EQ(only().metadata().name().size(), 253u);
  recorder.normal(pod(std::string(235, 'b') + "." + std::string(17, 'c')), "Pulled", "m");
  const std::string name = recorder.list().back().metadata().name();
  EXPECT_TRUE(name.starts_with(std::string(235, 'b') + "."));
  EXPECT_EQ(name.find(".."), std::string::npos);
}

TEST_F(Recorder, CountsIdenticalEventsUnderOneName) {
  recorder.warning(pod(), "BackOff", "again");
  std::string name = only().metadata().name();
  clock.advance(seconds(90));
  recorder.warning(pod(), "BackOff", "again");
  core::Event event = only();
  EXPECT_EQ(event.metadata().name(), name);
  EXPECT_EQ(event.count(), 2);
  EXPECT_EQ(event.firsttimestamp().seconds(), 1'800'000'000);
  EXPECT_EQ(event.lasttimestamp().seconds(), 1'800'000'090);
}

TEST_F(Recorder, KeepsEventsApartThatDifferInAnyPart) {
  recorder.normal(pod(), "Created", "m");
  recorder.warning(pod(), "Created", "m");
  recorder.normal(pod("db"), "Created", "m");
  recorder.normal(pod(), "Started", "m");
  recorder.normal(pod(), "Created", "n");
  ObjectRef container = pod();
  container.fieldPath = "spec.containers{a}";
  recorder.normal(container, "Created", "m");
  EXPECT_EQ(recorder.list().size(), 6u);
}

TEST_F(Recorder, ListsTheMostRecentlySeenLast) {
  recorder.normal(pod(), "A", "m");
  recorder.normal(pod(), "B", "m");
  recorder.normal(pod(), "A", "m");
  auto events = recorder.list();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].reason(), "B");
  EXPECT_EQ(events[1].reason(), "A");
}

TEST_F(Recorder, CombinesSimilarEventsFromTheTenthOn) {
  for (int i = 1; i <= 12; ++i) recorder.warning(pod(), "FailedMount", "try " + std::to_string(i));
  auto events = recorder.list();
  ASSERT_EQ(events.size(), 10u);
  EXPECT_EQ(events[8].message(), "try 9");
  EXPECT_EQ(events[9].message(), "(combined from similar events): try 12");
  EXPECT_EQ(events[9].count(), 3);
}

TEST_F(Recorder, ContainersOfOnePodAreSimilar) {
  for (int i = 1; i <= 10; ++i) {
    ObjectRef container = pod();
    container.fieldPath = "spec.containers{c" + std::to_string(i) + "}";
    recorder.normal(container, "Pulled", "image " + std::to_string(i));
  }
  EXPECT_EQ(recorder.list().back().message(), "(combined from similar events): image 10");
}

TEST_F(Recorder, StopsCombiningAfterTenMinutesWithoutASimilarEvent) {
  for (int i = 1; i <= 10; ++i) recorder.warning(pod(), "FailedMount", "try " + std::to_string(i));
  clock.advance(seconds(600));
  recorder.warning(pod(), "FailedMount", "late");
  EXPECT_EQ(recorder.list().back().message(), "(combined from similar events): late");
  clock.advance(seconds(601));
  recorder.warning(pod(), "FailedMount", "later");
  EXPECT_EQ(recorder.list().back().message(), "later");
}

TEST_F(Recorder, HoldsAnObjectBackAfterTwentyFiveEvents) {
  Subscription listening = listen();
  for (int i = 0; i < 30; ++i) recorder.warning(pod(), "BackOff", "again");
  EXPECT_EQ(heard.size(), 25u);
  EXPECT_EQ(recorder.heldBack(), 5u);
  EXPECT_EQ(only().count(), 30) << "held back events still count in the list";

  recorder.warning(pod("db"), "BackOff", "again");
  EXPECT_EQ(heard.size(), 26u) << "another object has its own budget";
}

TEST_F(Recorder, LetsOneMoreThroughEveryFiveMinutes) {
  Subscription listening = listen();
  for (int i = 0; i < 26; ++i) recorder.warning(pod(), "BackOff", "again");
  clock.advance(seconds(299));
  recorder.warning(pod(), "BackOff", "again");
  EXPECT_EQ(heard.size(), 25u);
  clock.advance(seconds(2));
  recorder.warning(pod(), "BackOff", "again");
  recorder.warning(pod(), "BackOff", "again");
  ASSERT_EQ(heard.size(), 26u);
  EXPECT_EQ(heard.back(), "+again x28");
}

TEST_F(Recorder, AnIdleObjectGetsItsWholeBudgetBackButNotMore) {
  Subscription listening = listen();
  for (int i = 0; i < 25; ++i) recorder.normal(pod(), "R", "m");
  clock.advance(minutes(5 * 1000));
  heard.clear();
  for (int i = 0; i < 40; ++i) recorder.normal(pod(), "R", "m");
  EXPECT_EQ(heard.size(), 25u);
}

TEST_F(Recorder, TellsSubscribersWhetherAnEventIsNew) {
  Subscription listening = listen();
  recorder.normal(pod(), "A", "a");
  recorder.normal(pod(), "A", "a");
  recorder.normal(pod(), "B", "b");
  EXPECT_THAT(heard, testing::ElementsAre("a x1", "+a x2", "b x1"));
}

TEST_F(Recorder, ForgetsASubscriberThatIsGone) {
  {
    Subscription listening = listen();
    recorder.normal(pod(), "A", "a");
  }
  recorder.normal(pod(), "B", "b");
  EXPECT_THAT(heard, testing::ElementsAre("a x1"));
}

TEST_F(Recorder, SurvivesASubscriberThatLeavesWhileItIsCalled) {
  Subscription second;
  Subscription first = recorder.subscribe([&](const core::Event&, bool) {
    heard.push_back("first");
    first = Subscription();
    second = Subscription();
  });
  second = recorder.subscribe([&](const core::Event&, bool) { heard.push_back("second"); });
  recorder.normal(pod(), "A", "a");
  recorder.normal(pod(), "B", "b");
  EXPECT_THAT(heard, testing::ElementsAre("first"));
}

TEST_F(Recorder, ASubscriptionMayOutliveTheRecorder) {
  Subscription listening;
  {
    EventRecorder shortLived(clock, "n");
    listening = shortLived.subscribe([](const core::Event&, bool) {});
  }
}

TEST_F(Recorder, KeepsABoundedNumberAndForgetsTheOneNotSeenForLongest) {
  EventRecorder small(clock, "n", {.events = 3});
  for (const char* reason : {"A", "B", "C", "A", "D"}) small.normal(pod(), reason, "m");
  auto events = small.list();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].reason(), "C");
  EXPECT_EQ(events[1].reason(), "A");
  EXPECT_EQ(events[2].reason(), "D");
  small.normal(pod(), "B", "m");
  EXPECT_EQ(small.list().back().count(), 1) << "a forgotten event starts anew";
}

TEST_F(Recorder, RemembersABoundedNumberOfObjects) {
  EventRecorder small(clock, "n", {.objects = 2});
  Subscription listening = small.subscribe([this](const core::Event& e, bool) { heard.push_back(e.message()); });
  for (int i = 0; i < 26; ++i) small.normal(pod("a"), "R", "m");
  EXPECT_EQ(heard.size(), 25u);
  small.normal(pod("b"), "R", "m");
  small.normal(pod("c"), "R", "m");
  small.normal(pod("a"), "R", "m");
  EXPECT_EQ(heard.size(), 28u) << "the bucket of a was dropped and starts full again";
}

TEST_F(Recorder, CutsLongMessagesBetweenCharacters) {
  EventRecorder small(clock, "n", {.messageBytes = 4});
  small.normal(pod(), "R", "abc\u00e9f");  // the accented letter takes two bytes, 3 and 4
  EXPECT_EQ(small.list().front().message(), "abc...");
}

TEST_F(Recorder, KeepsNoTimer) {
  recorder.normal(pod(), "R", "m");
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST(References, NameTheMemberThatDeclaresTheContainer) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_uid("u1");
  pod.mutable_spec()->add_containers()->set_name("app");
  pod.mutable_spec()->add_initcontainers()->set_name("setup");
  pod.mutable_spec()->add_ephemeralcontainers()->mutable_ephemeralcontainercommon()->set_name("shell");
  EXPECT_EQ(containerRef(pod, "app").fieldPath, "spec.containers{app}");
  EXPECT_EQ(containerRef(pod, "setup").fieldPath, "spec.initContainers{setup}");
  EXPECT_EQ(containerRef(pod, "shell").fieldPath, "spec.ephemeralContainers{shell}");
  EXPECT_EQ(containerRef(pod, "other").fieldPath, "");
  EXPECT_EQ(containerRef(pod, "app").ns, "shop");
  EXPECT_EQ(containerRef(pod, "app").uid, "u1");
}

}  // namespace
}  // namespace cubelet::events
