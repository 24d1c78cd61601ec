// Runs a program to its end, on the loop.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::apiserver {

struct Program {
  std::string command;  // looked up in PATH when it has no slash
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // beside the agent's own, and before it
  std::string input = {};                                // its stdin; empty: /dev/null
  std::size_t maxOutput = std::size_t{1} << 20;          // of stdout
};

struct ProgramEnd {
  int exitCode = 0;
  int signal = 0;   // that killed it; 0: it exited
  std::string out;  // stdout
  std::string err;  // stderr, its first 4 KiB
};

// The program gets a process group of its own, which is killed when time is over, when it prints
// too much (kExhausted) and when the task is cancelled; processes that it left behind in the background are not waited
// for. kNotFound: there is no such program. kTimedOut. Loop thread only.
Task<Result<ProgramEnd>> runProgram(Loop& loop, Clock& clock, Program program, Duration timeout);

}  // namespace cubelet::apiserver
