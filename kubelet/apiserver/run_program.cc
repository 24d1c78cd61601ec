#include "kubelet/apiserver/run_program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/fd.h"
#include "base/time_text.h"
#include "base/wake.h"

namespace cubelet::apiserver {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t kMaxErrorText = 4096;

struct Pipe {
  Fd reading;
  Fd writing;
};

Result<Pipe> openPipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errnoError(errno, "open a pipe"));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// "NAME=value" strings as execve wants them.
class StringList {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  char** pointers() {
    pointers_.clear();
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
    return pointers_.data();
  }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

StringList environmentOf(const Program& program) {
  StringList list;
  auto isSet = [&](std::string_view entry) {
    for (const auto& [name, value] : program.env)
      if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return true;
    return false;
  };
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!isSet(*entry)) list.add(*entry);
  for (const auto& [name, value] : program.env) list.add(std::string(name).append("=").append(value));
  return list;
}

StringList argumentsOf(const Program& program) {
  StringList list;
  list.add(program.command);
  for (const std::string& arg : program.args) list.add(arg);
  return list;
}

// In memory rather than a pipe: writing never waits for the program to read.
Result<Fd> inputOf(const Program& program) {
  Fd file(::memfd_create("stdin", MFD_CLOEXEC));
  if (!file) return fail(errnoError(errno, "make the input of " + program.command));
  std::size_t done = 0;
  while (done < program.input.size()) {
    const ssize_t n = ::write(file.get(), program.input.data() + done, program.input.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "write the input of " + program.command));
    done += static_cast<std::size_t>(n);
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return fail(errnoError(errno, "rewind the input of " + program.command));
  return file;
}

Result<pid_t> spawn(const Program& program, const Pipe& out, const Pipe& err) {
  Fd input;
  if (!program.input.empty()) {
    Result<Fd> made = inputOf(program);
    if (!made) return fail(made.error());
    input = std::move(*made);
  }
  StringList arguments = argumentsOf(program);
  StringList environment = environmentOf(program);

  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  if (input)
    ::posix_spawn_file_actions_adddup2(&files, input.get(), STDIN_FILENO);
  else
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, out.writing.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, err.writing.get(), STDERR_FILENO);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  // The agent ignores SIGPIPE; a program may count on it.
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, program.command.c_str(), &files, &attributes, arguments.pointers(), environment.pointers());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail(errnoError(error, "run " + program.command));
  return pid;
}

// What a running program tells. Its callbacks note and ring; they hold no more than a weak reference.
class Child : public std::enable_shared_from_this<Child> {
 public:
  Child(Loop& loop, Clock& clock, std::size_t maxOutput)
      : changed(clock), out_(loop, maxOutput + 1), err_(loop, kMaxErrorText), exit_(loop.context()) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill();
  }

  Result<void> start(const Program& program) {
    Result<Pipe> out = openPipe();
    if (!out) return fail(out.error());
    Result<Pipe> err = openPipe();
    if (!err) return fail(err.error());
    Result<pid_t> pid = spawn(program, *out, *err);
    if (!pid) return fail(pid.error());
    pid_ = *pid;
    // Debian 12's <sys/pidfd.h> declares its function for C only.
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (pidfd < 0) return fail(errnoError(errno, "watch " + program.command));
    exit_.assign(pidfd);
    out_.open(std::move(out->reading));
    err_.open(std::move(err->reading));
    read(&Child::out_);
    read(&Child::err_);
    exit_.async_wait(stream_descriptor::wait_read, [weak = weak_from_this()](auto error) {
      if (const auto self = weak.lock(); self && !error) self->exited();
    });
    return {};
  }

  bool over() const { return ended_.has_value() || tooMuch(); }
  bool tooMuch() const { return out_.text.size() == out_.limit; }
  ProgramEnd end() {
    ProgramEnd end = *ended_;
    end.out = std::move(out_.text);
    end.err = std::move(err_.text);
    return end;
  }

  Wake changed;

 private:
  struct Output {
    Output(Loop& loop, std::size_t maxBytes) : stream(loop.context()), limit(maxBytes) {}
    void open(Fd fd) {
      stream.assign(fd.release());
      stream.non_blocking(true);
    }
    // Takes what the pipe holds now; what is beyond the limit is dropped. False at the pipe's end.
    bool take() {
      std::array<char, 4096> buffer;
      for (;;) {
        const ssize_t count = ::read(stream.native_handle(), buffer.data(), buffer.size());
        if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
        text.append(buffer.data(), std::min(static_cast<std::size_t>(count), limit - text.size()));
        if (text.size() == limit) return true;  // whoever never stops writing must not hold the loop
      }
    }
    stream_descriptor stream;
    std::size_t limit;
    std::string text;
  };

  // Waits rather than reads, so that nothing is on its way in a buffer when the program's end is seen.
  void read(Output Child::* which) {
    (this->*which).stream.async_wait(stream_descriptor::wait_read, [weak = weak_from_this(), which](auto error) {
      const auto self = weak.lock();
      if (!self || error) return;
      const bool more = (self.get()->*which).take();
      if (self->tooMuch()) self->changed.ring();
      if (more) self->read(which);
    });
  }

  void exited() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    // What it wrote last may not have been read yet. Not until the end: somebody it left behind may hold the pipe.
    (void)out_.take();
    (void)err_.take();
    ended_ = ProgramEnd{.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                        .out = {},
                        .err = {}};
    changed.ring();
  }

  // Does not wait: a process in an uninterruptible sleep would hold the loop. It is reaped when it has gone.
  void kill() {
    ::kill(-pid_, SIGKILL);
    if (!exit_.is_open()) return;
    exit_.cancel();
    auto exit = std::make_shared<stream_descriptor>(std::move(exit_));
    exit->async_wait(stream_descriptor::wait_read, [exit, pid = pid_](auto error) {
      if (!error) ::waitpid(pid, nullptr, 0);
    });
  }

  Output out_;
  Output err_;
  stream_descriptor exit_;
  pid_t pid_ = 0;
  std::optional<ProgramEnd> ended_;
};

Task<Result<ProgramEnd>> run(Loop* loop, Clock* clock, Program program, Duration timeout) {
  const TimePoint deadline = clock->now() + timeout;
  const auto child = std::make_shared<Child>(*loop, *clock, program.maxOutput);
  if (Result<void> started = child->start(program); !started) co_return fail(started.error());
  while (!child->over()) {
    const bool rung = co_await child->changed.waitUntil(deadline);
    if (!rung && !child->over())
      co_return fail(Code::kTimedOut, "", program.command + ": did not end within " + durationText(timeout));
  }
  if (child->tooMuch())
    co_return fail(Code::kExhausted, "",
                   program.command + ": printed more than " + std::to_string(program.maxOutput) + " bytes");
  co_return child->end();
}

}  // namespace

Task<Result<ProgramEnd>> runProgram(Loop& loop, Clock& clock, Program program, Duration timeout) {
  return run(&loop, &clock, std::move(program), timeout);
}

}  // namespace cubelet::apiserver
