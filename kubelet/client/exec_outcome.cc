#include "kubelet/client/exec_outcome.h"

#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "kubelet/client/json_fields.h"

namespace cubelet::client {

Result<int> exitCodeIn(std::string_view status) {
  if (status.empty())
    return fail(Code::kUnavailable, "", "the connection to the runtime broke before the command had ended");
  const auto json = nlohmann::json::parse(status, nullptr, false);
  if (textAt(json, "status") == "Success") return 0;
  const auto details = objectAt(json, "details");
  if (textAt(json, "reason") == "NonZeroExitCode" && details.contains("causes") && details["causes"].is_array())
    for (const auto& cause : details["causes"]) {
      if (textAt(cause, "reason") != "ExitCode") continue;
      const std::string text = textAt(cause, "message");
      int code = 0;
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), code);
      if (failure == std::errc() && end == text.data() + text.size()) return code;
    }
  const std::string message = textAt(json, "message");
  return fail(Code::kInternal, "", message.empty() ? "the runtime says: " + std::string(status) : message);
}

}  // namespace cubelet::client
