#include "kubelet/api/schema.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

namespace cubelet::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

// Inserted, deleted, changed and swapped letters.
std::size_t typingErrors(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

void collectNames(const Descriptor& message, std::vector<std::string_view>& names) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (isInlined(field))
      collectNames(*field.message_type(), names);
    else
      names.push_back(jsonName(field));
  }
}

}  // namespace

Special specialOf(const Descriptor& message) {
  static const std::unordered_map<std::string_view, Special> table = {
      {"k8s.meta.v1.Quantity", Special::kQuantity},
      {"k8s.meta.v1.IntOrString", Special::kIntOrString},
      {"k8s.meta.v1.Time", Special::kTime},
      {"k8s.meta.v1.MicroTime", Special::kMicroTime},
      {"k8s.meta.v1.Duration", Special::kDuration},
      {"k8s.meta.v1.FieldsV1", Special::kRaw},
      {"k8s.meta.v1.RawExtension", Special::kRaw},
      {"k8s.meta.v1.ExtraValue", Special::kList},
      {"kubelet.config.v1beta1.StringList", Special::kList},
  };
  auto it = table.find(message.full_name());
  return it == table.end() ? Special::kNone : it->second;
}

bool isInlined(const FieldDescriptor& field) {
  static const std::unordered_set<std::string_view> table = {
      "k8s.core.v1.Volume.volumeSource",
      "k8s.core.v1.Probe.handler",
      "k8s.core.v1.EphemeralContainer.ephemeralContainerCommon",
      "k8s.core.v1.PersistentVolumeSpec.persistentVolumeSource",
      "k8s.core.v1.ConfigMapEnvSource.localObjectReference",
      "k8s.core.v1.ConfigMapKeySelector.localObjectReference",
      "k8s.core.v1.ConfigMapProjection.localObjectReference",
      "k8s.core.v1.ConfigMapVolumeSource.localObjectReference",
      "k8s.core.v1.SecretEnvSource.localObjectReference",
      "k8s.core.v1.SecretKeySelector.localObjectReference",
      "k8s.core.v1.SecretProjection.localObjectReference",
  };
  return field.type() == FieldDescriptor::TYPE_MESSAGE && !field.is_repeated() && table.contains(field.full_name());
}

std::string_view jsonName(const FieldDescriptor& field) {
  return field.json_name();
}

std::vector<const FieldDescriptor*> findField(const Descriptor& message, std::string_view name) {
  const FieldDescriptor* direct = message.FindFieldByName(std::string(name));
  if (direct && !isInlined(*direct) && jsonName(*direct) == name) return {direct};
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& member = *message.field(i);
    if (!isInlined(member)) {
      if (jsonName(member) == name) return {&member};
      continue;
    }
    auto rest = findField(*member.message_type(), name);
    if (rest.empty()) continue;
    rest.insert(rest.begin(), &member);
    return rest;
  }
  return {};
}

std::string closestField(const Descriptor& message, std::string_view unknown) {
  if (unknown.size() > 64) return "";
  std::vector<std::string_view> names;
  collectNames(message, names);
  std::string wanted = lower(unknown);
  std::string_view best;
  // A third of a short name is already another word.
  std::size_t bestErrors = std::min<std::size_t>(2, unknown.size() / 3) + 1;
  for (std::string_view name : names) {
    std::size_t errors = typingErrors(wanted, lower(name));
    if (errors >= bestErrors) continue;
    best = name;
    bestErrors = errors;
  }
  return std::string(best);
}

}  // namespace cubelet::api
