#include "csi/client/outcome.h"

namespace cubelet::csi {

Outcome outcomeOf(const Error& error) {
  switch (error.code) {
    case Code::kCancelled:
    case Code::kTimedOut:
    case Code::kUnavailable:  // Unavailable and Aborted
    case Code::kExhausted:
      return Outcome::kUncertain;
    case Code::kInvalid:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kUnimplemented:
    case Code::kInternal:
      return Outcome::kFinal;
  }
  return Outcome::kUncertain;
}

ExpandFailure expandFailureOf(const Error& error) {
  if (outcomeOf(error) == Outcome::kUncertain) return ExpandFailure::kUncertain;
  if (error.reason == "FailedPrecondition") return ExpandFailure::kInUse;
  if (error.code == Code::kInvalid || error.code == Code::kNotFound) return ExpandFailure::kInfeasible;
  return ExpandFailure::kFailed;
}

}  // namespace cubelet::csi
