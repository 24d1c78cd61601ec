#include "kubelet/node/status_keeper.h"

#include <algorithm>
#include <utility>

namespace cubelet::node {
namespace {

constexpr double kJitter = 0.04;
constexpr char kWhat[] = "reporting the node's status";

}  // namespace

StatusKeeper::StatusKeeper(Clock& clock, apiserver::ApiClient& client, HeartbeatPath& path, NodeCopy& copy,
                           Options options, Hooks hooks)
    : clock_(clock),
      client_(client),
      path_(path),
      copy_(copy),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      rhythm_(options_.reportEvery),
      backoff_(heartbeatBackoff(options_.random)),
      wake_(clock) {}

Task<void> StatusKeeper::run() {
  for (;;) {
    wake_.clear();
    const std::optional<Error> error = co_await round();
    co_await wake_.waitUntil(clock_.now() + pauseAfter(error));
  }
}

Duration StatusKeeper::pauseAfter(const std::optional<Error>& error) {
  if (error && isRetryable(error->code)) return std::min(options_.computeEvery, backoff_.next());
  return options_.computeEvery +
         std::chrono::duration_cast<Duration>(options_.computeEvery * (kJitter * options_.random()));
}

// The first try starts from the copy that we have, the others from what the server says now.
Task<std::optional<Error>> StatusKeeper::round() {
  std::optional<Error> error;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) co_await clock_.sleep(backoff_.next());
    Result<void> reported = co_await tryOnce(attempt > 0);
    if (reported) {
      path_.worked(kWhat);
      backoff_.reset();
      co_return std::nullopt;
    }
    path_.failed(kWhat, reported.error());
    error = std::move(reported.error());
    // Whoever deleted the Node wanted it gone: it is made again by a restart only, as upstream does.
    if (error->code == Code::kNotFound) break;
  }
  co_return error;
}

Task<Result<void>> StatusKeeper::tryOnce(bool again) {
  if (again) {
    Result<void> read = co_await reread();
    if (!read) co_return read;
  }
  const core::Node stored = *copy_.get();
  const core::Node wanted = hooks_.build(stored);
  std::optional<std::string> patch = patcher_.changes(stored, wanted);
  const bool changed = patch.has_value();
  if (!changed && !rhythm_.isDue(clock_.now())) co_return Result<void>();
  if (!changed) patch = NodePatcher::heartbeat(wanted);

  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = apiserver::kNodes.object("", options_.nodeName, "status");
  Result<core::Node> answer = co_await client_.patch<core::Node>(std::move(path), std::move(*patch), call);
  if (!answer) co_return fail(std::move(answer.error()));
  rhythm_.reported(clock_.now(), changed, options_.random());
  patcher_.answered(*answer, wanted);
  take(std::move(*answer));
  co_return Result<void>();
}

Task<Result<void>> StatusKeeper::reread() {
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = apiserver::kNodes.object("", options_.nodeName);
  Result<core::Node> found = co_await client_.get<core::Node>(std::move(path), call);
  if (!found) co_return fail(std::move(found.error()));
  take(std::move(*found));
  co_return Result<void>();
}

void StatusKeeper::take(core::Node answer) {
  if (copy_.offer(std::move(answer))) hooks_.stored();
}

}  // namespace cubelet::node
