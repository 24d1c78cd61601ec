#include "staticpods/source/trail.h"

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace cubelet::staticpods {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel

// Puts the components of `path` before `rest`.
void prepend(std::string_view path, std::deque<std::string>& rest) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

std::string parentOf(const std::string& directory) {
  const std::size_t slash = directory.rfind('/');
  return slash == 0 ? "/" : directory.substr(0, slash);
}

class Walker {
 public:
  Trail walk(const std::string& path) {
    prepend(path, rest_);
    while (!rest_.empty()) {
      const std::string part = std::move(rest_.front());
      rest_.pop_front();
      if (part == "..") {
        at_ = parentOf(at_);
      } else if (const int error = enter(part); error != 0) {
        trail_.error = error;
        return trail_;
      }
      if (!trail_.target.empty()) return trail_;
    }
    trail_.target = at_;
    trail_.isDirectory = true;
    return trail_;
  }

 private:
  int enter(const std::string& part) {
    const std::string path = joinPath(at_, part);
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
      const int error = errno;
      trail_.steps.push_back({at_, part});
      return error;
    }
    if (S_ISLNK(status.st_mode)) {
      trail_.steps.push_back({at_, part});
      return followLink(path);
    }
    if (S_ISDIR(status.st_mode)) {
      at_ = path;
      trail_.steps.push_back({at_, ""});
      return 0;
    }
    trail_.steps.push_back({at_, part});
    if (!rest_.empty()) return ENOTDIR;
    trail_.target = path;
    return 0;
  }

  int followLink(const std::string& path) {
    if (++links_ > kMaxLinks) return ELOOP;
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return errno;
    const std::string_view text(target.data(), static_cast<std::size_t>(size));
    if (text.starts_with('/')) at_ = "/";
    prepend(text, rest_);
    return 0;
  }

  Trail trail_;
  std::string at_ = "/";
  std::deque<std::string> rest_;
  int links_ = 0;
};

}  // namespace

Trail followPath(const std::string& path) {
  return Walker().walk(path);
}

}  // namespace cubelet::staticpods
