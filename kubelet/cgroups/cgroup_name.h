// What the cgroups of pods are called (RES-3, RES-4). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::cgroups {

namespace core = ::k8s::core::v1;

// Who makes cgroups: we ourselves, or systemd, which then knows each one as a slice.
enum class DriverKind { kCgroupfs, kSystemd };

// The way from the root, one part for each level: {"kubepods", "burstable", "pod<uid>"}. Empty: the root itself.
using CgroupName = std::vector<std::string>;

// "/kubepods/burstable/pod1-2", or "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice". This is
// the path below the mount point as well as what CRI takes for a parent.
std::string pathOf(const CgroupName& name, DriverKind driver);
// The slice that systemd knows by that name: "kubepods-burstable.slice"; "-.slice" for the root.
std::string sliceOf(const CgroupName& name);

// The cgroupRoot of the configuration: "/a/b/" -> {"a", "b"}. kInvalid: a part that no directory can have as its name.
Result<CgroupName> parseRoot(std::string_view cgroupRoot);

enum class QosClass { kGuaranteed, kBurstable, kBestEffort };
inline constexpr QosClass kQosClasses[] = {QosClass::kGuaranteed, QosClass::kBurstable, QosClass::kBestEffort};
QosClass qosClassOf(const core::Pod& pod);

// "kubepods" below `root`: all pods of the node.
CgroupName nodeCgroup(const CgroupName& root);
// The class below it. Guaranteed pods have none of their own and lie in the node's.
CgroupName qosCgroup(const CgroupName& root, QosClass qos);
CgroupName podCgroup(const CgroupName& root, QosClass qos, std::string_view uid);

// The pod whose cgroup a directory is, given the class that it lies in; nothing for other directories.
std::optional<std::string> podUidOf(std::string_view directory, const CgroupName& qosCgroup, DriverKind driver);

// False for a UID that cannot be part of a path: it would lead elsewhere.
bool isUsableUid(std::string_view uid);

}  // namespace cubelet::cgroups
