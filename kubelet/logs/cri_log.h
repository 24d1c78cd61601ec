// The lines of a container's log file, and what a person wants to see of them. No I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace cubelet::logs {

enum class Stream { kStdout, kStderr };

struct LogLine {
  WallTime time;
  std::string timeText;  // as stored
  Stream stream = Stream::kStdout;
  bool partial = false;  // the program's line goes on in the next LogLine
  std::string content;   // without the newline at its end
};

// One line of a file, without its newline. Two formats (LOG-2): that of CRI runtimes, "<RFC3339Nano> <stdout|stderr>
// <F|P> <content>", and Docker's {"log","stream","time"}. Empty when the line is neither: skip it.
std::optional<LogLine> parseLogLine(std::string_view line);

// "2027-01-15T08:00:00.123Z" or with an offset. Fractions of any length; what is below a nanosecond is dropped.
std::optional<WallTime> parseRfc3339(std::string_view text);

// The same moment with exactly nine digits of fraction; the offset stays (LOG-5).
std::string withNineDigits(std::string_view timeText);

// The second that the last line was written in: the next one's is the same mostly.
class KnownSecond {
 public:
  // As parseRfc3339().
  std::optional<WallTime> parse(std::string_view text);

 private:
  std::string text_;  // "2027-01-15T08:00:00"
  WallTime time_;
};

struct LogFormat {
  bool timestamps = false;        // before each line
  std::optional<WallTime> since;  // older lines are left out
  std::optional<Stream> only;     // nothing: both
};

// Turns the bytes of a log file into what the program wrote. Bytes come in any portions.
class LogFormatter {
 public:
  explicit LogFormatter(LogFormat format) : format_(format) {}

  // Appends the text of every line that `bytes` completes.
  void add(std::string_view bytes, std::string& out);
  // A new file begins: what was left of an unfinished line of the old one is dropped.
  void startFile();

 private:
  void addLine(std::string_view line, std::string& out);

  LogFormat format_;
  KnownSecond second_;
  std::string rest_;
  bool skipping_ = false;  // inside a line that is too long to be one of ours
  bool lineStart_ = true;  // of the program's line
};

}  // namespace cubelet::logs
