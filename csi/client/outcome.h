// What the error of a CSI call says about the volume. Pure.
#pragma once

#include "base/result.h"

namespace cubelet::csi {

enum class Outcome {
  kFinal,      // the driver has refused: nothing has been done
  kUncertain,  // it may have been done, or may still be under way: repeat the call, or undo it before forgetting it
};

// CSI-18: cancelled, timed out, unavailable, aborted and exhausted leave the outcome open; all else is final.
Outcome outcomeOf(const Error& error);

enum class ExpandFailure {
  kInfeasible,  // never on this node with these figures: do not repeat
  kInUse,       // not while the volume is in use: the pod may start, the node does not repeat it
  kFailed,      // repeat later
  kUncertain,   // repeat later; it may be done already
};

// CSI-15: NotFound, InvalidArgument and OutOfRange are infeasible, FailedPrecondition is "in use".
ExpandFailure expandFailureOf(const Error& error);

}  // namespace cubelet::csi
