// Pods that make no sense, from bytes that were damaged: none crashes what is done with it, none becomes part of a
// path.
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kubelet/admission/admit.h"
#include "kubelet/apiserver/mutator.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "kubelet/cluster/pod_source.h"
#include "kubelet/cluster/status_publisher.h"
#include "kubelet/plan/plan_pod.h"
#include "kubelet/status/explain.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/status/status_patch.h"

namespace cubelet::cluster {
namespace {

using apiserver::frameOf;
using apiserver::Mutator;

// With something in most of the fields that are read.
core::Pod richPod() {
  core::Pod pod;
  k8s::meta::v1::ObjectMeta& meta = *pod.mutable_metadata();
  meta.set_name("a");
  meta.set_namespace_("default");
  meta.set_uid("0f3c8d6e-7d0c-4f5a-8c55-6f1f0f2a7b11");
  meta.set_resourceversion("7");
  meta.set_generation(3);
  (*meta.mutable_labels())["app"] = "web";
  (*meta.mutable_annotations())["team"] = "ops";
  core::PodSpec& spec = *pod.mutable_spec();
  core::Container& init = *spec.add_initcontainers();
  init.set_name("init");
  init.set_restartpolicy("Always");
  core::Container& web = *spec.add_containers();
  web.set_name("web");
  web.set_image("web:1");
  web.add_ports()->set_hostport(80);
  (*web.mutable_resources()->mutable_requests())["cpu"].set_string("100m");
  (*web.mutable_resources()->mutable_limits())["memory"].set_string("64Mi");
  web.mutable_readinessprobe()->set_periodseconds(1);
  web.mutable_lifecycle()->mutable_prestop()->mutable_sleep()->set_seconds(3);
  core::Volume& volume = *spec.add_volumes();
  volume.set_name("config");
  volume.mutable_volumesource()->mutable_configmap()->mutable_localobjectreference()->set_name("c");
  (*spec.mutable_nodeselector())["disk"] = "ssd";
  core::NodeSelectorRequirement& requirement = *spec.mutable_affinity()
                                                    ->mutable_nodeaffinity()
                                                    ->mutable_requiredduringschedulingignoredduringexecution()
                                                    ->add_nodeselectorterms()
                                                    ->add_matchexpressions();
  requirement.set_key("slots");
  requirement.set_operator_("Gt");
  requirement.add_values("3");
  spec.add_tolerations()->set_key("k");
  spec.mutable_securitycontext()->add_sysctls()->set_name("net.core.somaxconn");
  spec.set_terminationgraceperiodseconds(30);
  spec.add_readinessgates()->set_conditiontype("gate");
  core::PodStatus& status = *pod.mutable_status();
  status.set_phase("Running");
  status.mutable_starttime()->set_seconds(1'700'000'000);
  status.add_conditions()->set_type("Ready");
  core::ContainerStatus& container = *status.add_containerstatuses();
  container.set_name("web");
  container.mutable_state()->mutable_running()->mutable_startedat()->set_seconds(1'700'000'000);
  container.set_restartcount(2);
  return pod;
}

observe::ObservedPod running(const core::Pod& pod) {
  observe::ObservedPod have;
  have.uid = pod.metadata().uid();
  observe::ObservedSandbox& sandbox = have.sandboxes.emplace_back();
  sandbox.id = "s";
  sandbox.ready = true;
  sandbox.ips = {"10.0.0.9"};
  observe::ObservedContainer container;
  container.id = "c";
  container.name = "web";
  container.sandboxId = "s";
  container.state = observe::ContainerState::kRunning;
  have.containers.push_back(container);
  return have;
}

// What becomes of a pod on its way through the agent, as far as it is decided without I/O.
void passThrough(const core::Pod& pod, const core::Pod& stored) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  admission::NodeView node;
  node.name = "n1";
  const admission::PodClaims claims = admission::claimsOf(pod);
  (void)admission::admit(pod, claims, {&claims}, node);
  const plan::PodMemory memory;
  for (const observe::ObservedPod& have : {observe::ObservedPod(), running(pod)}) {
    const plan::PodPlan plan = plan::planPod(pod, have, memory, plan::PlanOptions(), now);
    (void)status::explain(pod, have, memory, plan, now);
    for (const bool terminated : {false, true}) {
      status::StatusInputs inputs;
      inputs.now = now;
      inputs.terminated = terminated;
      const core::PodStatus computed = status::computeStatus(pod, have, memory, inputs);
      (void)status::statusPatch(stored.metadata().uid(), stored.status(), withStoredTimes(computed, stored.status()));
    }
  }
}

TEST(MalformedPods, PassThroughWithoutHarm) {
  const std::string good = apiserver::encodeObject(richPod());
  int accepted = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    core::Pod stored;
    if (!apiserver::decodeObject(apiserver::kProtobufType, Mutator(seed).mutate(good), stored)) continue;
    if (whyMalformed(stored)) continue;
    ++accepted;
    passThrough(podToRun(stored, stored.status(), "seen"), stored);
  }
  EXPECT_GT(accepted, 100) << "else the damage is too wild to test anything";
}

TEST(MalformedPods, WhatBecomesPartOfAPathIsChecked) {
  EXPECT_FALSE(whyMalformed(richPod()));
  auto broken = [](const std::function<void(core::Pod&)>& how) {
    core::Pod pod = richPod();
    how(pod);
    return whyMalformed(pod).has_value();
  };
  for (const char* bad : {"", "..", "../x", "a/b", ".a", "a\n"}) {
    EXPECT_TRUE(broken([&](core::Pod& pod) { pod.mutable_metadata()->set_uid(bad); })) << bad;
    EXPECT_TRUE(broken([&](core::Pod& pod) { pod.mutable_metadata()->set_name(bad); })) << bad;
    EXPECT_TRUE(broken([&](core::Pod& pod) { pod.mutable_metadata()->set_namespace_(bad); })) << bad;
    EXPECT_TRUE(broken([&](core::Pod& pod) { pod.mutable_spec()->mutable_containers(0)->set_name(bad); })) << bad;
    EXPECT_TRUE(broken([&](core::Pod& pod) { pod.mutable_spec()->mutable_volumes(0)->set_name(bad); })) << bad;
  }
  EXPECT_TRUE(broken([](core::Pod& pod) { pod.mutable_spec()->clear_containers(); }));
  EXPECT_TRUE(broken([](core::Pod& pod) { pod.mutable_spec()->mutable_containers(0)->set_name("init"); }));
}

struct MalformedSource : testing::Test {
  MalformedSource() { tasks.spawn("pods", source.run()); }
  ~MalformedSource() override { loop.runToEnd(tasks.close()); }

