#include "kubelet/node/lease_rules.h"

#include "kubelet/node/well_known.h"

namespace cubelet::node {

Duration renewEvery(std::chrono::seconds leaseDuration) {
  return Duration(leaseDuration) / 4;
}

Lease renewedLease(Lease base, const std::string& nodeName, const std::string& nodeUid,
                   std::chrono::seconds leaseDuration, WallTime now) {
  base.mutable_metadata()->set_name(nodeName);
  base.mutable_metadata()->set_namespace_(kLeaseNamespace);
  base.mutable_spec()->set_holderidentity(nodeName);
  base.mutable_spec()->set_leasedurationseconds(static_cast<std::int32_t>(leaseDuration.count()));

  // Microseconds, as JSON has them.
  const auto micros = std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(micros);
  base.mutable_spec()->mutable_renewtime()->set_seconds(seconds.count());
  base.mutable_spec()->mutable_renewtime()->set_nanos(
      static_cast<std::int32_t>(std::chrono::nanoseconds(micros - seconds).count()));

  if (base.metadata().ownerreferences().empty() && !nodeUid.empty()) {
    k8s::meta::v1::OwnerReference& owner = *base.mutable_metadata()->add_ownerreferences();
    owner.set_apiversion("v1");
    owner.set_kind("Node");
    owner.set_name(nodeName);
    owner.set_uid(nodeUid);
  }
  return base;
}

LeaseStep stepAfter(const Error& error) {
  // Also after kTimedOut: a write may have happened, and then the version that we know is an old one.
  return error.code == Code::kUnavailable ? LeaseStep::kRenew : LeaseStep::kReread;
}

}  // namespace cubelet::node
