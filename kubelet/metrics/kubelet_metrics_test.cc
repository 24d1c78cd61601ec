#include "kubelet/metrics/kubelet_metrics.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const Family* find(const Families& families, const std::string& name) {
  auto found = std::ranges::find(families, name, &Family::name);
  return found == families.end() ? nullptr : &*found;
}

class KubeletMetricsTest : public testing::Test {
 protected:
  const Sample& first(const std::string& name) {
    families = metrics.registry().collect();
    const Family* family = find(families, name);
    if (family == nullptr) throw std::runtime_error("no metric " + name);
    return family->samples.front();
  }
  KubeletMetrics metrics;
  Families families;
};

TEST_F(KubeletMetricsTest, SRV_2_RuntimeOperationsHaveUpstreamsNames) {
  metrics.runtimeCall("RunPodSandbox", milliseconds(30), false);
  metrics.runtimeCall("RunPodSandbox", milliseconds(30), true);
  EXPECT_EQ(first("kubelet_runtime_operations_total").value, 2);
  EXPECT_EQ(first("kubelet_runtime_operations_errors_total").value, 1);
  const Sample& took = first("kubelet_runtime_operations_duration_seconds");
  EXPECT_THAT(took.labels, ElementsAre(Pair("operation_type", "run_podsandbox")));
  EXPECT_EQ(took.count, 2u);
  EXPECT_DOUBLE_EQ(took.value, 0.06);
}

struct Operation {
  const char* method;
  const char* type;
};
class OperationTypes : public testing::TestWithParam<Operation> {};

TEST_P(OperationTypes, SRV_2_AsUpstream) {
  EXPECT_EQ(operationType(GetParam().method), GetParam().type);
}

INSTANTIATE_TEST_SUITE_P(
    Names, OperationTypes,
    testing::Values(Operation{"Version", "version"}, Operation{"Status", "status"},
                    Operation{"StopPodSandbox", "stop_podsandbox"}, Operation{"PodSandboxStatus", "podsandbox_status"},
                    Operation{"ListPodSandbox", "list_podsandbox"},
                    Operation{"ListPodSandboxStats", "list_podsandbox_stats"},
                    Operation{"CreateContainer", "create_container"}, Operation{"ExecSync", "exec_sync"},
                    Operation{"UpdateContainerResources", "update_container"},
                    Operation{"ReopenContainerLog", "reopen_container_log"}, Operation{"PullImage", "pull_image"},
                    Operation{"ImageFsInfo", "image_fs_info"}, Operation{"RuntimeConfig", "runtime_config"}),
    [](const auto& test) { return test.param.method; });

TEST_F(KubeletMetricsTest, SRV_2_IntervalsBeginWithTheSecondList) {
  const TimePoint start{};
  metrics.runtimeListed(start, milliseconds(5));
  EXPECT_EQ(find(metrics.registry().collect(), "kubelet_pleg_relist_interval_seconds"), nullptr);
  metrics.runtimeListed(start + seconds(300), milliseconds(5));
  EXPECT_DOUBLE_EQ(first("kubelet_pleg_relist_interval_seconds").value, 300);
  EXPECT_EQ(first("kubelet_pleg_relist_duration_seconds").count, 2u);
}

TEST_F(KubeletMetricsTest, SRV_2_StartsOfPodsAndContainers) {
  metrics.sandboxStarted("", milliseconds(80), true);
  metrics.sandboxStarted("", milliseconds(80), false);
  EXPECT_EQ(first("kubelet_started_pods_total").value, 2);
  EXPECT_EQ(first("kubelet_started_pods_errors_total").value, 1);
  EXPECT_EQ(first("kubelet_run_podsandbox_errors_total").value, 1);
  EXPECT_THAT(first("kubelet_run_podsandbox_duration_seconds").labels, ElementsAre(Pair("runtime_handler", "")));
  EXPECT_THAT(first("cubelet_pod_start_step_duration_seconds").labels, ElementsAre(Pair("step", "sandbox")));
  metrics.containerStarted("init_container", "RunContainerError");
  EXPECT_EQ(first("kubelet_started_containers_total").value, 1);
  EXPECT_THAT(first("kubelet_started_containers_errors_total").labels, Contains(Pair("code", "RunContainerError")));
  metrics.podStarted(seconds(2), std::nullopt);
  EXPECT_EQ(first("kubelet_pod_start_duration_seconds").count, 1u);
  EXPECT_EQ(find(metrics.registry().collect(), "kubelet_pod_start_sli_duration_seconds"), nullptr);
}

TEST_F(KubeletMetricsTest, SRV_2_ImageSizesHaveClasses) {
  metrics.imagePulled(20 << 20, seconds(3));
  EXPECT_THAT(first("kubelet_image_pull_duration_seconds").labels,
              ElementsAre(Pair("image_size_in_bytes", "10MB-100MB")));
  EXPECT_EQ(imageSizeClass(0), "N/A");
  EXPECT_EQ(imageSizeClass(1), "0-10MB");
  EXPECT_EQ(imageSizeClass(std::uint64_t{200} << 30), "GT100GB");
}

TEST_F(KubeletMetricsTest, SRV_2_VolumesAndRequests) {
  metrics.volumeMounted("kubernetes.io/empty-dir", milliseconds(1), false);
  EXPECT_THAT(first("storage_operation_duration_seconds").labels,
              ElementsAre(Pair("migrated", "false"), Pair("operation_name", "volume_mount"), Pair("status", "success"),
                          Pair("volume_plugin", "kubernetes.io/empty-dir")));
  metrics.apiRequest("PATCH", "10.0.0.1:6443", "200", milliseconds(4));
  EXPECT_THAT(first("rest_client_requests_total").labels,
              ElementsAre(Pair("code", "200"), Pair("host", "10.0.0.1:6443"), Pair("method", "PATCH")));
  EXPECT_EQ(first("rest_client_request_duration_seconds").count, 1u);
}

TEST_F(KubeletMetricsTest, SRV_2_EvictionsBySignal) {
  metrics.podEvicted("memory.available");
  metrics.podEvicted("memory.available");
  EXPECT_THAT(first("kubelet_evictions").labels, ElementsAre(Pair("eviction_signal", "memory.available")));
  EXPECT_EQ(first("kubelet_evictions").value, 2);
}

TEST_F(KubeletMetricsTest, PRB_18_ProbesAreCountedUntilTheirPodIsGone) {
  metrics.probed({.type = "Liveness", .result = "failed", .container = "c", .pod = "web", .ns = "shop", .uid = "u1"},
                 milliseconds(2));
  const Families probes = metrics.probeRegistry().collect();
  ASSERT_NE(find(probes, "prober_probe_total"), nullptr);
  EXPECT_THAT(find(probes, "prober_probe_total")->samples.at(0).labels,
              ElementsAre(Pair("container", "c"), Pair("namespace", "shop"), Pair("pod", "web"), Pair("pod_uid", "u1"),
                          Pair("probe_type", "Liveness"), Pair("result", "failed")));
  ASSERT_NE(find(probes, "prober_probe_duration_seconds"), nullptr);
  metrics.keepProbesOf({.uids = {"u1"}, .names = {{"shop", "web"}}});
  EXPECT_EQ(metrics.probeRegistry().collect().size(), 2u);
  metrics.keepProbesOf({});
  EXPECT_THAT(metrics.probeRegistry().collect(), IsEmpty());
}

}  // namespace
}  // namespace cubelet::metrics
