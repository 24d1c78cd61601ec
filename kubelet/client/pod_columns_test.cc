#include "kubelet/client/pod_columns.h"

#include <functional>
#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
const WallTime kNowTime{std::chrono::seconds(kNow)};

// A pod with two regular containers and, where a case wants them, init containers.
core::Pod basicPod() {
  core::Pod pod;
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_name("web");
  for (const char* name : {"a", "b"}) {
    pod.mutable_spec()->add_containers()->set_name(name);
    pod.mutable_status()->add_containerstatuses()->set_name(name);
  }
  pod.mutable_status()->set_phase("Running");
  return pod;
}

core::ContainerStatus& container(core::Pod& pod, int i) {
  return *pod.mutable_status()->mutable_containerstatuses(i);
}

void run(core::Pod& pod, int i, bool ready = true) {
  container(pod, i).mutable_state()->mutable_running();
  container(pod, i).set_ready(ready);
}
void wait(core::Pod& pod, int i, const char* reason) {
  container(pod, i).mutable_state()->mutable_waiting()->set_reason(reason);
}
void end(core::Pod& pod, int i, const char* reason, int exitCode, int signal = 0) {
  auto& ended = *container(pod, i).mutable_state()->mutable_terminated();
  ended.set_reason(reason);
  ended.set_exitcode(exitCode);
  ended.set_signal(signal);
}
core::ContainerStatus& addInit(core::Pod& pod, const char* name, bool sidecar = false) {
  core::Container& spec = *pod.mutable_spec()->add_initcontainers();
  spec.set_name(name);
  if (sidecar) spec.set_restartpolicy("Always");
  core::ContainerStatus& status = *pod.mutable_status()->add_initcontainerstatuses();
  status.set_name(name);
  return status;
}
void setCondition(core::Pod& pod, const char* type, const char* status) {
  core::PodCondition& condition = *pod.mutable_status()->add_conditions();
  condition.set_type(type);
  condition.set_status(status);
}

struct Case {
  std::string name;
  std::function<void(core::Pod&)> arrange;
  std::string ready;
  std::string status;
};

class Columns : public testing::TestWithParam<Case> {};

