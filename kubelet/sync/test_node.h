// TestNode: a sync loop over a fake runtime, on a clock that stands still. For tests.
#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/files.h"
#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/api/pod.h"
#include "kubelet/cgroups/fake_bus.h"
#include "kubelet/cgroups/fake_tree.h"
#include "kubelet/sync/sync_loop.h"

namespace cubelet::sync {

// A pod with one container "web" that runs until told otherwise; static, with the API's defaults.
inline core::Pod makePod(const std::string& name, const std::string& uid) {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  core::Container* container = pod.mutable_spec()->add_containers();
  container->set_name("web");
  container->set_image("web:1");
  api::setDefaults(pod);
  return pod;
}

inline core::Pod withPolicy(core::Pod pod, const std::string& policy) {
  pod.mutable_spec()->set_restartpolicy(policy);
  return pod;
}

inline core::Container* addInit(core::Pod& pod, const std::string& name, bool sidecar) {
  core::Container* init = pod.mutable_spec()->add_initcontainers();
  init->set_name(name);
  init->set_image("web:1");
  if (sidecar) init->set_restartpolicy("Always");
  api::setDefaults(pod);
  return init;
}

class TestNode {
 public:
  TestNode() : clock(loop), runtime(clock), pool(loop, clock, 4) { runtime.addImage("web:1"); }
  ~TestNode() {
    if (agent_) stopAgent();
  }

  // As a start of the agent: everything in memory is new, the runtime and the disk are as they were.
  void startAgent(std::vector<std::string> sources = {"file"}) {
    agent_ = std::make_unique<AgentParts>(*this);
    for (std::string& source : sources) agent_->sync->expectSource(source);
    agent_->tasks.spawn("observer", agent_->observer->run());
    settle();
  }
  // As kill -9, as far as the runtime can tell: calls under way are given up, nothing is said good-bye to.
  void stopAgent() {
    loop.runToEnd(agent_->close());
    agent_.reset();
  }

  bool running() const { return agent_ != nullptr; }
  SyncLoop& sync() { return *agent_->sync; }
  // Every status that was told since the start of the agent, with the pod.
  const std::vector<core::Pod>& told() { return agent_->told; }
  observe::Observer& observer() { return *agent_->observer; }
  void setPods(std::vector<core::Pod> pods, const std::string& source = "file") {
    agent_->sync->setPods(source, std::move(pods));
    settle();
  }

  // Runs what is ready, and waits for calls on threads: time stands still, but threads need their moment.
  void settle() {
    do {
      loop.poll();
      if (pool.awaited() > 0) loop.context().run_one_for(std::chrono::seconds(5));
    } while (loop.poll() > 0 || pool.awaited() > 0);
  }
  void advance(Duration by) {
    clock.advance(by);
    settle();
  }
  // Advances second by second until `done`, at most `limit`; false when it did not come.
  bool advanceUntil(const std::function<bool()>& done, Duration limit) {
    for (Duration passed{0}; !done(); passed += std::chrono::seconds(1)) {
      if (passed >= limit) return false;
      advance(std::chrono::seconds(1));
    }
    return true;
  }

