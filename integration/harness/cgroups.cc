#include "integration/harness/cgroups.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

constexpr char kRoot[] = "/sys/fs/cgroup";

std::vector<fs::path> hierarchies() {
  if (isCgroupV2()) return {kRoot};
  std::vector<fs::path> roots;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(kRoot, ignored))
    if (entry.is_directory() && !entry.is_symlink()) roots.push_back(entry.path());
  return roots;
}

std::vector<fs::path> below(const fs::path& directory) {
  std::vector<fs::path> all{directory};
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(directory, ignored))
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) all.push_back(entry.path());
  return all;
}

void killIn(const fs::path& directory) {
  std::ifstream procs(directory / "cgroup.procs");
  for (pid_t pid = 0; procs >> pid;)
    if (pid > 1 && pid != getpid()) kill(pid, SIGKILL);
}

}  // namespace

bool isCgroupV2() {
  return fs::exists(fs::path(kRoot) / "cgroup.controllers");
}

bool isSystemdDriver() {
  const char* given = std::getenv("CUBELET_TEST_CGROUP_DRIVER");
  return given != nullptr && std::string_view(given) == "systemd";
}

std::string cgroupPath(const std::string& cgroup) {
  if (!isSystemdDriver()) return cgroup;
  std::string path;
  std::string slice;
  std::istringstream parts(cgroup);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty()) continue;
    // A dash separates levels.
    std::ranges::replace(part, '-', '_');
    slice += (slice.empty() ? "" : "-") + part;
    path += "/" + slice + ".slice";
  }
  return path;
}

std::string containerCgroupPath(const std::string& podCgroup, const std::string& containerId) {
  const std::string path = cgroupPath(podCgroup) + "/";
  return isSystemdDriver() ? path + "cri-containerd-" + containerId + ".scope" : path + containerId;
}

std::vector<fs::path> directoriesAt(const std::string& cgroupPath) {
  std::vector<fs::path> found;
  for (const fs::path& root : hierarchies())
    if (fs::exists(root.string() + cgroupPath)) found.emplace_back(root.string() + cgroupPath);
  return found;
}

std::vector<fs::path> cgroupDirectories(const std::string& cgroup) {
  return directoriesAt(cgroupPath(cgroup));
}

std::set<std::string> topCgroups() {
  std::set<std::string> names;
  std::error_code ignored;
  for (const fs::path& root : hierarchies())
    for (const auto& entry : fs::directory_iterator(root, ignored))
      if (entry.is_directory(ignored)) names.insert(entry.path().filename().string());
  return names;
}

std::string cgroupValue(const std::string& controller, const std::string& cgroup, const std::string& file) {
  const std::string mount = isCgroupV2() ? "" : "/" + controller;
  std::ifstream in(kRoot + mount + cgroupPath(cgroup) + "/" + file);
  std::string line;
  std::getline(in, line);
  return line;
}

void removeCgroups(const std::string& cgroup) {
  for (const fs::path& top : cgroupDirectories(cgroup)) {
    std::vector<fs::path> all = below(top);
    for (const fs::path& each : all) killIn(each);
    // Deepest first. A killed process takes its moment to leave.
    std::ranges::reverse(all);
    for (const fs::path& each : all)
      for (int tries = 0; rmdir(each.c_str()) != 0 && errno == EBUSY && tries < 100; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace cubelet::integration
