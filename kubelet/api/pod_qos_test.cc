#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>

#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"

namespace cubelet::api {
namespace {

// "cpu=1 memory=1Gi" as entries of a resource list.
std::string entries(const std::string& list, const std::string& amounts) {
  std::string out;
  std::size_t at = 0;
  while (at < amounts.size()) {
    std::size_t equals = amounts.find('=', at);
    std::size_t end = std::min(amounts.find(' ', equals), amounts.size());
    out += list + " { key: '" + amounts.substr(at, equals - at) + "' value { string: '" +
           amounts.substr(equals + 1, end - equals - 1) + "' } } ";
    at = end + 1;
  }
  return out;
}

std::string resources(const std::string& requests, const std::string& limits) {
  return "resources { " + entries("requests", requests) + entries("limits", limits) + " } ";
}
std::string container(const std::string& requests, const std::string& limits) {
  return "containers { " + resources(requests, limits) + "} ";
}
std::string init(const std::string& requests, const std::string& limits, const std::string& more = "") {
  return "initContainers { " + more + resources(requests, limits) + "} ";
}
std::string sidecar(const std::string& requests) {
  return init(requests, "", "restartPolicy: 'Always' ");
}

core::Pod podOf(const std::string& spec) {
  core::Pod pod;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("spec { " + spec + " }", &pod)) << spec;
  return pod;
}

struct Case {
  std::string name;
  std::string spec;
  std::string_view want;
};
void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}
std::string nameOf(const testing::TestParamInfo<Case>& test) {
  return test.param.name;
}

class RES_1_Qos : public testing::TestWithParam<Case> {};

TEST_P(RES_1_Qos, ClassIs) {
  EXPECT_EQ(qosClass(podOf(GetParam().spec)), GetParam().want);
}

const std::string kFull = "cpu=1 memory=1Gi";

INSTANTIATE_TEST_SUITE_P(
    Cases, RES_1_Qos,
    testing::Values(
        Case{"Nothing", "containers {}", "BestEffort"}, Case{"Equal", container(kFull, kFull), "Guaranteed"},
        Case{"EqualOtherSpelling", container("cpu=1000m memory=1024Mi", kFull), "Guaranteed"},
        Case{"LimitsOnly", container("", kFull), "Burstable"},
        Case{"LessRequested", container("cpu=500m memory=1Gi", kFull), "Burstable"},
        Case{"CpuOnly", container("cpu=1", "cpu=1"), "Burstable"},
        Case{"RequestOnly", container("memory=1Gi", ""), "Burstable"},
        Case{"OtherResourcesDoNotCount", container("example.com/gpu=1 ephemeral-storage=1Gi", "example.com/gpu=1"),
             "BestEffort"},
        Case{"OtherResourcesDoNotHurt", container(kFull + " example.com/gpu=1", kFull + " example.com/gpu=2"),
             "Guaranteed"},
        Case{"ZeroIsNothing", container("cpu=0 memory=0", "cpu=0 memory=0"), "BestEffort"},
        Case{"ZeroLimitIsNone", container(kFull, "cpu=0 memory=1Gi"), "Burstable"},
        Case{"OneContainerWithout", container(kFull, kFull) + container("", ""), "Burstable"},
        Case{"InitContainerCounts", container(kFull, kFull) + init("", ""), "Burstable"},
        Case{"AllEqual", container(kFull, kFull) + init(kFull, kFull), "Guaranteed"},
        Case{"SumsAreCompared",
             container("cpu=1 memory=1Gi", "cpu=2 memory=1Gi") + container("cpu=2 memory=1Gi", "cpu=1 memory=1Gi"),
             "Guaranteed"},
        Case{"PodLevelAloneDecides", resources(kFull, kFull) + container("", ""), "Guaranteed"},
        Case{"PodLevelBurstable", resources("cpu=1", "") + container(kFull, kFull), "Burstable"},
        Case{"PodLevelOfOtherKindIsIgnored", resources("example.com/x=1", "") + container(kFull, kFull), "Guaranteed"}),
    nameOf);

struct SumCase {
  std::string name;
  std::string spec;
  ResourceAmounts want;
};

void PrintTo(const SumCase& test, std::ostream* out) {
  *out << test.name;
}

class Sum : public testing::TestWithParam<SumCase> {};

TEST_P(Sum, OfRequestsIs) {
  EXPECT_EQ(sumOfRequests(podOf(GetParam().spec).spec()), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Sum,
    testing::Values(
        SumCase{"Empty", "", {}},
        SumCase{"RegularAddUp",
                container("cpu=1 memory=1Gi", "") + container("cpu=500m", ""),
                {{"cpu", "1500m"}, {"memory", "1Gi"}}},
        SumCase{"LargestInitCounts", container("cpu=1", "") + init("cpu=3", "") + init("cpu=2", ""), {{"cpu", "3"}}},
        SumCase{"SmallInitDoesNot", container("cpu=1", "") + init("cpu=500m", ""), {{"cpu", "1"}}},
        SumCase{"SidecarsAddToRegular", container("cpu=1", "") + sidecar("cpu=2"), {{"cpu", "3"}}},
        SumCase{"InitRunsBesideEarlierSidecars",
                container("cpu=1", "") + sidecar("cpu=2") + init("cpu=4", ""),
                {{"cpu", "6"}}},
        SumCase{"InitDoesNotRunBesideLaterSidecars",
                container("cpu=1", "") + init("cpu=4", "") + sidecar("cpu=2"),
                {{"cpu", "4"}}}),
    [](const auto& test) { return test.param.name; });

TEST(Sum, OfLimitsUsesLimits) {
  EXPECT_EQ(sumOfLimits(podOf(container("cpu=1", "cpu=2") + container("", "cpu=3")).spec()),
            (ResourceAmounts{{"cpu", "5"}}));
}

TEST(PodNames, ArePrintedAsUpstreamDoes) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_namespace_("prod");
  pod.mutable_metadata()->set_uid("123");
  EXPECT_EQ(podRef(pod), "prod/web");
  EXPECT_EQ(podFullName(pod), "web_prod(123)");
}

TEST(Sidecar, IsAnInitContainerThatAlwaysRestarts) {
  core::Container container;
  EXPECT_FALSE(isSidecar(container));
  container.set_restartpolicy("OnFailure");
  EXPECT_FALSE(isSidecar(container));
  container.set_restartpolicy("Always");
  EXPECT_TRUE(isSidecar(container));
}

}  // namespace
}  // namespace cubelet::api
