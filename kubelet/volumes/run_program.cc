#include "kubelet/volumes/run_program.h"

#include "kubelet/apiserver/run_program.h"

namespace cubelet::volumes {
namespace {

constexpr Duration kTimeout = std::chrono::minutes(2);

Task<Result<void>> run(Loop* loop, Clock* clock, std::vector<std::string> command) {
  apiserver::Program program;
  program.command = command.front();
  program.args.assign(command.begin() + 1, command.end());
  Result<apiserver::ProgramEnd> end = co_await apiserver::runProgram(*loop, *clock, std::move(program), kTimeout);
  if (!end) co_return fail(end.error());
  if (end->signal == 0 && end->exitCode == 0) co_return Result<void>();
  std::string said = end->err;
  while (said.ends_with('\n')) said.pop_back();
  co_return fail(Code::kInternal, end->signal == 0 ? exitReason(end->exitCode) : std::string(),
                 command.front() +
                     (end->signal != 0 ? " was killed by signal " + std::to_string(end->signal)
                                       : " failed with exit status " + std::to_string(end->exitCode)) +
                     (said.empty() ? "" : ": " + said));
}

}  // namespace

RunProgram programRunner(Loop& loop, Clock& clock) {
  return [&loop, &clock](std::vector<std::string> command) { return run(&loop, &clock, std::move(command)); };
}

}  // namespace cubelet::volumes
