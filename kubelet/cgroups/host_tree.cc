#include "kubelet/cgroups/host_tree.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
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

class HostFile final : public OpenFile {
 public:
  explicit HostFile(Fd fd) : fd_(std::move(fd)) {}

  std::optional<std::string_view> read(std::string& buffer) override {
    if (buffer.size() < kFirstRead) buffer.resize(kFirstRead);
    std::size_t size = 0;
    for (;;) {
      const ssize_t got = ::pread(fd_.get(), buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 || size > kMaxBytes) return std::nullopt;
      size += static_cast<std::size_t>(got);
      if (got == 0 || size < kHalfPage) return std::string_view(buffer).substr(0, size);
      if (size == buffer.size()) buffer.resize(2 * size);
    }
  }

 private:
  // The kernel makes up its answer in pages, and a line that has no room in one begins the next. No line is as long as
  // half a page, so what is shorter than that is all there is.
  static constexpr std::size_t kHalfPage = 2048;
  static constexpr std::size_t kFirstRead = 4 * kHalfPage;
  Fd fd_;
};

}  // namespace

Result<Fd> HostTree::openAt(const std::string& path, int flags) {
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
  Result<Fd> opened = openAt(path, O_PATH | O_DIRECTORY);
  if (opened) return true;
  if (opened.error().code == Code::kNotFound) return false;
  return fail(opened.error());
}

Result<std::vector<std::string>> HostTree::directories(const std::string& path) {
  Result<Fd> opened = openAt(path, O_RDONLY | O_DIRECTORY);
  if (!opened) return fail(opened.error());
  return listSubdirectories(*opened, path);
}

Result<void> HostTree::makeDirectory(const std::string& path) {
  const auto [parent, leaf] = split(path);
  Result<Fd> opened = openAt(parent, O_PATH | O_DIRECTORY);
  if (!opened) return fail(opened.error());
  if (::mkdirat(opened->get(), leaf.c_str(), kMode) != 0 && errno != EEXIST)
    return fail(errnoError(errno, "make " + joinPath(root_, relative(path))));
  return {};
}

Result<void> HostTree::removeDirectory(const std::string& path) {
  const auto [parent, leaf] = split(path);
  Result<Fd> opened = openAt(parent, O_PATH | O_DIRECTORY);
  if (!opened && opened.error().code == Code::kNotFound) return {};
  if (!opened) return fail(opened.error());
  if (::unlinkat(opened->get(), leaf.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  const bool inUse = errno == EBUSY || errno == ENOTEMPTY;
  Error error = errnoError(errno, "remove " + joinPath(root_, relative(path)));
  if (inUse) error.code = Code::kUnavailable;
  return fail(std::move(error));
}

Result<std::string> HostTree::read(const std::string& path) {
  Result<Fd> opened = openAt(path, O_RDONLY);
  if (!opened) return fail(opened.error());
  return readAll(*opened, path, kMaxBytes);
}

Result<std::unique_ptr<OpenFile>> HostTree::open(const std::string& path) {
  Result<Fd> opened = openAt(path, O_RDONLY);
  if (!opened) return fail(opened.error());
  return std::make_unique<HostFile>(std::move(*opened));
}

Result<void> HostTree::write(const std::string& path, const std::string& content) {
  Result<Fd> opened = openAt(path, O_WRONLY);
  if (!opened) return fail(opened.error());
  if (::write(opened->get(), content.data(), content.size()) == static_cast<ssize_t>(content.size())) return {};
  return fail(errnoError(errno, "write \"" + content + "\" to " + joinPath(root_, relative(path))));
}

Result<void> HostTree::kill(int pid) {
  if (::kill(pid, SIGKILL) == 0 || errno == ESRCH) return {};
  return fail(errnoError(errno, "kill process " + std::to_string(pid)));
}

}  // namespace cubelet::cgroups
