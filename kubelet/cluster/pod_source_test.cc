#include "kubelet/cluster/pod_source.h"

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::cluster {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using apiserver::frameOf;

core::Pod makePod(const std::string& name, int version, const std::string& uid = "u1") {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  pod.mutable_spec()->add_containers()->set_name("web");
  return pod;
}

core::PodCondition condition(const std::string& type, const std::string& status) {
  core::PodCondition out;
  out.set_type(type);
  out.set_status(status);
  return out;
}

class Source : public testing::Test {
 protected:
  Source() { tasks.spawn("pods", source.run()); }
  ~Source() override { loop.runToEnd(tasks.close()); }

  // An old server: a list, then a watch.
  void show(std::vector<core::Pod> pods) {
    loop.poll();
    transport.last().finish(failureOf(422, "Invalid"));
    loop.poll();
    core::PodList list;
    list.mutable_metadata()->set_resourceversion("1");
    for (core::Pod& pod : pods) *list.add_items() = std::move(pod);
    transport.last().finish(answerOf(200, list));
    loop.poll();
  }
  void tell(const std::string& type, const core::Pod& pod) {
    transport.last().data(frameOf(type, pod));
    loop.poll();
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {}};
  std::vector<std::vector<PodSource::PodPtr>> delivered;
  std::vector<std::string> heard;
  PodSource source{
      loop,
      clock,
      client,
      {.nodeName = "n1", .random = [] { return 0.5; }},
      {.pods = [this](auto pods) { delivered.push_back(std::move(pods)); },
       .storedChanged = [this](const std::string& ns, const std::string& name) { heard.push_back(ns + "/" + name); },
       .synced = [this] { heard.push_back("synced"); }}};
  TaskGroup tasks{loop};
};

TEST_F(Source, SRC_1_AsksForThePodsOfItsNodeOnly) {
  loop.poll();
  EXPECT_NE(transport.last().request.path.find("fieldSelector=spec.nodeName%3Dn1"), std::string::npos);
}

TEST_F(Source, SRC_5_AnEmptySetIsDeliveredToo) {
  show({});
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_TRUE(delivered[0].empty());
}

TEST_F(Source, SRC_3_PodsAreMarkedWithTheirSource) {
  core::Pod pod = makePod("a", 5);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.seen"] = "never";
  show({pod});
  const auto& marks = delivered.back().at(0)->metadata().annotations();
  EXPECT_EQ(marks.at("kubernetes.io/config.source"), "api");
  EXPECT_NE(marks.at("kubernetes.io/config.seen"), "never");
  EXPECT_FALSE(delivered.back()[0]->metadata().has_resourceversion());
}

TEST_F(Source, OurOwnStatusComingBackDeliversNothing) {
  core::Pod pod = makePod("a", 5);
  show({pod});
  pod.mutable_metadata()->set_resourceversion("6");
  pod.mutable_status()->set_phase("Running");
  *pod.mutable_status()->add_conditions() = condition("Ready", "True");
  tell("MODIFIED", pod);
  EXPECT_EQ(delivered.size(), 1u);
  EXPECT_EQ(source.stored("default", "a")->status().phase(), "Running");
  EXPECT_EQ(heard.back(), "default/a");
}

TEST_F(Source, SRC_4_ChangesOfSpecLabelsAndDeletionAreDelivered) {
  core::Pod pod = makePod("a", 5);
  show({pod, makePod("b", 5, "u2")});
  const PodSource::PodPtr other = delivered.back().at(1);
  pod.mutable_spec()->mutable_containers(0)->set_image("web:2");
  tell("MODIFIED", pod);
  EXPECT_EQ(delivered.size(), 2u);
  (*pod.mutable_metadata()->mutable_labels())["a"] = "b";
  tell("MODIFIED", pod);
  EXPECT_EQ(delivered.size(), 3u);
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(7);
  tell("MODIFIED", pod);
  EXPECT_EQ(delivered.size(), 4u);
  EXPECT_TRUE(delivered.back().at(0)->metadata().has_deletiontimestamp());
  EXPECT_EQ(delivered.back().at(1), other) << "what did not change keeps its pointer";
}

TEST_F(Source, PCO_7_ConditionsOfOthersAreDelivered) {
  core::Pod pod = makePod("a", 5);
  show({pod});
  *pod.mutable_status()->add_conditions() = condition("example.com/gate", "True");
  *pod.mutable_status()->add_conditions() = condition("Ready", "True");
  tell("MODIFIED", pod);
  ASSERT_EQ(delivered.size(), 2u);
  ASSERT_EQ(delivered.back().at(0)->status().conditions_size(), 1);
  EXPECT_EQ(delivered.back().at(0)->status().conditions(0).type(), "example.com/gate");
}

TEST_F(Source, StatusOfAnEarlierRunOfTheAgentIsHandedOn) {
  core::Pod pod = makePod("a", 5);
  pod.mutable_status()->set_phase("Succeeded");
  *pod.mutable_status()->add_conditions() = condition("Ready", "False");
  show({pod});
  EXPECT_EQ(delivered.back().at(0)->status().phase(), "Succeeded");
  EXPECT_EQ(delivered.back().at(0)->status().conditions_size(), 1);
}

TEST_F(Source, SRC_9_RemovedPodsAreGone) {
  core::Pod pod = makePod("a", 5);
  show({pod});
  tell("DELETED", pod);
  EXPECT_TRUE(delivered.back().empty());
  EXPECT_EQ(source.stored("default", "a"), nullptr);
  EXPECT_EQ(heard.back(), "default/a");
}

TEST_F(Source, SRC_10_ANewUidIsANewPodAndHasNoOldStatus) {
  core::Pod pod = makePod("a", 5);
  pod.mutable_status()->set_phase("Failed");
  show({pod});
  tell("DELETED", pod);
  tell("ADDED", makePod("a", 7, "u2"));
  EXPECT_EQ(delivered.back().at(0)->metadata().uid(), "u2");
  EXPECT_EQ(delivered.back().at(0)->status().phase(), "");
}

TEST_F(Source, STA_20_MirrorPodsAreNotRun) {
  core::Pod pod = makePod("etcd-n1", 5);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.mirror"] = "hash";
  show({pod, makePod("a", 5, "u2")});
  ASSERT_EQ(delivered.back().size(), 1u);
  EXPECT_EQ(delivered.back()[0]->metadata().name(), "a");
  ASSERT_EQ(source.mirrors().size(), 1u);
  pod.mutable_metadata()->set_resourceversion("9");
  tell("MODIFIED", pod);
  EXPECT_EQ(delivered.size(), 1u);
  EXPECT_EQ(heard.back(), "default/etcd-n1");
}

}  // namespace
}  // namespace cubelet::cluster
