#include "kubelet/cluster/claim_statuses.h"

#include <memory>
#include <utility>

#include "kubelet/apiserver/resource.h"

namespace cubelet::cluster {

Task<Result<objects::ClaimPtr>> ClaimStatusPatches::patch(std::string ns, std::string name, std::string patch) {
  using Claim = ::k8s::core::v1::PersistentVolumeClaim;
  auto call = client_.patch<Claim>(apiserver::kPersistentVolumeClaims.object(ns, name, "status"), std::move(patch));
  Result<Claim> now = co_await std::move(call);
  if (!now) co_return fail(now.error());
  co_return std::make_shared<const Claim>(std::move(*now));
}

}  // namespace cubelet::cluster
