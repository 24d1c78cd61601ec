// The terminal of whoever runs a command.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <termios.h>

#include "base/fd.h"

namespace cubelet::client {

// Hands every key on as it is, until its end. Does nothing when `fd` is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  std::optional<termios> before_;
};

// Tells when the size of a terminal changes.
class TerminalSize {
 public:
  explicit TerminalSize(int terminal);
  ~TerminalSize();
  TerminalSize(const TerminalSize&) = delete;
  TerminalSize& operator=(const TerminalSize&) = delete;

  // Readable after a change; -1: there is no terminal.
  int fd() const { return signal_.get(); }
  void clear();
  // As the runtime wants it: {"Width":80,"Height":24}; empty when there is no terminal.
  std::string json() const;

 private:
  int terminal_;
  Fd signal_;
  sigset_t before_{};
};

}  // namespace cubelet::client
