// What a projected source clusterTrustBundle holds (CMS-10). Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "kubelet/objects/objects.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// The certificates of the bundle that `source` names, or of all of its signer that its selector matches: each once, in
// PEM, without what stands between the blocks or in their headers, always in the same order. No selector matches
// nothing, an empty one everything. kNotFound: there is no such bundle and it is not optional; an optional one that is
// missing has no certificates. kInvalid: the selector makes no sense.
Result<std::string> trustAnchors(const objects::TrustBundles& bundles,
                                 const core::ClusterTrustBundleProjection& source);

}  // namespace cubelet::volumes
