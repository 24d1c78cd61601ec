// What sandboxes and containers of FakeRuntime use.
#include "cri/fake/fake_parts.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {

v1::ContainerStats FakeRuntime::statsOf(const FakeContainer& c) const {
  v1::ContainerStats stats;
  const std::int64_t now = nanos(clock_.wallNow());
  stats.mutable_attributes()->set_id(c.id);
  *stats.mutable_attributes()->mutable_metadata() = c.config.metadata();
  *stats.mutable_attributes()->mutable_labels() = c.config.labels();
  *stats.mutable_attributes()->mutable_annotations() = c.config.annotations();
  stats.mutable_cpu()->set_timestamp(now);
  stats.mutable_cpu()->mutable_usage_core_nano_seconds()->set_value(c.cpuNanos);
  stats.mutable_memory()->set_timestamp(now);
  stats.mutable_memory()->mutable_working_set_bytes()->set_value(c.memoryBytes);
  stats.mutable_writable_layer()->set_timestamp(now);
  stats.mutable_writable_layer()->mutable_used_bytes()->set_value(c.writableBytes);
  return stats;
}

Task<Result<v1::ListContainerStatsResponse>> FakeRuntime::listContainerStats(v1::ContainerStatsFilter filter) {
  FakeCalls::Visit visit(calls_, "ListContainerStats");
  auto begun = co_await begin("ListContainerStats", "");
  if (!begun) co_return fail(begun.error());
  v1::ListContainerStatsResponse response;
  for (const ContainerPtr& c : containers_) {
    if (!filter.id().empty() && filter.id() != c->id) continue;
    if (!filter.pod_sandbox_id().empty() && filter.pod_sandbox_id() != c->sandboxId) continue;
    if (c->state != v1::CONTAINER_RUNNING || !selects(filter.label_selector(), c->config.labels())) continue;
    *response.add_stats() = statsOf(*c);
  }
  co_return std::move(response);
}

Task<Result<v1::ListPodSandboxStatsResponse>> FakeRuntime::listPodSandboxStats(v1::PodSandboxStatsFilter filter) {
  FakeCalls::Visit visit(calls_, "ListPodSandboxStats");
  auto begun = co_await begin("ListPodSandboxStats", "");
  if (!begun) co_return fail(begun.error());
  v1::ListPodSandboxStatsResponse response;
  for (const SandboxPtr& s : sandboxes_) {
    if (!filter.id().empty() && filter.id() != s->id) continue;
    if (!s->ready || !selects(filter.label_selector(), s->config.labels())) continue;
    v1::PodSandboxStats* stats = response.add_stats();
    stats->mutable_attributes()->set_id(s->id);
    *stats->mutable_attributes()->mutable_metadata() = s->config.metadata();
    *stats->mutable_attributes()->mutable_labels() = s->config.labels();
    std::uint64_t memory = 0;
    for (const ContainerPtr& c : containers_) {
      if (c->sandboxId != s->id || c->state != v1::CONTAINER_RUNNING) continue;
      memory += c->memoryBytes;
      *stats->mutable_linux()->add_containers() = statsOf(*c);
    }
    stats->mutable_linux()->mutable_memory()->mutable_working_set_bytes()->set_value(memory);
  }
  co_return std::move(response);
}

}  // namespace cubelet::cri
