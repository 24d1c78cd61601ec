#include "kubelet/sync/left_on_disk.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::sync {
namespace {

std::vector<std::string> directoriesIn(const std::string& path) {
  Result<std::vector<std::string>> names = listDirectory(path);
  if (!names) {
    if (names.error().code != Code::kNotFound)
      log::warning("cannot look for what pods have left on disk", {{"error", names.error().message}});
    return {};
  }
  std::erase_if(*names, [&](const std::string& name) {
    struct stat status{};
    return ::lstat(joinPath(path, name).c_str(), &status) != 0 || !S_ISDIR(status.st_mode);
  });
  return *names;
}

// Of what could be a UID; "lost+found" and the like are nobody's.
bool isUid(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  return !text.empty() && std::ranges::all_of(text, plain);
}

std::string targetOf(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

// "<pod>_<ns>_<container>-<id>.log" -> id
std::string_view containerOf(std::string_view link) {
  if (!link.ends_with(".log")) return {};
  link.remove_suffix(4);
  const std::size_t dash = link.rfind('-');
  return dash == std::string_view::npos ? std::string_view() : link.substr(dash + 1);
}

}  // namespace

std::optional<std::pair<std::string, LeftPod>> podOfLogDirectory(std::string_view name) {
  const std::size_t first = name.find('_');
  const std::size_t second = first == std::string_view::npos ? first : name.find('_', first + 1);
  if (second == std::string_view::npos || name.find('_', second + 1) != std::string_view::npos) return std::nullopt;
  LeftPod pod;
  pod.ns = name.substr(0, first);
  pod.name = name.substr(first + 1, second - first - 1);
  std::string uid(name.substr(second + 1));
  if (!isUid(uid) || pod.ns.empty() || pod.name.empty()) return std::nullopt;
  return std::pair(std::move(uid), std::move(pod));
}

std::map<std::string, LeftPod> podsOnDisk(const layout::Directories& dirs) {
  std::map<std::string, LeftPod> pods;
  for (const std::string& name : directoriesIn(dirs.podLogs))
    if (auto pod = podOfLogDirectory(name)) pods.insert(std::move(*pod));
  for (std::string& uid : directoriesIn(joinPath(dirs.root, "pods")))
    if (isUid(uid)) pods.try_emplace(std::move(uid));
  return pods;
}

void removeDanglingLinks(const layout::Directories& dirs, const std::set<std::string>& running) {
  Result<std::vector<std::string>> links = listDirectory(dirs.containerLogLinks);
  if (!links) return;
  for (const std::string& name : *links) {
    const std::string link = joinPath(dirs.containerLogLinks, name);
    const std::string target = targetOf(link);
    if (!target.starts_with(joinPath(dirs.podLogs, "")) || running.contains(std::string(containerOf(name)))) continue;
    struct stat status{};
    if (::stat(link.c_str(), &status) == 0 || errno != ENOENT) continue;
    if (Result<void> removed = removeFile(link); !removed)
      log::warning("cannot remove a link to a log that is gone", {{"error", removed.error().message}});
  }
}

}  // namespace cubelet::sync
