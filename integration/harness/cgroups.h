// The cgroups of this machine, v1 or v2.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace cubelet::integration {

bool isCgroupV2();
// Where a cgroup lies in each hierarchy that has it.
std::vector<std::filesystem::path> cgroupDirectories(const std::string& cgroup);
// What a file of a cgroup says, without the line's end: of v1, the hierarchy of `controller`; "" when there is none.
std::string cgroupValue(const std::string& controller, const std::string& cgroup, const std::string& file);
// Names of the cgroups at the top of any hierarchy.
std::set<std::string> topCgroups();
// With everything below it; processes in it are killed first.
void removeCgroups(const std::string& cgroup);

}  // namespace cubelet::integration
