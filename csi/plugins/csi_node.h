// CSINode and Node as a driver's registration makes them. Pure. CSI-2, surface 6.2.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "csi/plugins/driver_facts.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::csi {

namespace core = ::k8s::core::v1;
namespace storage = ::k8s::storage::v1;

// One without drivers, owned by the Node.
storage::CSINode newCsiNode(const std::string& nodeName, const std::string& nodeUid);
// It belongs to this Node, not to an earlier one of the same name.
bool isOwnedBy(const storage::CSINode& have, const std::string& nodeName, const std::string& nodeUid);

// Nothing when `have` says it already.
std::optional<storage::CSINode> withDriver(const storage::CSINode& have, const DriverFacts& facts);
std::optional<storage::CSINode> withoutDriver(const storage::CSINode& have, const std::string& driver);

// A strategic merge patch with the driver's entry in the annotation csi.volume.kubernetes.io/nodeid and its topology as
// labels; empty when the Node has both. kInvalid: a label is there with another value, or is none.
Result<std::string> patchForDriver(const core::Node& have, const DriverFacts& facts);
// Takes the entry out of the annotation; labels stay, as volumes may depend on them. Empty: it is not there.
std::string patchWithoutDriver(const core::Node& have, const std::string& driver);

}  // namespace cubelet::csi
