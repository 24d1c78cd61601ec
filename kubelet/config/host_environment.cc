// The real machine behind load().
#include <algorithm>
#include <climits>
#include <filesystem>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/files.h"
#include "kubelet/config/load.h"

namespace cubelet::config {
namespace {

constexpr std::size_t kMaxBytes = 10UL * 1024 * 1024;

Result<void> listBelow(const std::string& directory, std::vector<std::string>& files) {
  auto names = listDirectory(directory);
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    std::string path = joinPath(directory, name);
    struct stat status{};
    // Links are not followed into directories, as in filepath.WalkDir; a link to a file is a file.
    if (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      if (auto below = listBelow(path, files); !below) return below;
    } else {
      files.push_back(std::move(path));
    }
  }
  return {};
}

Result<std::vector<std::string>> listFiles(const std::string& directory) {
  std::vector<std::string> files;
  if (auto listed = listBelow(directory, files); !listed) return fail(listed.error());
  return files;
}

std::string hostname() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, HOST_NAME_MAX) == 0 ? name : "";
}

bool usesCgroupV2() {
  struct statfs status{};
  return statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

// The first line is the table's head.
bool isSwapOn() {
  auto swaps = readFile("/proc/swaps", kMaxBytes);
  return swaps && std::ranges::count(*swaps, '\n') > 1;
}

}  // namespace

Environment hostEnvironment() {
  Environment environment;
  environment.readFile = [](const std::string& path) { return readFile(path, kMaxBytes); };
  environment.listFiles = listFiles;
  std::error_code ignored;
  environment.workingDirectory = std::filesystem::current_path(ignored).string();
  environment.hostname = hostname();
  environment.facts = {.cgroupV2 = usesCgroupV2(), .swapOn = isSwapOn()};
  return environment;
}

}  // namespace cubelet::config
