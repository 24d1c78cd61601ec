#include "kubelet/apiserver/path_probe.h"

#include <gtest/gtest.h>

#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Probe : testing::Test {
  Probe() {
    reachability.onLoss([this](const Error&) { probe.lost(); });
    tasks.spawn("probe", probe.run());
    loop.poll();
  }
  ~Probe() override { loop.runToEnd(tasks.close()); }
  void silent() { reachability.unanswered(Error(Code::kTimedOut, "", "no answer")); }
  void refused() { reachability.unanswered(Error(Code::kUnavailable, "", "refused")); }

  Loop loop;
  ManualClock clock{loop};
  ScriptedTransport transport;
  Reachability reachability{clock};
  PathProbe probe{clock, transport, reachability, [] { return 0.5; }};
  TaskGroup tasks{loop};
};

TEST_F(Probe, ClosesConnectionsOnceTheWayIsFreeAgain) {
  transport.connects = false;
  silent();
  clock.advance(seconds(30));
  EXPECT_EQ(transport.closed, 0);
  transport.connects = true;
  clock.advance(milliseconds(1200));
  EXPECT_EQ(transport.closed, 1) << "well within two seconds";
  clock.advance(seconds(30));
  EXPECT_EQ(transport.closed, 1);
}

TEST_F(Probe, LeavesAServerAloneThatTakesConnectionsAndHangs) {
  silent();
  clock.advance(seconds(60));
  EXPECT_EQ(transport.closed, 0);
  EXPECT_GT(transport.probes, 0);
}

TEST_F(Probe, AsksNothingWhileTheServerAnswersOrRefuses) {
  clock.advance(seconds(60));
  refused();
  clock.advance(seconds(60));
  EXPECT_EQ(transport.probes, 0);
}

TEST_F(Probe, EndsWithTheTroubleAndBeginsWithTheNext) {
  transport.connects = false;
  silent();
  clock.advance(seconds(5));
  reachability.answered(Lane::kMain, 200);
  const int before = transport.probes;
  clock.advance(seconds(60));
  EXPECT_EQ(transport.probes, before);
  silent();
  clock.advance(seconds(5));
  EXPECT_GT(transport.probes, before);
}

TEST_F(Probe, KnocksAboutOncePerSecond) {
  transport.connects = false;
  silent();
  clock.advance(seconds(100));
  EXPECT_LE(transport.probes, 125);
}

}  // namespace
}  // namespace cubelet::apiserver
