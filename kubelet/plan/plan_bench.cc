// How many plans a second: the goal is 200,000 for a pod that runs unchanged, so that planning on every hint costs
// nothing. Build with a release preset: `ninja plan_bench`.
#include <benchmark/benchmark.h>
#include <chrono>
#include <string>

#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/container_hash.h"
#include "kubelet/plan/plan_pod.h"

namespace cubelet::plan {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};
const std::string kImage = "registry.example.com/team/program:v1.2.3";

// A pod whose containers all run; each has one dead instance behind it.
struct Running {
  explicit Running(int containers) {
    have.sandboxes.push_back({.id = std::string(64, 'a'),
                              .attempt = 0,
                              .ready = true,
                              .hostNetwork = false,
                              .ips = {"10.0.0.7"},
                              .createdAt = {},
                              .podSource = {}});
    for (int i = 0; i < containers; ++i) {
      auto& wanted = *pod.mutable_spec()->add_containers();
      wanted.set_name("container-" + std::to_string(i));
      wanted.set_image(kImage);
      observe::ObservedContainer instance;
      instance.id = std::string(63, 'c') + std::to_string(i);
      instance.name = wanted.name();
      instance.sandboxId = have.sandboxes.front().id;
      instance.attempt = 1;
      instance.hash = containerHash(wanted.name(), kImage);
      instance.state = observe::ContainerState::kRunning;
      have.containers.push_back(instance);
    }
    for (int i = 0; i < containers; ++i) {
      observe::ObservedContainer dead = have.containers[static_cast<std::size_t>(i)];
      dead.id.back() = 'd';
      dead.attempt = 0;
      dead.state = observe::ContainerState::kExited;
      have.containers.push_back(dead);
    }
  }

  core::Pod pod;
  observe::ObservedPod have;
  PodMemory memory;
  PlanOptions options;
};

void unchangedPod(benchmark::State& state) {
  const Running running(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    PodPlan plan = planPod(running.pod, running.have, running.memory, running.options, kNow);
    benchmark::DoNotOptimize(plan);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(unchangedPod)->Arg(1)->Arg(3)->Arg(10);

void hashOfOneContainer(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(containerHash("container-0", kImage));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hashOfOneContainer);

}  // namespace
}  // namespace cubelet::plan

BENCHMARK_MAIN();