TEST_P(Columns, AreThoseOfKubectl) {
  core::Pod pod = basicPod();
  GetParam().arrange(pod);
  PodColumns columns = podColumns(pod, kNowTime);
  EXPECT_EQ(columns.ready, GetParam().ready);
  EXPECT_EQ(columns.status, GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Pods, Columns,
    testing::Values(
        Case{"Running", [](core::Pod& p) { run(p, 0), run(p, 1); }, "2/2", "Running"},
        Case{"OneNotReady", [](core::Pod& p) { run(p, 0), run(p, 1, false); }, "1/2", "Running"},
        Case{"NewPodWithoutStatus", [](core::Pod& p) { p.clear_status(); }, "0/2", "Pending"},
        Case{"Creating",
             [](core::Pod& p) {
               p.mutable_status()->set_phase("Pending");
               wait(p, 0, "ContainerCreating"), wait(p, 1, "ContainerCreating");
             },
             "0/2", "ContainerCreating"},
        Case{"TheFirstContainerWithAReasonWins",
             [](core::Pod& p) { wait(p, 0, "ImagePullBackOff"), wait(p, 1, "CrashLoopBackOff"); }, "0/2",
             "ImagePullBackOff"},
        Case{"CrashLoop", [](core::Pod& p) { run(p, 0), wait(p, 1, "CrashLoopBackOff"); }, "1/2", "CrashLoopBackOff"},
        Case{"Completed",
             [](core::Pod& p) {
               p.mutable_status()->set_phase("Succeeded");
               end(p, 0, "Completed", 0), end(p, 1, "Completed", 0);
             },
             "0/2", "Completed"},
        Case{"OneCompletedWhileReady",
             [](core::Pod& p) { end(p, 0, "Completed", 0), run(p, 1), setCondition(p, "Ready", "True"); }, "1/2",
             "Running"},
        Case{"OneCompletedWhileNotReady", [](core::Pod& p) { end(p, 0, "Completed", 0), run(p, 1); }, "1/2",
             "NotReady"},
        Case{"Error", [](core::Pod& p) { end(p, 0, "Error", 1), run(p, 1); }, "1/2", "Error"},
        Case{"EndWithoutReason", [](core::Pod& p) { end(p, 0, "", 3), run(p, 1); }, "1/2", "ExitCode:3"},
        Case{"EndBySignal", [](core::Pod& p) { end(p, 0, "", 137, 9), run(p, 1); }, "1/2", "Signal:9"},
        Case{"Evicted",
             [](core::Pod& p) {
               p.mutable_status()->set_phase("Failed");
               p.mutable_status()->set_reason("Evicted");
               p.mutable_status()->clear_containerstatuses();
             },
             "0/2", "Evicted"},
        Case{"Terminating",
             [](core::Pod& p) { run(p, 0), run(p, 1), p.mutable_metadata()->mutable_deletiontimestamp(); }, "2/2",
             "Terminating"},
        Case{"EndedPodsDoNotTerminate",
             [](core::Pod& p) {
               p.mutable_status()->set_phase("Succeeded");
               end(p, 0, "Completed", 0), end(p, 1, "Completed", 0);
               p.mutable_metadata()->mutable_deletiontimestamp();
             },
             "0/2", "Completed"},
        Case{"InitRuns",
             [](core::Pod& p) {
               addInit(p, "one").mutable_state()->mutable_terminated()->set_exitcode(0);
               addInit(p, "two").mutable_state()->mutable_running();
               wait(p, 0, "PodInitializing"), wait(p, 1, "PodInitializing");
             },
             "0/2", "Init:1/2"},
        Case{"InitWaits",
             [](core::Pod& p) {
               addInit(p, "one").mutable_state()->mutable_waiting()->set_reason("PodInitializing");
               wait(p, 0, "PodInitializing"), wait(p, 1, "PodInitializing");
             },
             "0/2", "Init:0/1"},
        Case{"InitCrashLoop",
             [](core::Pod& p) { addInit(p, "one").mutable_state()->mutable_waiting()->set_reason("CrashLoopBackOff"); },
             "0/2", "Init:CrashLoopBackOff"},
        Case{"InitFailed",
             [](core::Pod& p) {
               auto& ended = *addInit(p, "one").mutable_state()->mutable_terminated();
               ended.set_exitcode(1);
               ended.set_reason("Error");
             },
             "0/2", "Init:Error"},
        Case{"InitFailedWithoutReason",
             [](core::Pod& p) { addInit(p, "one").mutable_state()->mutable_terminated()->set_exitcode(7); }, "0/2",
             "Init:ExitCode:7"},
        Case{"SidecarCounts",
             [](core::Pod& p) {
               auto& sidecar = addInit(p, "proxy", true);
               sidecar.mutable_state()->mutable_running();
               sidecar.set_started(true);
               sidecar.set_ready(true);
               run(p, 0), run(p, 1);
             },
             "3/3", "Running"},
        Case{"SidecarNotStarted", [](core::Pod& p) { addInit(p, "proxy", true).mutable_state()->mutable_running(); },
             "0/3", "Init:0/1"},
        Case{"InitializedPodsShowTheirContainers",
             [](core::Pod& p) {
               addInit(p, "one").mutable_state()->mutable_waiting();
               setCondition(p, "Initialized", "True");
               run(p, 0), run(p, 1);
             },
             "2/2", "Init:0/1"}),
    [](const auto& test) { return test.param.name; });

TEST(Restarts, AreAddedUpWithTheTimeOfTheLast) {
  core::Pod pod = basicPod();
  run(pod, 0), run(pod, 1);
  EXPECT_EQ(podColumns(pod, kNowTime).restarts, "0");
  container(pod, 0).set_restartcount(2);
  container(pod, 0).mutable_laststate()->mutable_terminated()->mutable_finishedat()->set_seconds(kNow - 300);
  container(pod, 1).set_restartcount(1);
  container(pod, 1).mutable_laststate()->mutable_terminated()->mutable_finishedat()->set_seconds(kNow - 12);
  EXPECT_EQ(podColumns(pod, kNowTime).restarts, "3 (12s ago)");
}

TEST(Restarts, OfInitContainersCountOnlyWhileTheyRun) {
  core::Pod pod = basicPod();
  core::ContainerStatus& init = addInit(pod, "one");
  init.set_restartcount(4);
  init.mutable_state()->mutable_running();
  EXPECT_EQ(podColumns(pod, kNowTime).restarts, "4");
  init.mutable_state()->mutable_terminated()->set_exitcode(0);
  EXPECT_EQ(podColumns(pod, kNowTime).restarts, "0");
}

TEST(Age, CountsFromCreationOrElseFromTheStart) {
  core::Pod pod = basicPod();
  EXPECT_EQ(podColumns(pod, kNowTime).age, "<unknown>");
  pod.mutable_status()->mutable_starttime()->set_seconds(kNow - 30);
  EXPECT_EQ(podColumns(pod, kNowTime).age, "30s");
  pod.mutable_metadata()->mutable_creationtimestamp()->set_seconds(kNow - 60);
  EXPECT_EQ(podColumns(pod, kNowTime).age, "60s");
}

TEST(Table, IsSortedAndWidensOnRequest) {
  core::Pod web = basicPod();
  core::Pod db = basicPod();
  db.mutable_metadata()->set_name("db");
  db.mutable_status()->set_podip("10.0.0.2");
  db.mutable_spec()->set_nodename("node-1");
  EXPECT_EQ(podTable({&web, &db}, false, kNowTime),
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE\n"
            "default     db     0/2     Running   0          <unknown>\n"
            "default     web    0/2     Running   0          <unknown>\n");
  EXPECT_EQ(podTable({&db}, true, kNowTime),
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE         IP         NODE\n"
            "default     db     0/2     Running   0          <unknown>   10.0.0.2   node-1\n");
}

}  // namespace
}  // namespace cubelet::client
