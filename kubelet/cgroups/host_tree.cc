#include "kubelet/cgroups/host_tree.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace cubelet::cgroups {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
constexpr mode_t kMode = 0755;

std::string relative(const std::string& path) {
  const std::size_t begin = path.find_first_not_of('/');
  return begin == std::string::npos ? "." : path.substr(begin);
}

struct Split {
  std::string parent;
  std::string leaf;
};
Split split(const std::string& path) {
  const std::string clean = relative(path);
  const std::size_t slash = clean.rfind('/');
  if (slash == std::string::npos) return {".", clean};
  return {clean.substr(0, slash), clean.substr(slash + 1)};
}

}  // namespace

Result<Fd> HostTree::open(const std::string& path, int flags) {
  if (!anchor_) {
    Result<Fd> opened = openDirectory(root_);
    if (!opened) return fail(opened.error());
    anchor_ = std::move(*opened);
  }
  Result<Fd> opened = openBeneath(anchor_, relative(path), flags, 0, false);
  if (!opened) return fail(opened.error().within(root_));
  return opened;
}

Result<bool> HostTree::isDirectory(const std::string& path) {
  Result<Fd> opened = open(path, O_PATH | O_DIRECTORY);
  if (opened) return true;
  if (opened.error().code == Code::kNotFound) return false;
  return fail(opened.error());
}

Result<std::vector<std::string>> HostTree::directories(const std::string& path) {
  Result<Fd> opened = open(path, O_RDONLY | O_DIRECTORY);
  if (!opened) return fail(opened.error());
  Result<std::vector<std::string>> names = listDirectory(*opened, path);
  if (!names) return fail(names.error());
  std::erase_if(*names, [&](const std::string& name) {
    struct stat status = {};
    return ::fstatat(opened->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode);
  });
  return names;
}

Result<void> HostTree::makeDirectory(const std::string& path) {
  const auto [parent, leaf] = split(path);
  Result<Fd> opened = open(parent, O_PATH | O_DIRECTORY);
  if (!opened) return fail(opened.error());
  if (::mkdirat(opened->get(), leaf.c_str(), kMode) != 0 && errno != EEXIST)
    return fail(errnoError(errno, "make " + joinPath(root_, relative(path))));
  return {};
}

Result<void> HostTree::removeDirectory(const std::string& path) {
  const auto [parent, leaf] = split(path);
  Result<Fd> opened = open(parent, O_PATH | O_DIRECTORY);
  if (!opened && opened.error().code == Code::kNotFound) return {};
  if (!opened) return fail(opened.error());
  if (::unlinkat(opened->get(), leaf.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  const bool inUse = errno == EBUSY || errno == ENOTEMPTY;
  Error error = errnoError(errno, "remove " + joinPath(root_, relative(path)));
  if (inUse) error.code = Code::kUnavailable;
  return fail(std::move(error));
}

Result<std::string> HostTree::read(const std::string& path) {
  Result<Fd> opened = open(path, O_RDONLY);
  if (!opened) return fail(opened.error());
  return readAll(*opened, path, kMaxBytes);
}

Result<void> HostTree::write(const std::string& path, const std::string& content) {
  Result<Fd> opened = open(path, O_WRONLY);
  if (!opened) return fail(opened.error());
  if (::write(opened->get(), content.data(), content.size()) == static_cast<ssize_t>(content.size())) return {};
  return fail(errnoError(errno, "write \"" + content + "\" to " + joinPath(root_, relative(path))));
}

Result<void> HostTree::kill(int pid) {
  if (::kill(pid, SIGKILL) == 0 || errno == ESRCH) return {};
  return fail(errnoError(errno, "kill process " + std::to_string(pid)));
}

}  // namespace cubelet::cgroups
