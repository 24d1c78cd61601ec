// The node's lease: NOD-15, surface 4.6. Pure.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "proto/k8s/coordination.pb.h"

namespace cubelet::node {

using k8s::coordination::v1::Lease;

// A quarter of what the lease lasts; the rest is for failures.
Duration renewEvery(std::chrono::seconds leaseDuration);

// `base` with a new renewTime; a new lease when `base` is an empty one. The Node becomes its owner as soon as `nodeUid`
// is known (not empty), so that the lease goes with the node.
Lease renewedLease(Lease base, const std::string& nodeName, const std::string& nodeUid,
                   std::chrono::seconds leaseDuration, WallTime now);

// What the answer to a renewal means for the next try.
enum class LeaseStep {
  kRenew,   // the same again
  kReread,  // somebody else wrote it, or nobody knows what there is: get it, make it when it is missing
};
LeaseStep stepAfter(const Error& error);

}  // namespace cubelet::node
