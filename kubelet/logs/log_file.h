// Reading a container's log file: from its end, and on across rotation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "kubelet/logs/cri_log.h"

namespace cubelet::logs {

// Where the last `lines` lines of the program begin; a line that the runtime split counts once. 0 when there are fewer.
Result<std::uint64_t> tailOffset(const Fd& file, std::uint64_t lines);

// Reads one log file by its path. When the file was renamed and a new one took its place (LOG-3), reading goes on
// there. Blocks for local file reads only.
class LogFile {
 public:
  // `path` is below `directory` (podLogsDir). With `tail`, only the last lines that are there now. kNotFound: no such
  // file. kInvalid: below `directory` a symbolic link is in the way, or it is no regular file: whoever may write there
  // must not get others to read what they want.
  static Result<LogFile> open(std::string directory, std::string path, std::optional<std::uint64_t> tail,
                              LogFormat format);

  // Appends what has been written since the last call, a portion of it at most; false when nothing was new. `room` is
  // for the bytes of the file: what it holds is of no meaning, but kept it saves memory being asked for again.
  Result<bool> read(std::string& out, std::string& room);

 private:
  LogFile(std::string directory, std::string path, Fd file, LogFormat format)
      : directory_(std::move(directory)), path_(std::move(path)), file_(std::move(file)), formatter_(format) {}
  Result<bool> readOn(std::string& out, std::string& room);
  Result<bool> goToNewFile();

  std::string directory_;
  std::string path_;  // below it
  Fd file_;
  std::uint64_t offset_ = 0;
  LogFormatter formatter_;
};

}  // namespace cubelet::logs