  std::size_t countCalls(const std::string& method) {
    const std::vector<std::string> all = runtime.calls();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const std::string& call) { return call.starts_with(method + "("); }));
  }
  const core::PodStatus& status(const std::string& name) {
    const PodWorker* worker = agent_->sync->find("default/" + name);
    static const core::PodStatus none;
    return worker != nullptr ? worker->status() : none;
  }
  // The waiting reason of the first container, "" when it does not wait.
  std::string waitingReason(const std::string& name) {
    const core::PodStatus& pod = status(name);
    return pod.containerstatuses_size() > 0 ? pod.containerstatuses(0).state().waiting().reason() : "none";
  }
  bool hasEvent(const std::string& reason, const std::string& text = "") {
    for (const core::Event& event : agent_->events.list())
      if (event.reason() == reason && event.message().find(text) != std::string::npos) return true;
    return false;
  }
  std::vector<core::Event> events() { return agent_->events.list(); }
  bool gone() { return runtime.containers().empty() && runtime.sandboxes().empty(); }
  std::string root(const std::string& below) const { return temp / ("root/" + below); }

  Loop loop;
  ManualClock clock;
  cri::FakeRuntime runtime;
  BlockingPool pool;
  rpc::Pump pump{loop};
  TempDir temp;
  cgroups::FakeTree cgroupTree;
  cgroups::FakeBus systemd;
  cgroups::PodCgroupsOptions cgroupOptions;
  plan::PlanOptions planOptions;
  std::optional<std::size_t> maximumDeadContainers;
  images::PullRecords* pullRecords = nullptr;                                         // set before the agent starts
  bool runtimeTellsUsers = false;                                                     // set before the agent starts
  std::span<const volumes::VolumeType* const> volumeTypes = volumes::builtInTypes();  // set before the agent starts
  std::string whyNoImageVolumes;                                                      // set before the agent starts
  objects::Objects* objects = nullptr;  // set before the agent starts: it is one of a cluster
  // The same, for an agent that does not take every pod.
  const admission::NodeView* admissionNode = nullptr;
  std::function<Task<void>()> readNodeAgain;
  devices::Devices* devices = nullptr;  // set before the agent starts

 private:
  struct AgentParts {
    explicit AgentParts(TestNode& node)
        : images(node.runtime, node.clock, {.parallelPulls = 2}),
          events(node.clock, "n1"),
          volumes(node.pool, node.clock, directories(node), {}, node.volumeTypes),
          http(node.loop, node.clock, node.pool),
          probes({.loop = node.loop,
                  .clock = node.clock,
                  .pool = node.pool,
                  .pump = node.pump,
                  .runtime = node.runtime,
                  .http = http,
                  .kubernetesVersion = "1.36"}),
          hooks({.clock = node.clock, .runtime = node.runtime, .http = http, .kubernetesVersion = "1.36"}),
          cgroups(node.loop, node.clock, node.pool, node.cgroupTree, node.systemd, cgroups::DriverKind::kCgroupfs,
                  node.cgroupOptions, {.askDriver = &noDriver}),
          observer(std::make_unique<observe::Observer>(
              node.loop, node.clock, node.runtime, observe::Observer::Options(),
              observe::Observer::Listener{.podChanged = [this](const std::string& uid) { sync->podChanged(uid); },
                                          .synced = [this] { sync->runtimeSynced(); },
                                          .lost = [this](const Error&) { sync->runtimeLost(); }})),
          context{.loop = node.loop,
                  .clock = node.clock,
                  .runtime = node.runtime,
                  .images = images,
                  .observer = *observer,
                  .events = events,
                  .volumes = volumes,
                  .probes = probes,
                  .hooks = hooks,
                  .cgroups = cgroups,
                  .node = facts(node),
                  .planOptions = node.planOptions,
                  .runtimeTellsUsers = node.runtimeTellsUsers,
                  .whyNoImageVolumes = node.whyNoImageVolumes,
                  .random = [] { return 0.0; },
                  .objects = node.objects,
                  .pullRecords = node.pullRecords,
                  .maximumDeadContainers = node.maximumDeadContainers,
                  .admissionNode = node.admissionNode,
                  .readNodeAgain = node.readNodeAgain,
                  .devices = node.devices},
          records(node.root("terminations")),
          sync(std::make_unique<SyncLoop>(
              context, records,
              SyncLoop::Listener{.statusChanged = [this](const PodWorker& worker) { told.push_back(worker.view()); }})),
          tasks(node.loop) {
      volumes.useObjects(node.objects);
    }

    static layout::Directories directories(const TestNode& node) {
      return {.root = node.root(""), .podLogs = node.temp / "logs", .containerLogLinks = node.temp / "links"};
    }
    static podconfig::NodeFacts facts(const TestNode& node) {
      podconfig::NodeFacts out;
      out.nodeName = "n1";
      out.hostIps = {"10.0.0.1"};
      out.dirs = directories(node);
      EXPECT_TRUE(makeDirectories(out.dirs.containerLogLinks, 0755));
      return out;
    }
    static Task<Result<std::optional<cgroups::DriverKind>>> noDriver() {
      co_return std::optional<cgroups::DriverKind>();
    }
    Task<void> close() {
      co_await tasks.close();
      co_await sync->close();
      co_await cgroups.close();
      co_await observer->close();
    }

    std::vector<core::Pod> told;  // with each status
    images::Images images;
    events::EventRecorder events;
    volumes::PodVolumes volumes;
    http::Client http;
    probes::Runner probes;
    hooks::HookRunner hooks;
    cgroups::PodCgroups cgroups;
    std::unique_ptr<observe::Observer> observer;
    Context context;
    TerminationRecords records;
    std::unique_ptr<SyncLoop> sync;
    TaskGroup tasks;
  };

  std::unique_ptr<AgentParts> agent_;
};

// The fixture of most tests of this folder.
struct NodeTest : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  using Names = std::vector<std::string>;
};

}  // namespace cubelet::sync
