// The cgroups of this machine, v1 or v2, made by hand or by systemd.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace cubelet::integration {

bool isCgroupV2();
// Whether agent and runtime are told to use the systemd driver: $CUBELET_TEST_CGROUP_DRIVER is "systemd".
bool isSystemdDriver();

// Cgroups are named as the cgroupfs driver does, "/kubepods/burstable/pod1-2", whatever the driver.
// The path of one below the mount point; with systemd that is
// "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice".
std::string cgroupPath(const std::string& cgroup);
// The path of a container's in its pod's cgroup.
std::string containerCgroupPath(const std::string& podCgroup, const std::string& containerId);
// Where a cgroup lies in each hierarchy that has it.
std::vector<std::filesystem::path> cgroupDirectories(const std::string& cgroup);
// The same, given its path.
std::vector<std::filesystem::path> directoriesAt(const std::string& cgroupPath);
// What a file of a cgroup says, without the line's end: of v1, the hierarchy of `controller`; "" when there is none.
std::string cgroupValue(const std::string& controller, const std::string& cgroup, const std::string& file);
// Names of the cgroups at the top of any hierarchy.
std::set<std::string> topCgroups();
// With everything below it; processes in it are killed first.
void removeCgroups(const std::string& cgroup);

}  // namespace cubelet::integration
