// The feature gates of Kubernetes v1.36: which names exist, what they are set to, which may still be changed.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/config/configuration.h"

namespace cubelet::config {

enum class Stage { kAlpha, kBeta, kGa, kDeprecated };

struct FeatureGate {
  std::string_view name;
  Stage stage;
  bool enabledByDefault;
  bool locked;  // may only be set to its default
};

// All gates that a v1.36 kubelet knows, also those of the libraries and of other components compiled into it, since
// clusters share one gate list between components. Sorted by name. AllAlpha and AllBeta are in it.
std::span<const FeatureGate> knownFeatureGates();

// nullptr: no such gate.
const FeatureGate* findFeatureGate(std::string_view name);

class FeatureGates {
 public:
  // kInvalid: an unknown name (a near one is suggested), a locked gate set to the other value, an enabled gate that
  // depends on a disabled one; all that is wrong is in the message, one line each.
  static Result<FeatureGates> from(const KubeletConfiguration& config);
  // The same without judging: what is wrong is left out.
  static FeatureGates lenient(const KubeletConfiguration& config);

  // AllAlpha and AllBeta count for gates that are not set by name. Unknown names are off.
  bool enabled(std::string_view name) const;

 private:
  explicit FeatureGates(std::map<std::string, bool, std::less<>> given) : given_(std::move(given)) {}

  std::map<std::string, bool, std::less<>> given_;  // known names only
};

// Gates that are set although that is pointless: deprecated or GA ones. For the warnings at start.
std::vector<std::string> gateWarnings(const KubeletConfiguration& config);

}  // namespace cubelet::config
