// One look at the manifests: what is there, what it says, and what to watch to learn of the next change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "staticpods/manifest/manifest.h"
#include "staticpods/source/watches.h"

namespace cubelet::staticpods {

// Tells versions of a file apart without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified = 0;  // ns since the epoch
  std::int64_t changed = 0;   // ctime, likewise
  bool operator==(const FileIdentity&) const = default;
};

// What was found when a file was last read.
struct KnownFile {
  FileIdentity identity;
  bool settled = false;  // the identity was old enough for the next change to change it
  std::string textHash;
};

struct ScanRequest {
  std::string path;                         // absolute: a directory, or one file
  std::map<std::string, KnownFile> known;   // by file: not read, or at least not parsed again, while it is this
  std::set<std::string> readWhileWritten;   // files to read although somebody has them open for writing
  std::set<std::string> inEffect;           // files that have pods
  std::shared_ptr<const Fd> inotify;        // null: nothing is watched
  std::optional<ManifestOptions> manifest;  // nothing: files are read, and what they mean is not asked
};

struct FoundFile {
  enum class State : std::uint8_t {
    kUnchanged,  // as in ScanRequest::known; `known` may have settled since
    kRead,
    kBeingWritten,  // somebody has it open for writing
    kUnusable,
  };
  State state = State::kUnusable;
  KnownFile known;      // kUnchanged, kRead; kBeingWritten: only its identity
  std::string text;     // kRead
  Manifest manifest;    // kRead, where it was asked for
  std::string problem;  // kUnusable
};

struct Scan {
  enum class Place : std::uint8_t {
    kDirectory,
    kFile,
    kMissing,   // nothing is at the path
    kUnusable,  // something is, and it cannot be listed; or a link on the way leads nowhere
  };
  Place place = Place::kMissing;
  bool parentExists = false;               // kMissing: only the last component is missing
  std::string problem;                     // kMissing, kUnusable
  std::map<std::string, FoundFile> files;  // by path; not for kMissing, kUnusable
  WatchedEntries watches;
  std::string blindness;  // why the watches would miss changes; empty when they suffice
};

// Files whose name starts with a dot and directories are left out (STA-1); a directory in place of a file that has pods
// is a problem instead. Links are followed. FIFOs and devices are refused unopened. Blocks; touches nothing but the
// request, and the watches of its inotify instance.
Scan scanManifests(const ScanRequest& request);

}  // namespace cubelet::staticpods
