// The commands that ask a running agent: cubelet pods, logs, exec, attach, port-forward, events, explain, plan, top,
// volumes, status, version.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace cubelet::client {

// Where a command writes, and what it is told from outside.
struct ClientIo {
  std::ostream& out;
  std::ostream& err;
  int input = 0;  // descriptor
  std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };
  std::string version;  // of this program: "0.1.0"
};

enum ExitCode {
  kDone = 0,
  kFailed = 1,       // "cubelet: ..." on err says why
  kUsage = 2,        // the command line cannot be understood
  kUnreachable = 3,  // no agent answers, or we are not allowed to ask it
};

struct CommandInfo {
  std::string_view name;
  std::string_view summary;
};
// In the order in which help lists them.
const std::vector<CommandInfo>& clientCommands();
bool isClientCommand(std::string_view name);

// Runs one command; `args` begins with its name ("pods", "-o", "json"). Blocks until it is done; with -f that is when
// the thing it follows ends, the agent goes, or nobody reads `out` any more. Answers an ExitCode; `exec` the exit code
// of what it ran.
int runClient(const std::vector<std::string>& args, ClientIo io);

}  // namespace cubelet::client
