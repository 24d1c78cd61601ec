// The last good manifests, kept on disk so that they survive a restart of the agent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cubelet::staticpods {

// One accepted manifest.
struct Record {
  std::string file;                         // its path or URL
  std::string text;                         // as accepted
  std::map<std::string, std::string> seen;  // UID -> kubernetes.io/config.seen
};

// JSON with schema version and checksum. Pure.
std::string encodeRecord(const Record& record);
// kInvalid: torn, damaged, or written by a later version of the agent.
Result<Record> decodeRecord(std::string_view json);

// One file per record, mode 0600, replaced atomically. Not flushed to disk at once: after a power loss no pod runs any
// more, and a record that was torn by it fails its checksum. All calls block for local I/O; any thread.
class RecordStore {
 public:
  explicit RecordStore(std::string directory) : directory_(std::move(directory)) {}

  struct Loaded {
    std::vector<Record> records;        // sorted by file
    std::vector<std::string> warnings;  // records that cannot be used
  };
  // A missing directory holds no records.
  Result<Loaded> load() const;
  // Makes the directory (0700) when it is missing.
  Result<void> save(const Record& record) const;
  // A missing record is no error.
  Result<void> remove(std::string_view file) const;

 private:
  std::string pathOf(std::string_view file) const;
  std::string directory_;
};

}  // namespace cubelet::staticpods
