#include "integration/harness/process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace cubelet::integration {
namespace {

using Clock = std::chrono::steady_clock;

pid_t spawn(const std::vector<std::string>& argv, int out, int err) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork: " + std::string(strerror(errno)));
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(out, 1);
  dup2(err, 2);
  execvp(words[0], words.data());
  dprintf(2, "%s: %s\n", words[0], strerror(errno));
  _exit(127);
}

int toExitCode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int millisecondsUntil(Clock::time_point end) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

// Reads what is there; closes and forgets the descriptor at its end.
void drain(int& fd, std::string& into) {
  char buffer[16384];
  ssize_t got = read(fd, buffer, sizeof buffer);
  if (got > 0) {
    into.append(buffer, static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    close(fd);
    fd = -1;
  }
}

}  // namespace

Duration patient(Duration limit) {
  const char* given = std::getenv("CUBELET_TEST_PATIENCE");
  const int factor = given != nullptr ? std::atoi(given) : 1;
  return factor > 1 ? limit * factor : limit;
}

Finished run(const std::vector<std::string>& argv, Duration limit) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  pid_t pid = spawn(argv, out[1], err[1]);
  close(out[1]);
  close(err[1]);

  Finished finished;
  bool late = false;
  Clock::time_point end = Clock::now() + patient(limit);
  while (!late && (out[0] >= 0 || err[0] >= 0)) {
    pollfd fds[] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    int ready = poll(fds, 2, millisecondsUntil(end));
    late = ready == 0;
    if (ready > 0 && fds[0].revents != 0) drain(out[0], finished.output);
    if (ready > 0 && fds[1].revents != 0) drain(err[0], finished.errors);
  }
  if (late) kill(pid, SIGKILL);
  for (int fd : {out[0], err[0]})
    if (fd >= 0) close(fd);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  finished.exitCode = late ? -1 : toExitCode(status);
  return finished;
}

Process::Process(const std::vector<std::string>& argv, const std::string& logFile) {
  int log = open(logFile.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw std::runtime_error(logFile + ": " + strerror(errno));
  pid_ = spawn(argv, log, log);
  close(log);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exitCode_(std::exchange(other.exitCode_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(exitCode_, other.exitCode_);
  return *this;
}

Process::~Process() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  waitExit(std::chrono::seconds(10));
}

bool Process::running() {
  return pid_ > 0 && !waitExit(Duration::zero()).has_value();
}

void Process::signal(int number) {
  if (running()) kill(pid_, number);
}

std::optional<int> Process::waitExit(Duration limit) {
  if (pid_ <= 0) return 0;
  if (exitCode_) return exitCode_;
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (fd < 0) throw std::runtime_error("pidfd_open: " + std::string(strerror(errno)));
  Clock::time_point end = Clock::now() + limit;
  int ready = -1;
  do {
    pollfd wanted{fd, POLLIN, 0};
    ready = poll(&wanted, 1, millisecondsUntil(end));
  } while (ready < 0 && errno == EINTR);
  close(fd);
  if (ready <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) == pid_) exitCode_ = toExitCode(status);
  return exitCode_;
}

std::optional<ProcessFigures> figuresOf(pid_t pid) {
  std::string proc = "/proc/" + std::to_string(pid);
  std::ifstream stat(proc + "/stat");
  std::string line{std::istreambuf_iterator<char>(stat), {}};
  std::size_t behindName = line.rfind(')');
  if (behindName == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(behindName + 2));
  std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
  ProcessFigures figures;
  // Fields 14 and 15 of proc(5) are user and system time; the first word here is field 3.
  figures.cpuSeconds = static_cast<double>(std::stol(words.at(11)) + std::stol(words.at(12))) /
                       static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream rollup(proc + "/smaps_rollup");
  while (std::getline(rollup, line)) {
    if (line.starts_with("Rss:")) figures.rssKiB = std::stol(line.substr(4));
    if (line.starts_with("Pss:")) figures.pssKiB = std::stol(line.substr(4));
  }
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc + "/task", gone)) {
    ++figures.threads;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, line)) {
      std::size_t at = line.find("ctxt_switches:");
      if (at != std::string::npos) figures.contextSwitches += std::stol(line.substr(at + 14));
    }
  }
  return figures;
}

}  // namespace cubelet::integration
