// When a signal is too low: the thresholds of the configuration (EVI-2). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/config/configuration.h"
#include "kubelet/eviction/signals.h"

namespace cubelet::eviction {

// "100Mi", or "10%" of the capacity.
struct Amount {
  std::string quantity;  // as the API spells it; empty: a share
  float share = 0;       // 0.1; in single precision, as upstream has it

  std::int64_t of(std::int64_t capacity) const;
  friend bool operator==(const Amount&, const Amount&) = default;
};

struct Threshold {
  Signal signal = Signal::kMemoryAvailable;
  Amount value = {};
  Duration grace{0};                          // how long it must be met before pods go; 0: a hard one
  std::optional<Amount> minimumReclaim = {};  // so much more than `value` is freed once it was met

  bool isHard() const { return grace == Duration::zero(); }
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

// Of a valid configuration, hard ones first. 0% and 100% are none. When pods' memory is limited together
// (enforceNodeAllocatable: pods), the hard threshold of memory counts for that limit too.
std::vector<Threshold> thresholdsOf(const config::KubeletConfiguration& config);

// With those of containerfs, which are nobody's to choose: as imagefs where writable layers lie beside images on a file
// system of their own, else as nodefs.
std::vector<Threshold> withContainerFs(std::vector<Threshold> thresholds, const FsLayout& layout);

// "50Mi", "1023", "0": the largest binary suffix that loses nothing.
std::string bytesText(std::int64_t bytes);
// In the notation of the resource: bytes, or a plain number.
std::string amountText(Resource resource, std::int64_t amount);

}  // namespace cubelet::eviction
