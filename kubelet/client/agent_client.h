// Questions to the agent over its local socket. Blocking: for short-lived commands only.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::client {

// "shop/web a" -> "shop%2Fweb%20a"
std::string urlEscape(std::string_view text);

class AgentClient {
 public:
  explicit AgentClient(std::string socketPath, std::chrono::milliseconds patience = std::chrono::seconds(30))
      : path_(std::move(socketPath)), patience_(patience) {}

  // The body of the answer to GET `target`. kUnavailable: no agent, or no permission to ask it; the message says what
  // to do. kTimedOut: it took the question and gives no answer. kNotFound: its 404. kInternal: any other refusal.
  Result<std::string> get(const std::string& target);

  // Calls `line` for each line as it comes, until that answers false or the answer is complete. Waits without limit.
  // kUnavailable: also when the agent hung up.
  Result<void> follow(const std::string& target, const std::function<bool(std::string_view)>& line);

 private:
  std::string path_;
  std::chrono::milliseconds patience_;
};

}  // namespace cubelet::client
