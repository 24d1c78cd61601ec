// What the answers of a probe mean. Pure. Behaviours PRB-6, PRB-9.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cubelet::probes {

enum class Kind { kStartup, kLiveness, kReadiness };

// "Startup", "Liveness", "Readiness": as events begin.
std::string_view eventName(Kind kind);

// How one run ended.
struct Answer {
  enum class Outcome {
    kSuccess,
    kWarning,  // a success that somebody should hear of
    kFailure,
    kUnknown,  // could not be asked: no verdict
  };
  Outcome outcome = Outcome::kUnknown;
  std::string output;

  bool operator==(const Answer&) const = default;
};

// The event that tells of this answer; nothing for a success.
struct ProbeEvent {
  std::string reason;  // Unhealthy, ProbeWarning: always a warning
  std::string message;
  bool operator==(const ProbeEvent&) const = default;
};
std::optional<ProbeEvent> eventOf(Kind kind, const Answer& answer);

// Counts equal answers in a row.
class Counter {
 public:
  // From the probe's spec; less than 1 counts as 1.
  Counter(int successThreshold, int failureThreshold);

  // The verdict, once as many answers in a row agree; and again with each further one.
  std::optional<bool> count(bool success);

 private:
  int successThreshold_;
  int failureThreshold_;
  bool last_ = false;
  int run_ = 0;
};

}  // namespace cubelet::probes
