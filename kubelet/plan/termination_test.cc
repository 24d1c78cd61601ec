#include "kubelet/plan/termination.h"

#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr TimePoint kDeadline = kStart + seconds(30);

Wanted pod() {
  return Wanted().init("i").sidecar("s").sidecar("t").regular("a").regular("b");
}

// "stop a/0 30s, box box/0, done, wake +30s"
std::string toText(const TerminationPlan& plan) {
  std::string text;
  const auto put = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const auto& stop : plan.preStop) put("hook " + stop.id);
  for (const auto& stop : plan.stop) put("stop " + stop.id + " " + inSeconds(stop.grace));
  for (const auto& box : plan.stopSandboxes) put("box " + box);
  if (plan.done) put("done");
  if (plan.wakeAt) put("wake +" + inSeconds(*plan.wakeAt - kStart));
  return text;
}

struct Case {
  std::string name;
  Have have;
  Duration after;
  std::string plan;
  std::set<std::string> stopped = {};
  bool podKnown = true;
};
void PrintTo(const Case& row, std::ostream* out) {
  *out << row.name;
}

class Termination : public testing::TestWithParam<Case> {};

TEST_P(Termination, Plan) {
  const Case& row = GetParam();
  const Wanted wanted = pod();
  const TerminationPlan plan = planTermination(row.podKnown ? &wanted.pod() : nullptr, row.have.pod(), kDeadline,
                                               row.stopped, kStart + row.after);
  EXPECT_EQ(toText(plan), row.plan);
}

Have box() {
  return Have().sandbox();
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Termination,
    testing::Values(
        Case{"SID5_RegularsFirst", box().running("s").running("t").running("a").running("b"), seconds(0),
             "stop b/0 30s, stop a/0 30s, wake +30s"},
        Case{"SID5_LastSidecarAfterAllRegulars", box().running("s").running("t").exited("a", 0).exited("b", 0),
             seconds(4), "stop t/0 26s, wake +30s"},
        Case{"SID5_NotWhileOneRegularLives", box().running("s").running("t").exited("a", 0).running("b"), seconds(4),
             "stop b/0 26s, wake +30s"},
        Case{"SID5_FirstSidecarLast", box().running("s").exited("t", 0).exited("a", 0), seconds(5), "stop s/0 25s"},
        Case{"SID5_APlainInitGoesBeforeTheSidecars", box().running("s").running("i"), seconds(0),
             "stop i/0 30s, wake +30s"},
        Case{"SID5_ADebugContainerGoesBeforeTheSidecars", box().running("s").running("debug"), seconds(0),
             "stop debug/0 30s, wake +30s"},
        Case{"SID5_AtTheDeadlineEverybodyGoes", box().running("s").running("t").running("a"), seconds(30),
             "stop a/0 2s, stop t/0 2s, stop s/0 2s"},
        Case{"SID5_WithoutTheObjectAllAtOnce",
             box().running("s").running("a"),
             seconds(0),
             "stop a/0 30s, stop s/0 30s",
             {},
             false},
        Case{"TRM2_AtLeastTwoSeconds", box().running("a"), seconds(29), "stop a/0 2s"},
        Case{"TRM2_UnknownOnesToo", box().unknown("a"), seconds(0), "stop a/0 30s"},
        Case{"TRM2_LongAfterTheDeadline", box().running("a"), seconds(4000), "stop a/0 2s"},
        Case{"TRM8_ThenTheSandbox", box().exited("a", 0).created("b"), seconds(3), "box box/0"},
        Case{
            "TRM8_EachSandboxOnceEvenWhenNotReady", Have().deadSandbox().sandbox(), seconds(3), "box box/1", {"box/0"}},
        Case{"TRM8_Done", box().exited("a", 0), seconds(3), "done", {"box/0"}},
        Case{"TRM10_NothingThere", Have(), seconds(0), "done"}),
    [](const auto& info) { return info.param.name; });

TEST(TerminationMessage, TRM2_IsExact) {
  const Wanted wanted = pod();
  const Have have = box().running("a");
  const TerminationPlan plan = planTermination(&wanted.pod(), have.pod(), kDeadline, {}, kStart);
  ASSERT_EQ(plan.stop.size(), 1U);
  EXPECT_EQ(plan.stop[0].message, "Stopping container a");
  EXPECT_EQ(plan.stop[0].name, "a");
}

TEST(TerminationGrace, TRM1_OfThePod) {
  Wanted wanted = pod();
  const Have none;
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), seconds(30));
  wanted.pod().mutable_spec()->set_terminationgraceperiodseconds(7);
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), seconds(7));
  wanted.pod().mutable_metadata()->set_deletiongraceperiodseconds(3);
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), seconds(3));
  wanted.pod().mutable_metadata()->set_deletiongraceperiodseconds(0);
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), seconds(1));
  wanted.pod().mutable_metadata()->set_deletiongraceperiodseconds(-5);
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), seconds(1));
  wanted.pod().mutable_metadata()->set_deletiongraceperiodseconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(terminationGrace(&wanted.pod(), none.pod()), std::chrono::years(10));
}

