// When a claim and its volume may be used by a pod: upstream's rules and words (CSI-3, CSI-11, VOL-5). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// Errors of these have reason kNotProcessed: the volume cannot even be planned.

// The claim must be the pod's own for a generic ephemeral volume, must not be going away, and must be bound.
Result<void> checkClaim(const core::Pod& pod, const core::Volume& volume, const core::PersistentVolumeClaim& claim);
// The volume must say that it belongs to this very claim.
Result<void> checkBinding(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume);
// A Block volume is no directory to mount, any other no device: only containers that use the volume matter.
Result<void> checkMode(const core::Pod& pod, const std::string& volumeName, const core::PersistentVolume& volume);

// The group that whoever uses the volume is given (SEC-4); nothing: none, or not a number.
std::optional<std::int64_t> groupOf(const core::PersistentVolume& volume);

bool isBlock(const core::PersistentVolume& volume);

// Whatever container asks for: what is behind the volume is not to be written.
bool isReadOnly(const core::VolumeSource& source);

}  // namespace cubelet::volumes
