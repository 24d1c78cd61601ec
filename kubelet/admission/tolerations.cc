#include "kubelet/admission/tolerations.h"

#include <algorithm>

namespace cubelet::admission {
namespace {

bool tolerates(const core::Toleration& toleration, const core::Taint& taint) {
  if (!toleration.effect().empty() && toleration.effect() != taint.effect()) return false;
  if (!toleration.key().empty() && toleration.key() != taint.key()) return false;
  if (toleration.operator_() == "Exists") return true;
  const bool equal = toleration.operator_().empty() || toleration.operator_() == "Equal";
  return equal && toleration.value() == taint.value();
}

}  // namespace

bool toleratesAll(const core::PodSpec& spec, const std::vector<core::Taint>& taints, std::string_view effect) {
  const auto& all = spec.tolerations();
  return std::ranges::all_of(taints, [&](const core::Taint& taint) {
    return taint.effect() != effect ||
           std::any_of(all.begin(), all.end(), [&](const auto& toleration) { return tolerates(toleration, taint); });
  });
}

}  // namespace cubelet::admission