TEST(TerminationGrace, SBX4_WithoutTheObjectFromTheAnnotations) {
  const std::string spec = "io.kubernetes.pod.terminationGracePeriod";
  const std::string deletion = "io.kubernetes.pod.deletionGracePeriod";
  EXPECT_EQ(terminationGrace(nullptr, Have().pod()), seconds(1));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").pod()), seconds(1));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(spec, "45").running("b").pod()), seconds(45));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(spec, "45").annotation(deletion, "5").pod()),
            seconds(5));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(spec, "45s").pod()), seconds(1));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(spec, "").pod()), seconds(1));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(deletion, "-9").pod()), seconds(1));
  EXPECT_EQ(terminationGrace(nullptr, box().running("a").annotation(spec, "9223372036854775807").pod()),
            std::chrono::years(10));
}

// ---- preStop hooks ----

Wanted hooked() {
  Wanted wanted = Wanted().init("i").sidecar("s").regular("a").regular("b");
  for (auto& container : *wanted.pod().mutable_spec()->mutable_initcontainers())
    container.mutable_lifecycle()->mutable_prestop();
  wanted.pod().mutable_spec()->mutable_containers(0)->mutable_lifecycle()->mutable_prestop();
  return wanted;
}

struct HookCase {
  std::string name;
  Have have;
  HookStates hooks;
  Duration after;
  std::string plan;
};
void PrintTo(const HookCase& row, std::ostream* out) {
  *out << row.name;
}

class PreStop : public testing::TestWithParam<HookCase> {};

TEST_P(PreStop, Plan) {
  const HookCase& row = GetParam();
  const Wanted wanted = hooked();
  EXPECT_EQ(toText(planTermination(&wanted.pod(), row.have.pod(), kDeadline, {}, kStart + row.after, row.hooks)),
            row.plan);
}

constexpr HookState kRuns = HookState::kRunning;
constexpr HookState kEnded = HookState::kEnded;

INSTANTIATE_TEST_SUITE_P(
    Cases, PreStop,
    testing::Values(
        HookCase{"SID5_AllHooksBeginAtOnce",
                 box().running("s").running("a").running("b"),
                 {},
                 seconds(0),
                 "hook a/0, hook s/0, stop b/0 30s, wake +30s"},
        HookCase{"TRM2_NoStopWhileTheHookRuns", box().running("a"), {{"a/0", kRuns}}, seconds(5), "wake +30s"},
        HookCase{"TRM2_ThenWithTheTimeThatIsLeft", box().running("a"), {{"a/0", kEnded}}, seconds(5), "stop a/0 25s"},
        HookCase{"TRM2_AtLeastTwoSeconds", box().running("a"), {{"a/0", kEnded}}, seconds(29), "stop a/0 2s"},
        HookCase{"TRM3_AbandonedAtTheEnd", box().running("a"), {{"a/0", kRuns}}, seconds(30), "stop a/0 2s"},
        HookCase{"TRM3_NotBegunAfterTheEnd", box().running("a"), {}, seconds(31), "stop a/0 2s"},
        HookCase{"SID5_ASidecarWaitsForItsTurnAfterItsHook",
                 box().running("s").running("b"),
                 {{"s/0", kEnded}},
                 seconds(5),
                 "stop b/0 25s, wake +30s"},
        HookCase{"SID5_AndForItsHookWhenItsTurnHasCome",
                 box().running("s").exited("b", 0),
                 {{"s/0", kRuns}},
                 seconds(5),
                 "wake +30s"},
        HookCase{"TRM4_NotForWhatHasEnded", box().exited("a", 0), {}, seconds(0), "box box/0"},
        HookCase{"TRM4_NotForWhatMayNotRun", box().unknown("a"), {}, seconds(0), "stop a/0 30s"},
        HookCase{"INI7_NotForPlainInitContainers", box().running("i"), {}, seconds(0), "stop i/0 30s"}),
    [](const auto& test) { return test.param.name; });

TEST(PreStopOfAnUnknownPod, SBX_4_ComesFromTheAnnotations) {
  const Have have =
      box()
          .running("a")
          .annotation("io.kubernetes.container.preStopHandler", R"({"httpGet":{"path":"/x","port":"http"}})")
          .annotation("io.kubernetes.container.ports", R"([{"name":"http","containerPort":80}])");
  const auto& instance = have.pod().containers.front();
  ASSERT_TRUE(hasPreStop(nullptr, instance));
  const auto container = containerOf(nullptr, instance);
  EXPECT_EQ(container.name(), "a");
  EXPECT_EQ(container.lifecycle().prestop().httpget().port().strval(), "http");
  EXPECT_EQ(container.ports(0).containerport(), 80);
  EXPECT_FALSE(hasPreStop(nullptr, box().running("a").pod().containers.front()));
}

}  // namespace
}  // namespace cubelet::plan::test
