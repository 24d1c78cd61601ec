// The log: one line per message to stderr, with fields.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace cubelet::log {

// syslog priorities, as journald reads them.
enum class Priority { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

// Written as name=value behind the message; values with spaces or quotes are quoted. Usual names: pod ("ns/name"), uid,
// container, image, file, error.
struct Field {
  std::string_view name;
  std::string value;
};

struct Options {
  int verbosity = 0;           // -v: 0 hides verbose(1..), as klog counts
  bool json = false;           // logging.format: json
  bool journalPrefix = false;  // "<6>" before each line; no time, journald has its own
};

// Once, before the loop starts. Until then: verbosity 0, plain text with time.
void configure(const Options& options);
// journalPrefix is wanted when stderr is connected to the journal ($JOURNAL_STREAM names its device and inode).
bool stderrIsJournal();

void write(Priority priority, std::string_view message, std::initializer_list<Field> fields);

inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Priority::kError, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Priority::kWarning, message, fields);
}
inline void notice(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Priority::kNotice, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Priority::kInfo, message, fields);
}
// True when messages of this verbosity are wanted: ask before building expensive fields.
bool verbose(int level);
inline void debug(int level, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (verbose(level)) write(Priority::kDebug, message, fields);
}

}  // namespace cubelet::log
