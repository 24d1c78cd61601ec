#include "kubelet/nodeapi/log_query.h"

#include <charconv>

namespace cubelet::nodeapi {
namespace {

using Number = std::optional<std::int64_t>;

const BadLogQuery kUnreadable{400, R"({"message": "Unable to decode query."})"};
const BadLogQuery kInvalid{422, R"({"message": "Invalid request."})"};

// False: it is there and no number.
bool readNumber(const web::Target& target, std::string_view name, Number& out) {
  const std::string_view text = target.get(name);
  if (text.empty()) return true;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

}  // namespace

std::optional<BadLogQuery> readLogQuery(const web::Target& target, WallTime now, LogQuery& out) {
  Number tail;
  Number limit;
  Number sinceSeconds;
  if (!readNumber(target, "tailLines", tail) || !readNumber(target, "limitBytes", limit) ||
      !readNumber(target, "sinceSeconds", sinceSeconds))
    return kUnreadable;
  // The old name.
  if (target.has("tail") && target.get("tail") != "all" && !readNumber(target, "tail", tail)) return kUnreadable;
  if (const std::string_view sinceTime = target.get("sinceTime"); !sinceTime.empty()) {
    out.format.since = logs::parseRfc3339(sinceTime);
    if (!out.format.since) return kUnreadable;
    if (sinceSeconds) return kInvalid;
  }
  if ((tail && *tail < 0) || (limit && *limit < 1) || (sinceSeconds && *sinceSeconds < 1)) return kInvalid;
  const std::string_view stream = target.get("stream");
  if (!stream.empty() && stream != "All" && stream != "Stdout" && stream != "Stderr") return kInvalid;
  const bool one = stream == "Stdout" || stream == "Stderr";
  if (one && tail) return kInvalid;

  if (one) out.format.only = stream == "Stdout" ? logs::Stream::kStdout : logs::Stream::kStderr;
  // Further back than time goes is everything.
  constexpr std::int64_t kLongest = std::int64_t{100} * 365 * 24 * 3600;
  if (sinceSeconds && *sinceSeconds < kLongest) out.format.since = now - std::chrono::seconds(*sinceSeconds);
  out.format.timestamps = target.flag("timestamps");
  out.follow = target.flag("follow");
  out.previous = target.flag("previous");
  if (tail) out.tail = static_cast<std::uint64_t>(*tail);
  if (limit) out.limit = static_cast<std::uint64_t>(*limit);
  return std::nullopt;
}

}  // namespace cubelet::nodeapi
