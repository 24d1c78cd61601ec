#include "cri/client/runtime_conditions.h"

namespace cubelet::cri {

std::string problemOf(const ::runtime::v1::RuntimeStatus& status, std::string_view type) {
  for (const ::runtime::v1::RuntimeCondition& condition : status.conditions()) {
    if (condition.type() != type) continue;
    if (condition.status()) return "";
    return condition.type() + "=false reason:" + condition.reason() + " message:" + condition.message();
  }
  return "<nil>";
}

}  // namespace cubelet::cri
