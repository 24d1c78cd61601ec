#include "kubelet/apiserver/path_probe.h"

#include <utility>

#include "base/log.h"

namespace cubelet::apiserver {
namespace {

constexpr Duration kEvery = std::chrono::milliseconds(800);
constexpr double kJitter = 0.4;  // of it: the nodes of a cluster do not knock in step
constexpr Duration kWithin = std::chrono::milliseconds(700);

}  // namespace

PathProbe::PathProbe(Clock& clock, Transport& transport, Reachability& reachability, std::function<double()> random)
    : clock_(clock), transport_(transport), reachability_(reachability), random_(std::move(random)), lost_(clock) {}

Task<void> PathProbe::run() {
  for (;;) {
    co_await lost_.wait();
    co_await untilItAnswers();
  }
}

Task<void> PathProbe::untilItAnswers() {
  bool wasBlocked = false;
  for (;;) {
    const auto stretched = std::chrono::duration_cast<Duration>(kEvery * (1 + kJitter * random_()));
    co_await clock_.sleep(stretched);
    if (!reachability_.isAway()) co_return;
    // What was refused at first may be swallowed later, and the other way round.
    if (!reachability_.isSilent()) continue;
    const bool connects = co_await transport_.canConnect(kWithin);
    if (connects && wasBlocked) {
      log::notice("the way to the API server works again");
      transport_.closeConnections();
    }
    wasBlocked = !connects;
  }
}

}  // namespace cubelet::apiserver
