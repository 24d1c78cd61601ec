#include "kubelet/status/explain.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

#include "kubelet/plan/test_pod.h"

namespace cubelet::status {
namespace {

using plan::ContainerMemory;
using plan::test::Have;
using plan::test::kNow;
using plan::test::planNow;
using plan::test::Wanted;
using std::chrono::seconds;

std::string why(const Wanted& wanted, const Have& have, const plan::PodMemory& memory = {}) {
  std::string text;
  for (const Obstacle& obstacle : explain(wanted.pod(), have.pod(), memory, planNow(wanted, have, memory), kNow)) {
    text += obstacle.step + " (" + obstacle.waitingOn + ") " + toText(obstacle) + "\n";
  }
  return text;
}

Wanted one() {
  Wanted wanted;
  wanted.policy("Always").regular("web");
  return wanted;
}
Have box() {
  Have have;
  have.sandbox();
  return have;
}

TEST(Explain, NamesTheObjectThatIsMissing) {
  for (const auto& [message, who] : std::map<std::string, std::string>{
           {"configmap \"settings\" not found", "ConfigMap settings"},
           {"secret \"keys\" not found", "Secret keys"},
           {"couldn't find key color in ConfigMap default/settings", "ConfigMap default/settings"},
           {"container has runAsNonRoot and image will run as root", "manifest"}}) {
    plan::PodMemory memory;
    memory.containers["web"].failureReason = "CreateContainerConfigError";
    memory.containers["web"].failureMessage = message;
    EXPECT_TRUE(why(one(), box(), memory).starts_with("create (" + who + ") ")) << why(one(), box(), memory);
  }
}

TEST(Explain, NothingToSayOfAPodThatRuns) {
  EXPECT_EQ(why(one(), box().running("web")), "");
}

TEST(Explain, NothingToSayOfAPodThatIsFinished) {
  EXPECT_EQ(why(one().policy("Never"), box().exited("web", 1)), "");
}

TEST(Explain, Sandbox) {
  EXPECT_EQ(why(one(), Have()), "sandbox (runtime) pod: the pod has no sandbox, one is being created\n");
  plan::PodMemory memory;
  memory.sandboxRetryAt = kNow + seconds(10);
  EXPECT_EQ(why(one(), Have(), memory),
            "sandbox (runtime) pod: the pod has no sandbox, creating one failed, next try at 2027-01-15T08:00:10Z\n");
}

TEST(Explain, BackOff) {
  const Wanted wanted = one();
  // As remembered by the start of the instance before, half a minute ago.
  plan::StartContainer start = planNow(wanted, box().exited("web", 2)).start.at(0);
  start.backoff = seconds(20);
  plan::PodMemory memory;
  plan::noteStarted(memory, start, kNow - seconds(30));
  EXPECT_EQ(why(wanted, box().exited("web", 2), memory),
            "back-off (clock) container web: back-off 20s until 2027-01-15T08:00:19Z, last exit code 2\n");
  EXPECT_EQ(
      why(wanted, box().exited("web", 137, "OOMKilled"), memory),
      "back-off (clock) container web: back-off 20s until 2027-01-15T08:00:19Z, last exit code 137 (OOMKilled)\n");
}

TEST(Explain, Image) {
  ContainerMemory memory;
  memory.failureReason = "ErrImagePull";
  memory.failureMessage = "no such host";
  memory.retryAt = kNow + seconds(10);
  EXPECT_EQ(why(one(), box(), plan::test::remember("web", memory)),
            "image (registry) container web: image img:1: ErrImagePull: no such host, next try at "
            "2027-01-15T08:00:10Z\n");
}

TEST(Explain, InitContainersBlockTheRest) {
  const Wanted wanted = one().init("first").init("second");
  EXPECT_EQ(why(wanted, box().running("first")),
            "init (program) container first: the init container runs, the next ones wait for its end\n");
  EXPECT_EQ(why(wanted, box().exited("first", 0)), "start (runtime) container second: it is being started\n");
}

TEST(Explain, Probes) {
  EXPECT_EQ(why(one().startupProbe(), box().running("web")),
            "startup (probe) container web: the startup probe has not succeeded yet\n");
  EXPECT_EQ(why(one().readinessProbe(), box().running("web")),
            "readiness (probe) container web: the readiness probe has not succeeded\n");
}

ContainerMemory noImage() {
  ContainerMemory memory;
  memory.failureReason = "ErrImagePull";
  memory.retryAt = kNow + seconds(10);
  return memory;
}

// All init containers run again in a new sandbox: their end in the old one says nothing.
TEST(Explain, INI3_AnInitContainerThatWaitsInANewSandbox) {
  Have have;
  have.deadSandbox().exited("first", 0).exited("web", 1).sandbox();
  EXPECT_EQ(why(one().init("first"), have, plan::test::remember("first", noImage())),
            "image (registry) container first: image img:1: ErrImagePull, next try at 2027-01-15T08:00:10Z\n");
}

TEST(Explain, INI2_AnInitContainerKilledForMemoryIsNotDone) {
  EXPECT_EQ(why(one().init("first"), box().exited("first", 0, "OOMKilled"), plan::test::remember("first", noImage())),
            "image (registry) container first: image img:1: ErrImagePull, next try at 2027-01-15T08:00:10Z\n");
}

TEST(Explain, SID1_ASidecarThatIsNotReadyHoldsNobodyBack) {
  EXPECT_EQ(why(one().sidecar("side").readinessProbe(), box().running("side")),
            "readiness (probe) container side: the readiness probe has not succeeded\n"
            "start (runtime) container web: it is being started\n");
}

// Its start failed, and nobody will repeat it.
TEST(Explain, RST1_AContainerThatIsOverWaitsForNothing) {
  ContainerMemory memory;
  memory.failureReason = "RunContainerError";
  EXPECT_EQ(why(one().policy("Never").regular("other"), box().exited("web", 128, "StartError").running("other"),
                plan::test::remember("web", memory)),
            "");
}

TEST(Explain, ReadinessGates) {
  EXPECT_EQ(why(one().gate("example.com/g"), box().running("web")),
            "gate (controller) pod: readiness gate example.com/g is not True\n");
}

}  // namespace
}  // namespace cubelet::status
