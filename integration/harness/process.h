// Child processes of a test.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cubelet::integration {

using Duration = std::chrono::nanoseconds;

// `limit`, times $CUBELET_TEST_PATIENCE: a machine that is emulated takes its time.
Duration patient(Duration limit);

struct Finished {
  int exitCode = 0;    // 128 + signal when a signal ended it; -1 when it was killed for taking too long
  std::string output;  // stdout
  std::string errors;  // stderr
  bool ok() const { return exitCode == 0; }
};

// Runs a program to its end; kills it after `limit`, made patient().
Finished run(const std::vector<std::string>& argv, Duration limit = std::chrono::seconds(60));

// A program in the background. It dies with the test.
class Process {
 public:
  Process() = default;
  // Appends stdout and stderr to `logFile`.
  Process(const std::vector<std::string>& argv, const std::string& logFile);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();  // SIGKILL when it still runs

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // The exit code (as in Finished), or nothing when it still runs after `limit`.
  std::optional<int> waitExit(Duration limit);

 private:
  pid_t pid_ = -1;
  std::optional<int> exitCode_;
};

// What /proc tells about a running process; empty when there is none.
struct ProcessFigures {
  double cpuSeconds = 0;  // user and system
  long rssKiB = 0;
  long pssKiB = 0;
  long threads = 0;
  long contextSwitches = 0;  // of all threads, voluntary and not
};
std::optional<ProcessFigures> figuresOf(pid_t pid);

}  // namespace cubelet::integration
