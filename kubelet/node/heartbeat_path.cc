#include "kubelet/node/heartbeat_path.h"

#include <utility>

#include "base/log.h"

namespace cubelet::node {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kMaxRetry = std::chrono::seconds(1);
constexpr double kRetryJitter = 0.2;

}  // namespace

Backoff heartbeatBackoff(std::function<double()> random) {
  return Backoff({.initial = kFirstRetry, .cap = kMaxRetry, .jitter = kRetryJitter, .random = std::move(random)});
}

bool isUnanswered(const Error& error) {
  return (error.code == Code::kUnavailable || error.code == Code::kTimedOut) && error.reason.empty();
}

std::string kindOf(const Error& error) {
  return std::string(toString(error.code)) + " " + error.reason;
}

void HeartbeatPath::worked(const std::string& what) {
  unanswered_ = 0;
  if (troubles_.erase(what) > 0) log::notice(what + " works again");
}

void HeartbeatPath::failed(const std::string& what, const Error& error) {
  std::string& logged = troubles_[what];
  if (logged != kindOf(error)) log::warning(what + " failed, trying again", {{"error", error.message}});
  logged = kindOf(error);
  if (!isUnanswered(error)) {
    unanswered_ = 0;
    return;
  }
  if (++unanswered_ >= 2) transport_.closeConnections();
}

apiserver::CallOptions heartbeatCall(Duration atMost) {
  return {.lane = apiserver::Lane::kHeartbeat, .timeout = atMost};
}

}  // namespace cubelet::node
