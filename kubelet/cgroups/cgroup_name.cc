#include "kubelet/cgroups/cgroup_name.h"

#include <algorithm>

#include "kubelet/api/pod.h"

namespace cubelet::cgroups {
namespace {

constexpr std::string_view kNodePart = "kubepods";
constexpr std::string_view kPodPrefix = "pod";
constexpr std::string_view kSliceSuffix = ".slice";

// A dash in the name of a slice separates levels.
std::string escaped(std::string part) {
  std::ranges::replace(part, '-', '_');
  return part;
}

std::string joined(const CgroupName& name, std::size_t levels) {
  std::string out;
  for (std::size_t i = 0; i < levels; ++i) {
    if (i > 0) out += '-';
    out += escaped(name[i]);
  }
  return out;
}

bool isUsablePart(std::string_view part) {
  return !part.empty() && part != "." && part != ".." && part.find('/') == std::string_view::npos &&
         part.find('\0') == std::string_view::npos;
}

}  // namespace

std::string sliceOf(const CgroupName& name) {
  return (name.empty() ? "-" : joined(name, name.size())) + std::string(kSliceSuffix);
}

std::string pathOf(const CgroupName& name, DriverKind driver) {
  if (name.empty()) return "/";
  std::string path;
  for (std::size_t level = 1; level <= name.size(); ++level) {
    path += '/';
    path += driver == DriverKind::kSystemd ? joined(name, level) + std::string(kSliceSuffix) : name[level - 1];
  }
  return path;
}

Result<CgroupName> parseRoot(std::string_view cgroupRoot) {
  CgroupName name;
  for (std::size_t begin = 0; begin < cgroupRoot.size();) {
    const std::size_t end = std::min(cgroupRoot.find('/', begin), cgroupRoot.size());
    const std::string_view part = cgroupRoot.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty()) continue;
    if (!isUsablePart(part))
      return fail(Code::kInvalid, "",
                  "cgroupRoot " + std::string(cgroupRoot) + ": \"" + std::string(part) +
                      "\" cannot be part of it, use a path like /pods");
    name.emplace_back(part);
  }
  return name;
}

QosClass qosClassOf(const core::Pod& pod) {
  const std::string_view qos = api::qosClass(pod);
  if (qos == "Guaranteed") return QosClass::kGuaranteed;
  return qos == "Burstable" ? QosClass::kBurstable : QosClass::kBestEffort;
}

CgroupName nodeCgroup(const CgroupName& root) {
  CgroupName name = root;
  name.emplace_back(kNodePart);
  return name;
}

CgroupName qosCgroup(const CgroupName& root, QosClass qos) {
  CgroupName name = nodeCgroup(root);
  if (qos == QosClass::kBurstable) name.emplace_back("burstable");
  if (qos == QosClass::kBestEffort) name.emplace_back("besteffort");
  return name;
}

CgroupName podCgroup(const CgroupName& root, QosClass qos, std::string_view uid) {
  CgroupName name = qosCgroup(root, qos);
  name.push_back(std::string(kPodPrefix) + std::string(uid));
  return name;
}

std::optional<std::string> podUidOf(std::string_view directory, const CgroupName& qosCgroup, DriverKind driver) {
  std::string name(directory);
  if (driver == DriverKind::kSystemd) {
    const std::string prefix = joined(qosCgroup, qosCgroup.size()) + "-";
    if (!name.starts_with(prefix) || !name.ends_with(kSliceSuffix)) return std::nullopt;
    name = name.substr(prefix.size(), name.size() - prefix.size() - kSliceSuffix.size());
    if (name.find('-') != std::string::npos) return std::nullopt;  // a level further down
    std::ranges::replace(name, '_', '-');
  }
  if (!name.starts_with(kPodPrefix) || name.size() == kPodPrefix.size()) return std::nullopt;
  return name.substr(kPodPrefix.size());
}

bool isUsableUid(std::string_view uid) {
  return isUsablePart(uid);
}

}  // namespace cubelet::cgroups
