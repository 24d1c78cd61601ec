// ClaimStatusPatches: the statuses of claims, at the API server. CSI-15.
#pragma once

#include "kubelet/apiserver/api_client.h"
#include "kubelet/volumes/claim_statuses.h"

namespace cubelet::cluster {

// Nothing is repeated. Loop thread only.
class ClaimStatusPatches final : public volumes::ClaimStatuses {
 public:
  // `client` must outlive this object.
  explicit ClaimStatusPatches(apiserver::ApiClient& client) : client_(client) {}
  Task<Result<objects::ClaimPtr>> patch(std::string ns, std::string name, std::string patch) override;

 private:
  apiserver::ApiClient& client_;
};

}  // namespace cubelet::cluster
