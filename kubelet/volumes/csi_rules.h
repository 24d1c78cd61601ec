// From a pod's volume, and the volume behind its claim, to what a CSI driver is asked for. Pure. CSI-4, CSI-7, CSI-8,
// CSI-10, CSI-13.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "csi/volumes/volume_spec.h"
#include "kubelet/volumes/volume_type.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::volumes {

namespace storage = ::k8s::storage::v1;

struct CsiRequest {
  csi::VolumeSpec spec;          // without secrets, and without what its attachment says
  csi::PodUse use;               // without secrets and tokens
  bool limitsMayChange = false;  // a node that cannot have it is told so (CSI-19)
  bool republish = false;        // it is published again and again while the pod runs (CSI-9)
  bool relabel = false;          // it is mounted writable, and not with a label: see Relabel
  bool fsGroup = false;  // its files are given to the pod's fsGroup, unless the driver does that (VOLUME_MOUNT_GROUP)
};

// `driver` is what the cluster says about the driver; null: nothing. kInvalid: the driver is not meant for volumes of
// this kind.
Result<CsiRequest> csiRequest(const VolumeRequest& request, const storage::CSIDriver* driver);

// The driver of an inline volume, or of the one behind the claim.
const std::string& csiDriverOf(const VolumeRequest& request);

// A Secret whose content goes with the calls.
struct CsiSecret {
  std::string ns;
  std::string name;
  enum class Use { kStage, kPublish, kExpand } use = Use::kStage;
};
std::vector<CsiSecret> csiSecrets(const VolumeRequest& request);
// Tokens of the pod's service account that the driver wants with each publication (CSI-9).
struct CsiToken {
  std::string audience;  // empty: the API server's own
  std::chrono::seconds life{0};
};
std::vector<CsiToken> csiTokens(const storage::CSIDriver* driver);
// As drivers get them: {"audience":{"expirationTimestamp":"2027-01-15T08:00:00Z","token":"..."}}
std::string tokensJson(const std::map<std::string, objects::Token>& byAudience);

void addSecret(CsiRequest& request, CsiSecret::Use use, const core::Secret& secret);

}  // namespace cubelet::volumes
