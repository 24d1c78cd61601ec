// The inotify watches under one look at the manifests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/inotify.h"
#include "staticpods/source/trail.h"

namespace cubelet::staticpods {

// Watch number -> entries whose events matter; nullopt: all of them.
using WatchedEntries = std::map<int, std::optional<std::set<std::string>>>;

// True when the event may change what a look would find. Events of watches that are not in `watches` do not matter.
bool matters(const WatchedEntries& watches, const InotifyEvent& event);

// Adds watches during a look; blocks for file-system look-ups.
class Watches {
 public:
  // Null: nothing can be watched.
  explicit Watches(std::shared_ptr<const Fd> inotify) : inotify_(std::move(inotify)) {}

  void addTrail(const Trail& trail);
  // Everything that happens to entries of that directory.
  void addDirectory(const std::string& directory);

  WatchedEntries takeEntries() { return std::move(entries_); }
  // Why events alone would miss changes (no watch left, network file system); empty when they suffice.
  const std::string& blindness() const { return blindness_; }

 private:
  std::optional<int> add(const std::string& directory, std::uint32_t mask);

  std::shared_ptr<const Fd> inotify_;
  std::map<std::string, std::uint32_t> added_;  // directory -> mask
  WatchedEntries entries_;
  std::string blindness_;
};

}  // namespace cubelet::staticpods