  static core::Pod marked() {
    core::Pod mark;
    mark.mutable_metadata()->set_resourceversion("7");
    (*mark.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
    return mark;
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  std::vector<PodSource::PodPtr> delivered;
  PodSource source{loop,
                   clock,
                   client,
                   {.nodeName = "n1", .random = [] { return 0.0; }},
                   {.pods = [this](auto pods) { delivered = std::move(pods); },
                    .storedChanged = [](const std::string&, const std::string&) {},
                    .synced = [] {}}};
  TaskGroup tasks{loop};
};

TEST_F(MalformedSource, AVersionThatMakesNoSenseDoesNotReplaceAGoodOne) {
  loop.poll();
  core::Pod worse = richPod();
  worse.mutable_metadata()->set_resourceversion("8");
  worse.mutable_spec()->clear_containers();
  core::Pod never = worse;
  never.mutable_metadata()->set_name("never");
  transport.last().data(frameOf("ADDED", richPod()) + frameOf("BOOKMARK", marked()) + frameOf("MODIFIED", worse) +
                        frameOf("ADDED", never));
  loop.poll();
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0]->spec().containers_size(), 1);
  transport.last().data(frameOf("DELETED", worse));
  loop.poll();
  EXPECT_TRUE(delivered.empty());
}

TEST_F(MalformedSource, DamagedWatchesDeliverSoundPodsOnly) {
  loop.poll();
  core::Pod changed = richPod();
  changed.mutable_metadata()->set_resourceversion("8");
  changed.mutable_spec()->mutable_containers(0)->set_image("web:2");
  const std::string stream = frameOf("ADDED", richPod()) + frameOf("BOOKMARK", marked()) + frameOf("MODIFIED", changed);
  core::PodList list;
  list.mutable_metadata()->set_resourceversion("7");
  *list.add_items() = richPod();
  for (unsigned seed = 0; seed < 1500; ++seed) {
    auto last = transport.exchanges.back();
    if (last->over) {
      clock.advance(std::chrono::seconds(31));
      continue;
    }
    apiserver::Response answer = apiserver::answerOf(200, list);
    answer.body = Mutator(seed).mutate(answer.body);
    if (last->streaming)
      last->data(Mutator(seed).mutate(stream));
    else
      last->finish(std::move(answer));
    loop.poll();
    if (transport.exchanges.size() > 16) transport.exchanges.erase(transport.exchanges.begin());
    for (const PodSource::PodPtr& pod : delivered) ASSERT_FALSE(whyMalformed(*pod));
  }
}

}  // namespace
}  // namespace cubelet::cluster
