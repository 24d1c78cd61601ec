#include "kubelet/client/terminal.h"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cubelet::client {

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  termios now{};
  if (::isatty(fd) == 0 || ::tcgetattr(fd, &now) != 0) return;
  before_ = now;
  ::cfmakeraw(&now);
  ::tcsetattr(fd, TCSADRAIN, &now);
}

RawTerminal::~RawTerminal() {
  if (before_) ::tcsetattr(fd_, TCSADRAIN, &*before_);
}

TerminalSize::TerminalSize(int terminal) : terminal_(terminal) {
  if (::isatty(terminal) == 0) return;
  sigset_t change{};
  ::sigemptyset(&change);
  ::sigaddset(&change, SIGWINCH);
  ::pthread_sigmask(SIG_BLOCK, &change, &before_);
  signal_ = Fd(::signalfd(-1, &change, SFD_NONBLOCK | SFD_CLOEXEC));
}

TerminalSize::~TerminalSize() {
  if (signal_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void TerminalSize::clear() {
  signalfd_siginfo info{};
  while (::read(signal_.get(), &info, sizeof info) > 0) continue;
}

std::string TerminalSize::json() const {
  winsize size{};
  if (!signal_ || ::ioctl(terminal_, TIOCGWINSZ, &size) != 0) return {};
  return R"({"Width":)" + std::to_string(size.ws_col) + R"(,"Height":)" + std::to_string(size.ws_row) + "}\n";
}

}  // namespace cubelet::client
