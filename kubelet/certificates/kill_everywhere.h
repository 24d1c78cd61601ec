// killBeforeEachSystemCall(): for tests of code that must survive a kill at any moment.
#pragma once

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cubelet {

enum class KilledRun { kKilled, kFinished, kNotTraced };

// Runs `work` in a child process and kills it before its n-th system call (from 1) after the first one.
inline KilledRun runKilledBefore(int n, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) return KilledRun::kNotTraced;
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  int entries = 0;
  bool entering = false;
  for (int signal = 0;;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
    signal = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) != 0) throw std::runtime_error("the work itself failed");
      return KilledRun::kFinished;
    }
    if (WIFSIGNALED(status)) throw std::runtime_error("the work died by itself");
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
      continue;
    }
    entering = !entering;
    if (entering && ++entries == n) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return KilledRun::kKilled;
    }
  }
}

// `prepare`, then `work` killed before its first system call, then `check`; then the same for its second one, and so on
// until it finishes; then once more for the finished state. Nothing of `work` happens between two system calls that
// another process could see, so these are all the states that a kill can leave behind. Answers how many kills there
// were; nothing when processes may not be traced here.
inline std::optional<int> killBeforeEachSystemCall(const std::function<void()>& prepare,
                                                   const std::function<bool()>& work,
                                                   const std::function<void(const std::string&)>& check) {
  for (int n = 1;; ++n) {
    prepare();
    const KilledRun run = runKilledBefore(n, work);
    if (run == KilledRun::kNotTraced) return std::nullopt;
    check(run == KilledRun::kFinished ? "finished" : "killed before system call " + std::to_string(n));
    if (run == KilledRun::kFinished) return n - 1;
  }
}

}  // namespace cubelet
