#include <functional>
#include <gtest/gtest.h>

#include "kubelet/admission/test_pod.h"

namespace cubelet::admission {
namespace {

struct Case {
  std::string name;  // begins with the behaviour's ID
  core::Pod pod;
  std::vector<core::Pod> others;
  std::string reason;   // empty: admitted
  std::string message;  // a part of it
  std::function<void(NodeView&)> arrange = [](NodeView&) {};
};

core::Pod edited(core::Pod pod, const std::function<void(core::Pod&)>& edit) {
  edit(pod);
  return pod;
}

core::Pod withPort(core::Pod pod, int port, const std::string& protocol = "TCP", const std::string& ip = "") {
  core::ContainerPort& one = *pod.mutable_spec()->mutable_containers(0)->add_ports();
  one.set_hostport(port);
  one.set_protocol(protocol);
  if (!ip.empty()) one.set_hostip(ip);
  return pod;
}

core::Pod selecting(const std::string& label, const std::string& value) {
  core::Pod pod = makePod("p");
  (*pod.mutable_spec()->mutable_nodeselector())[label] = value;
  return pod;
}

core::Pod tolerating(const std::string& key, const std::string& op, const std::string& value,
                     const std::string& effect) {
  core::Pod pod = makePod("p");
  core::Toleration& toleration = *pod.mutable_spec()->add_tolerations();
  toleration.set_key(key);
  toleration.set_operator_(op);
  toleration.set_value(value);
  toleration.set_effect(effect);
  return pod;
}

std::function<void(NodeView&)> tainted(const std::string& effect) {
  return [effect](NodeView& node) {
    core::Taint taint;
    taint.set_key("k");
    taint.set_value("v");
    taint.set_effect(effect);
    node.taints.push_back(taint);
  };
}

core::Pod withSysctl(const std::string& name) {
  core::Pod pod = makePod("p");
  pod.mutable_spec()->mutable_securitycontext()->add_sysctls()->set_name(name);
  return pod;
}

class Admission : public testing::TestWithParam<Case> {};

Decision decide(const core::Pod& pod, const std::vector<core::Pod>& others, const NodeView& node) {
  std::vector<PodClaims> claims;
  for (const core::Pod& other : others) claims.push_back(claimsOf(other));
  std::vector<const PodClaims*> pointers;
  for (const PodClaims& one : claims) pointers.push_back(&one);
  return admit(pod, claimsOf(pod), pointers, node);
}

TEST_P(Admission, Decides) {
  NodeView node = makeNode();
  GetParam().arrange(node);
  const Decision decision = decide(GetParam().pod, GetParam().others, node);
  const Rejection got = decision.rejection.value_or(Rejection());
  EXPECT_EQ(got.reason, GetParam().reason) << got.message;
  EXPECT_NE(got.message.find(GetParam().message), std::string::npos) << got.message;
  EXPECT_TRUE(decision.victims.empty());
}

const core::Pod kPlain = makePod("p");

INSTANTIATE_TEST_SUITE_P(
    Resources, Admission,
    testing::Values(
        Case{"ADM_2_FitsExactly", asking(kPlain, "cpu", "1500m"), {asking(makePod("o"), "cpu", "500m")}, "", ""},
        Case{"ADM_2_OutOfCpu",
             asking(kPlain, "cpu", "1501m"),
             {asking(makePod("o"), "cpu", "500m")},
             "OutOfcpu",
             "Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000"},
        Case{"ADM_2_OutOfMemory",
             asking(kPlain, "memory", "3Gi"),
             {asking(makePod("o"), "memory", "2Gi")},
             "OutOfmemory",
             "memory, requested: 3221225472, used: 2147483648, capacity: 4294967296"},
        Case{"ADM_2_OutOfStorage",
             asking(kPlain, "ephemeral-storage", "2Gi"),
             {},
             "OutOfephemeral-storage",
             "ephemeral-storage, requested: 2147483648, used: 0, capacity: 1073741824",
             [](NodeView& node) { node.allocatable["ephemeral-storage"] = 1 << 30; }},
        Case{"ADM_2_StorageThatIsNotMeasuredIsNotLimited", asking(kPlain, "ephemeral-storage", "2Gi"), {}, "", ""},
        Case{"ADM_2_OutOfPods",
             kPlain,
             {makePod("a"), makePod("b")},
             "OutOfpods",
             "pods, requested: 1, used: 2, capacity: 2",
             [](NodeView& node) { node.allocatable["pods"] = 2; }},
        Case{"ADM_2_OutOfExtendedResource",
             asking(kPlain, "example.com/gpu", "1"),
             {asking(makePod("o"), "example.com/gpu", "1")},
             "OutOfexample.com/gpu",
             "example.com/gpu, requested: 1, used: 1, capacity: 1"},
        Case{"ADM_2_HugePagesThatTheNodeHasNot",
             asking(kPlain, "hugepages-2Mi", "4Mi"),
             {},
             "OutOfhugepages-2Mi",
             "hugepages-2Mi, requested: 4194304, used: 0, capacity: 0"},
        Case{"ADM_2_NothingAskedFitsAFullNode", kPlain, {asking(makePod("o"), "cpu", "9")}, "", ""},
        Case{"ADM_2_TheFirstShortageIsTold",
             asking(asking(kPlain, "memory", "9Gi"), "cpu", "9"),
             {},
             "OutOfcpu",
             "requested: 9000"},
        Case{"ADM_9_UnknownExtendedResourceIsIgnored", asking(kPlain, "example.com/fpga", "3"), {}, "", ""},
        Case{"RTC_3_OverheadCounts",
             edited(asking(kPlain, "cpu", "2"),
                    [](core::Pod& pod) { (*pod.mutable_spec()->mutable_overhead())["cpu"].set_string("1m"); }),
             {},
             "OutOfcpu",
             "requested: 2001"},
        Case{"ADM_2_PodLevelRequestsCount",
             edited(asking(kPlain, "cpu", "1"),
                    [](core::Pod& pod) {
                      (*pod.mutable_spec()->mutable_resources()->mutable_requests())["cpu"].set_string("3");
                    }),
             {},
             "OutOfcpu",
             "requested: 3000"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Predicates, Admission,
    testing::Values(
        Case{"ADM_3_NodeSelectorMatches", selecting("disk", "ssd"), {}, "", ""},
        Case{"ADM_3_NodeSelectorDiffers",
             selecting("disk", "hdd"),
             {},
             "NodeAffinity",
             "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"},
        Case{"ADM_3_NodeNameIsAnother",
             edited(kPlain, [](core::Pod& pod) { pod.mutable_spec()->set_nodename("n2"); }),
             {},
             "NodeName",
             "Predicate NodeName failed: node(s) didn't match the requested node name"},
        Case{"ADM_3_PortTaken",
             withPort(kPlain, 80),
             {withPort(makePod("o"), 80)},
             "NodePorts",
             "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"},
        Case{"ADM_3_PortOfAnotherProtocol", withPort(kPlain, 80), {withPort(makePod("o"), 80, "UDP")}, "", ""},
        Case{"ADM_3_PortOnAnotherAddress",
             withPort(kPlain, 80, "TCP", "10.0.0.1"),
             {withPort(makePod("o"), 80, "TCP", "10.0.0.2")},
             "",
             ""},
        Case{"ADM_3_PortOnAllAddresses",
             withPort(kPlain, 80, "TCP", "10.0.0.1"),
             {withPort(makePod("o"), 80)},
             "NodePorts",
             ""},
        Case{"ADM_3_StaticPodsClashToo", asStatic(withPort(kPlain, 80)), {withPort(makePod("o"), 80)}, "NodePorts", ""},
        Case{"ADM_3_UntoleratedNoExecute",
             kPlain,
             {},
             "TaintToleration",
             "Predicate TaintToleration failed: node(s) had untolerated taint(s)",
             tainted("NoExecute")},
        Case{"ADM_3_NoScheduleIsTheSchedulersBusiness", kPlain, {}, "", "", tainted("NoSchedule")},
        Case{"ADM_3_ToleratedByValue", tolerating("k", "Equal", "v", "NoExecute"), {}, "", "", tainted("NoExecute")},
        Case{"ADM_3_ToleratedByDefaultOperator", tolerating("k", "", "v", ""), {}, "", "", tainted("NoExecute")},
        Case{"ADM_3_ToleratesEverything", tolerating("", "Exists", "", ""), {}, "", "", tainted("NoExecute")},
        Case{"ADM_3_ToleratesAnotherValue",
             tolerating("k", "Equal", "w", "NoExecute"),
             {},
             "TaintToleration",
             "",
             tainted("NoExecute")},
        Case{"ADM_3_ToleratesAnotherEffect",
             tolerating("k", "Exists", "", "NoSchedule"),
             {},
             "TaintToleration",
             "",
             tainted("NoExecute")},
        Case{"ADM_3_StaticPodsAreExemptFromTaints", asStatic(kPlain), {}, "", "", tainted("NoExecute")},
        Case{"ADM_2_ResourcesComeBeforePredicates", asking(selecting("disk", "hdd"), "cpu", "3"), {}, "OutOfcpu", ""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    OwnNature, Admission,
    testing::Values(Case{"ADM_4_OsLabelDiffers",
                         edited(kPlain,
                                [](core::Pod& pod) {
                                  (*pod.mutable_metadata()->mutable_labels())["kubernetes.io/os"] = "windows";
                                }),
                         {},
                         "PodOSSelectorNodeLabelDoesNotMatch",
                         "`kubernetes.io/os` label doesn't match"},
                    Case{"ADM_4_OsFieldDiffers",
                         edited(kPlain, [](core::Pod& pod) { pod.mutable_spec()->mutable_os()->set_name("windows"); }),
                         {},
                         "PodOSNotSupported",
                         "Failed to admit pod as the OS field doesn't match node OS"},
                    Case{"ADM_4_LinuxIsFine",
                         edited(kPlain, [](core::Pod& pod) { pod.mutable_spec()->mutable_os()->set_name("linux"); }),
                         {},
                         "",
                         ""},
                    Case{"ADM_5_UnsafeSysctl",
                         withSysctl("kernel.msgmax"),
                         {},
                         "SysctlForbidden",
                         "forbidden sysctl: \"kernel.msgmax\" not allowlisted"},
                    Case{"ADM_5_SafeSysctl", withSysctl("net.ipv4.tcp_syncookies"), {}, "", ""},
                    Case{"ADM_6_AppArmorIsNotOnThisHost",
                         edited(kPlain,
                                [](core::Pod& pod) {
                                  pod.mutable_spec()->mutable_securitycontext()->mutable_apparmorprofile()->set_type(
                                      "RuntimeDefault");
                                }),
                         {},
                         "AppArmor",
                         "Cannot enforce AppArmor: ",
                         [](NodeView& node) { node.appArmor = false; }},
                    Case{"ADM_6_UnconfinedNeedsNoAppArmor",
                         edited(kPlain,
                                [](core::Pod& pod) {
                                  pod.mutable_spec()->mutable_securitycontext()->mutable_apparmorprofile()->set_type(
                                      "Unconfined");
                                }),
                         {},
                         "",
                         "",
                         [](NodeView& node) { node.appArmor = false; }},
                    Case{"ADM_6_OnlyPendingPodsAreLookedAt",
                         edited(kPlain,
                                [](core::Pod& pod) {
                                  pod.mutable_status()->set_phase("Running");
                                  pod.mutable_spec()->mutable_securitycontext()->mutable_apparmorprofile()->set_type(
                                      "RuntimeDefault");
                                }),
                         {},
                         "",
                         "",
                         [](NodeView& node) { node.appArmor = false; }},
                    Case{"ADM_7_StrictGroupsWithoutTheRuntime",
                         edited(kPlain,
                                [](core::Pod& pod) {
                                  pod.mutable_spec()->mutable_securitycontext()->set_supplementalgroupspolicy("Strict");
                                }),
                         {},
                         "SupplementalGroupsPolicyNotSupported",
                         "SupplementalGroupsPolicy=Strict is not supported in this node",
                         [](NodeView& node) { node.supplementalGroupsPolicy = false; }}),
    [](const auto& test) { return test.param.name; });

TEST(Admission, ADM_3_OnlyLabelsSaysThatAnotherLookIsWorthIt) {
  EXPECT_TRUE(decide(selecting("disk", "hdd"), {}, makeNode()).onlyLabels);
  EXPECT_FALSE(decide(asking(selecting("disk", "hdd"), "cpu", "3"), {}, makeNode()).onlyLabels);
  const Decision two = decide(withPort(selecting("disk", "hdd"), 80), {withPort(makePod("o"), 80)}, makeNode());
  EXPECT_FALSE(two.onlyLabels);
  EXPECT_EQ(two.rejection->reason, "NodeAffinity");
}

TEST(Admission, ADM_10_CriticalPodsMakeRoom) {
  const core::Pod full = asking(makePod("victim"), "cpu", "2");
  const Decision decision = decide(asStatic(asking(makePod("p"), "cpu", "1")), {full}, makeNode());
  EXPECT_FALSE(decision.rejection);
  EXPECT_EQ(decision.victims, std::vector<std::string>{"victim"});
}

TEST(Admission, ADM_10_NotWhenSomethingElseSpeaksAgainstThem) {
  core::Pod pod = asStatic(asking(selecting("disk", "hdd"), "cpu", "1"));
  const Decision decision = decide(pod, {asking(makePod("victim"), "cpu", "2")}, makeNode());
  ASSERT_TRUE(decision.rejection);
  EXPECT_EQ(decision.rejection->reason, "NodeAffinity");
  EXPECT_TRUE(decision.victims.empty());
}

TEST(Admission, ADM_8_ADM_10_WhereNobodyCanMakeRoom) {
  const Decision decision =
      decide(asStatic(asking(makePod("p"), "cpu", "3")), {asking(makePod("a"), "cpu", "500m")}, makeNode());
  ASSERT_TRUE(decision.rejection);
  EXPECT_EQ(decision.rejection->reason, "UnexpectedAdmissionError");
  EXPECT_EQ(decision.rejection->message,
            "Unexpected error while attempting to recover from admission failure: preemption: error finding a set of "
            "pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]");
}

TEST(Admission, ADM_2_SidecarsAndInitContainersCount) {
  core::Pod pod = asking(makePod("p"), "cpu", "1");
  core::Container& sidecar = *pod.mutable_spec()->add_initcontainers();
  sidecar.set_restartpolicy("Always");
  (*sidecar.mutable_resources()->mutable_requests())["cpu"].set_string("1");
  sidecar.add_ports()->set_hostport(90);
  EXPECT_FALSE(decide(pod, {}, makeNode()).rejection);
  (*sidecar.mutable_resources()->mutable_requests())["cpu"].set_string("1001m");
  EXPECT_EQ(decide(pod, {}, makeNode()).rejection.value_or(Rejection()).message,
            "Node didn't have enough resource: cpu, requested: 2001, used: 0, capacity: 2000");
  EXPECT_EQ(claimsOf(pod).ports.size(), 1u);
}

struct PressureCase {
  std::string name;  // begins with the behaviour's ID
  core::Pod pod;
  std::vector<std::string> pressures;
  std::string message;  // empty: it is taken on
};
class UnderPressure : public testing::TestWithParam<PressureCase> {};

TEST_P(UnderPressure, Refuses) {
  const PressureCase& row = GetParam();
  NodeView node = makeNode();
  node.pressures = row.pressures;
  const std::optional<Rejection> refused = refusedUnderPressure(row.pod, claimsOf(row.pod), node);
  EXPECT_EQ(refused.value_or(Rejection()).message, row.message);
  if (refused) EXPECT_EQ(refused->reason, "Evicted");
}

const std::vector<std::string> kMemory = {"MemoryPressure"};
const std::vector<std::string> kDisk = {"DiskPressure"};
constexpr char kTaint[] = "node.kubernetes.io/memory-pressure";

INSTANTIATE_TEST_SUITE_P(
    Cases, UnderPressure,
    testing::Values(
        PressureCase{"EVI_10_NoneNobody", makePod("p"), {}, ""},
        PressureCase{"ADM_8_EVI_10_DiskEverybody", guaranteed(makePod("p"), "1", "1Gi"), kDisk,
                     "The node had condition: [DiskPressure]. "},
        PressureCase{"EVI_10_MemoryBestEffort", makePod("p"), kMemory, "The node had condition: [MemoryPressure]. "},
        PressureCase{"EVI_10_MemoryNotWhoAsked", asking(makePod("p"), "memory", "1Mi"), kMemory, ""},
        PressureCase{"EVI_10_MemoryNotWhoToleratesIt", tolerating(kTaint, "Exists", "", "NoSchedule"), kMemory, ""},
        PressureCase{"EVI_10_MemoryWhoToleratesSomethingElse", tolerating(kTaint, "Exists", "", "NoExecute"), kMemory,
                     "The node had condition: [MemoryPressure]. "},
        PressureCase{"EVI_10_BothEverybody",
                     asking(makePod("p"), "memory", "1Mi"),
                     {"MemoryPressure", "PIDPressure"},
                     "The node had condition: [MemoryPressure PIDPressure]. "},
        PressureCase{"STA_9_EVI_10_NeverAStaticPod", asStatic(makePod("p")), kDisk, ""},
        PressureCase{"EVI_10_NeverASystemPod",
                     edited(makePod("p"), [](core::Pod& pod) { pod.mutable_spec()->set_priority(2'000'000'000); }),
                     kDisk, ""}),
    [](const auto& test) { return test.param.name; });

TEST(Shutdown, ADM_8_SHD_2_TheNodeTakesNobodyAnyMore) {
  NodeView node = makeNode();
  EXPECT_FALSE(refusedByShutdown(node));
  node.shuttingDown = true;
  const std::optional<Rejection> refused = refusedByShutdown(node);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason, "NodeShutdown");
  EXPECT_EQ(refused->message, "Pod was rejected as the node is shutting down.");
}

TEST(NodeView, IsReadFromTheNodeObject) {
  core::Node node;
  node.mutable_metadata()->set_name("n1");
  (*node.mutable_metadata()->mutable_labels())["a"] = "b";
  node.mutable_spec()->add_taints()->set_key("k");
  (*node.mutable_status()->mutable_allocatable())["cpu"].set_string("1500m");
  (*node.mutable_status()->mutable_allocatable())["memory"].set_string("1Ki");
  const NodeView view = viewOf(node);
  EXPECT_EQ(view.name, "n1");
  EXPECT_EQ(view.labels.at("a"), "b");
  EXPECT_EQ(view.taints.front().key(), "k");
  EXPECT_EQ(view.allocatable.at("cpu"), 1500);
  EXPECT_EQ(view.allocatable.at("memory"), 1024);
  EXPECT_FALSE(view.supplementalGroupsPolicy);
}

}  // namespace
}  // namespace cubelet::admission
