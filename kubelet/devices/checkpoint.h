// The file kubelet_internal_checkpoint: what survives a restart of the agent, in upstream's form, so that either agent
// can take over from the other. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "kubelet/devices/state.h"

namespace cubelet::devices {

inline constexpr char kCheckpointFile[] = "kubelet_internal_checkpoint";

struct Checkpoint {
  Allocations allocations;
  std::map<std::string, Ids> registered;  // by resource: what its plug-in has offered
};

// With the checksum that upstream wants to see (FNV-1a over the data as Go's spew prints them).
std::string toText(const Checkpoint& checkpoint);
// The checksum is not asked about: files are written whole. Entries that cannot be read are left out. kInvalid: not
// such a file.
Result<Checkpoint> fromText(const std::string& text);

}  // namespace cubelet::devices
