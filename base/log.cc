#include "base/log.h"

#include <atomic>
#include <cstdlib>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "base/log_line.h"
#include "base/log_verbosity.h"

namespace cubelet::log {
namespace {

// Set once before other threads exist; read-only afterwards.
Options& options() {
  static Options value;
  return value;
}

std::atomic<int>& verbosity() {
  static std::atomic<int> value{0};
  return value;
}

// spdlog owns the stream and its lock; the text is ours, so its pattern is the bare message.
spdlog::logger& logger() {
  static spdlog::logger* const value = [] {
    auto* made = new spdlog::logger("cubelet", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *value;  // never destroyed: threads that hang in a system call may still log at exit
}

spdlog::level::level_enum spdlogLevel(Priority priority) {
  switch (priority) {
    case Priority::kError:
      return spdlog::level::err;
    case Priority::kWarning:
      return spdlog::level::warn;
    case Priority::kNotice:
    case Priority::kInfo:
      return spdlog::level::info;
    case Priority::kDebug:
      return spdlog::level::debug;
  }
  return spdlog::level::info;
}

}  // namespace

void configure(const Options& wanted) {
  options() = wanted;
  setVerbosity(wanted.verbosity);
}

void setVerbosity(int wanted) {
  verbosity().store(wanted, std::memory_order_relaxed);
}

bool stderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

void write(Priority priority, std::string_view message, std::initializer_list<Field> fields) {
  const std::string line = formatLine(options(), std::chrono::system_clock::now(), priority, message,
                                      std::span<const Field>(fields.begin(), fields.size()));
  logger().log(spdlogLevel(priority), spdlog::string_view_t(line.data(), line.size()));
}

bool verbose(int level) {
  return level <= verbosity().load(std::memory_order_relaxed);
}

}  // namespace cubelet::log
