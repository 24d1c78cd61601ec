// What was begun and what is done with each volume, in a file to which records are added. CSI-20.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/park.h"
#include "base/result.h"
#include "base/task.h"
#include "csi/volumes/host.h"
#include "csi/volumes/record.h"

namespace cubelet::csi {

// <directory>/journal.<n>: one line per record, `<checksum> <JSON>`, of which the last of a volume counts; one without
// a stage and without pods says that nothing is left of the volume. The highest <n> counts. A file is written anew, as
// the next <n> and with the last record of each volume only, when it has become long, at the first record of each run
// of the agent, and whenever it is not certain what the last write has done: whatever a call that was given up still
// does, it does to a file that counts no more. Records that come while one is being written go together with the next
// write. Loop thread only.
class Journal {
 public:
  static constexpr std::size_t kRoom = 256 * 1024;
  // `host` must outlive this object. A file is written anew when it has more than `room` bytes, and more than four
  // times what it began with.
  Journal(Host& host, std::string directory, std::size_t room = kRoom)
      : host_(host), directory_(std::move(directory)), room_(room) {}

  struct Found {
    std::vector<VolumeRecord> records;
    std::vector<Error> problems;  // what cannot be read; that is left alone
  };
  // Once, before all else. Reads the records of agents that had one file per volume, too: `<hash>.json`. Blocks for
  // small local files.
  Found load();

  // Flush::kYes: on disk when it answers, whatever happens to the machine then. kNo: the agent may be killed; a power
  // cut takes it along, unless another record has been flushed since. An error: it may be there, or not.
  Task<Result<void>> note(VolumeRecord record, Flush flush);

 private:
  // What goes in one write.
  struct Batch {
    std::string lines;
    Flush flush = Flush::kNo;
    std::optional<Result<void>> done;
  };
  using BatchPtr = std::shared_ptr<Batch>;
  class Seat;
  class Turn;

  std::string fileOf(std::uint64_t number) const;
  void loadLines(const std::string& path, std::vector<Error>& problems);
  void keep(const VolumeRecord& record);
  BatchPtr join(const std::string& line, Flush flush);
  Task<void> writeNext();
  Task<Result<void>> append(BatchPtr batch);
  Task<Result<void>> writeAnew();

  Host& host_;
  std::string directory_;
  std::size_t room_;
  std::map<std::string, VolumeRecord> records_;  // the last of each volume, by unique name
  std::uint64_t number_ = 0;                     // of the file that counts
  std::vector<std::string> obsolete_;            // files that the next one replaces, beside that one
  bool certain_ = false;                         // what that file holds
  std::size_t begun_ = 0;                        // bytes it began with
  std::size_t size_ = 0;                         // bytes it has
  BatchPtr next_;                                // what has come since the last write began; null: nothing
  bool writing_ = false;
  std::list<Park> seats_;  // of those who wait for a write to end
};

// One line of the file, with its end. Pure.
std::string journalLine(const VolumeRecord& record);
// Without its end. kInvalid: not a whole line, or not a record of this version.
Result<VolumeRecord> readJournalLine(std::string_view line);

}  // namespace cubelet::csi
