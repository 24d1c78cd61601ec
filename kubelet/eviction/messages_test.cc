#include "kubelet/eviction/messages.h"

#include <gtest/gtest.h>

#include "kubelet/eviction/test_pod.h"

namespace cubelet::eviction {
namespace {

Threshold below(Signal signal, Amount amount) {
  return {.signal = signal, .value = std::move(amount)};
}

TEST(Messages, EVI_8_ContainersThatUseMoreThanTheyAskedFor) {
  Candidate pod{.pod = asking(makePod("p"), "memory", "10Mi"), .usage = {.memory = 30 * kMi}};
  pod.pod.mutable_spec()->add_containers()->set_name("d");
  pod.pod.mutable_spec()->add_containers()->set_name("idle");
  pod.usage.containers["c"].memory = 20 * kMi;
  pod.usage.containers["d"].memory = 5 * kMi + kKi;
  const Notice notice = evictionNotice(Resource::kMemory, pod, {below(Signal::kMemoryAvailable, {.quantity = "100Mi"})},
                                       {{Signal::kMemoryAvailable, {.available = 50 * kMi, .capacity = kGi}}});
  EXPECT_EQ(notice.message,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
            "Container c was using 20Mi, request is 10Mi, has larger consumption of memory. "
            "Container d was using 5121Ki, request is 0, has larger consumption of memory. ");
  EXPECT_EQ(notice.annotations, (std::map<std::string, std::string>{{"starved_resource", "memory"},
                                                                    {"offending_containers", "c,d"},
                                                                    {"offending_containers_usage", "20Mi,5121Ki"}}));
}

TEST(Messages, EVI_8_ShareOfADisk) {
  Candidate pod{.pod = makePod("p")};
  pod.usage.containers["c"].writable.bytes = kMi;
  pod.usage.containers["c"].logs.bytes = kMi;
  const Notice notice =
      evictionNotice(Resource::kStorage, pod, {below(Signal::kNodeFsAvailable, {.quantity = "", .share = 0.25F})},
                     {{Signal::kNodeFsAvailable, {.available = kMi, .capacity = 8 * kGi}}});
  EXPECT_EQ(notice.message,
            "The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1Mi. "
            "Container c was using 2Mi, request is 0, has larger consumption of ephemeral-storage. ");
}

TEST(Messages, EVI_8_NoContainerIsBlamedForInodesAndPids) {
  Candidate pod{.pod = makePod("p")};
  pod.usage.containers["c"].writable.inodes = 1000;
  const Notice notice = evictionNotice(Resource::kInodes, pod, {below(Signal::kNodeFsInodesFree, {.quantity = "1k"})},
                                       {{Signal::kNodeFsInodesFree, {.available = 512, .capacity = 4096}}});
  EXPECT_EQ(notice.message, "The node was low on resource: inodes. Threshold quantity: 1k, available: 512. ");
  EXPECT_EQ(notice.annotations.at("offending_containers"), "");
}

}  // namespace
}  // namespace cubelet::eviction
