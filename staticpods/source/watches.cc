#include "staticpods/source/watches.h"

#include <algorithm>
#include <array>
#include <sys/inotify.h>
#include <sys/vfs.h>

namespace cubelet::staticpods {
namespace {

// The directory itself moves or vanishes.
constexpr std::uint32_t kSelf = IN_MOVE_SELF | IN_DELETE_SELF;
// A file is complete (IN_CLOSE_WRITE, IN_MOVED_TO), goes, changes its permissions. IN_CREATE stands for links, which
// are never closed; IN_MODIFY for truncate(2), which closes nothing either.
constexpr std::uint32_t kEntries =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_CREATE | IN_MODIFY | kSelf;

// File systems whose changes may come from elsewhere, past this kernel (statfs(2) and linux/magic.h).
constexpr std::array<std::int64_t, 9> kRemote{
    0x6969,      // NFS
    0x65735546,  // FUSE, virtiofs
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x517b,      // SMB
    0x01021997,  // 9P
    0x00c36400,  // Ceph
    0x5346414f,  // AFS
    0x0bd00bd0,  // Lustre
};

bool isRemote(const std::string& directory) {
  struct statfs status{};
  if (::statfs(directory.c_str(), &status) != 0) return false;
  return std::ranges::find(kRemote, static_cast<std::int64_t>(status.f_type) & 0xffffffff) != kRemote.end();
}

}  // namespace

bool matters(const WatchedEntries& watches, const InotifyEvent& event) {
  if (event.watch < 0) return true;  // the queue overflowed
  const auto watch = watches.find(event.watch);
  if (watch == watches.end()) return false;
  return event.name.empty() || !watch->second || watch->second->contains(event.name);
}

std::optional<int> Watches::add(const std::string& directory, std::uint32_t mask) {
  if (!inotify_) {
    blindness_ = "no inotify instance";
    return std::nullopt;
  }
  auto watch = Inotify::add(*inotify_, directory, mask | IN_MASK_ADD | IN_ONLYDIR);
  if (!watch) {
    blindness_ = watch.error().message;
    return std::nullopt;
  }
  std::uint32_t& before = added_[directory];
  // For the events of entries only: a walk through a network mount is not worth polling.
  if ((mask & IN_CREATE) != 0 && (before & IN_CREATE) == 0 && isRemote(directory))
    blindness_ = directory + " is on a network or user-space file system";
  before |= mask;
  return *watch;
}

void Watches::addTrail(const Trail& trail) {
  for (const TrailStep& step : trail.steps) {
    const std::uint32_t mask = step.entry.empty() ? kSelf : kEntries;
    // Many manifests share the way to them.
    const auto before = added_.find(step.directory);
    const bool known = before != added_.end() && (before->second & mask) == mask;
    if (known && step.entry.empty()) continue;
    const auto watch = add(step.directory, mask);
    if (!watch) continue;
    auto& entries = entries_.try_emplace(*watch, std::in_place).first->second;
    if (entries && !step.entry.empty()) entries->insert(step.entry);
  }
}

void Watches::addDirectory(const std::string& directory) {
  if (const auto watch = add(directory, kEntries)) entries_[*watch] = std::nullopt;
}

}  // namespace cubelet::staticpods
