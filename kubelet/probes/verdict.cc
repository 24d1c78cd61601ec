#include "kubelet/probes/verdict.h"

#include <algorithm>

namespace cubelet::probes {

std::string_view eventName(Kind kind) {
  switch (kind) {
    case Kind::kStartup:
      return "Startup";
    case Kind::kLiveness:
      return "Liveness";
    case Kind::kReadiness:
      return "Readiness";
  }
  return "";
}

std::optional<ProbeEvent> eventOf(Kind kind, const Answer& answer) {
  const std::string name(eventName(kind));
  switch (answer.outcome) {
    case Answer::Outcome::kSuccess:
      return std::nullopt;
    case Answer::Outcome::kWarning:
      return ProbeEvent{"ProbeWarning", name + " probe warning: " + answer.output};
    case Answer::Outcome::kFailure:
      return ProbeEvent{"Unhealthy", name + " probe failed: " + answer.output};
    case Answer::Outcome::kUnknown:
      return ProbeEvent{"Unhealthy", name + " probe errored and resulted in unknown state: " + answer.output};
  }
  return std::nullopt;
}

Counter::Counter(int successThreshold, int failureThreshold)
    : successThreshold_(std::max(successThreshold, 1)), failureThreshold_(std::max(failureThreshold, 1)) {}

std::optional<bool> Counter::count(bool success) {
  run_ = run_ > 0 && success == last_ ? run_ + 1 : 1;
  last_ = success;
  if (run_ < (success ? successThreshold_ : failureThreshold_)) return std::nullopt;
  return success;
}

}  // namespace cubelet::probes
