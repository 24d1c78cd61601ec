// What a configuration asks for that cubelet does not do yet: nothing is ignored in silence.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/config/load.h"

namespace cubelet::config {

// How much of a field or flag works.
struct Support {
  std::string_view name;     // a field or a whole object of the configuration, or "--flag" for one without a field
  std::string_view missing;  // why it has no effect; empty: it works
};

// Every field of the configuration is in it once, itself or the object it stands in.
std::span<const Support> supportTable();

// "maxPods (admission of pods)" for each entry without effect that is set to something else than its default.
std::vector<std::string> unimplemented(const Effective& effective);

// The one line for the log; "" when there is nothing to say.
std::string unimplementedWarning(const Effective& effective);

}  // namespace cubelet::config
