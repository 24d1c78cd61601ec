#include "kubelet/client/human_time.h"

#include <charconv>
#include <cstdint>

namespace cubelet::client {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kYear = 365 * kDay;

std::string part(std::int64_t count, char unit) {
  return std::to_string(count) + unit;
}

// "3m20s"; the second part is left out when it is zero.
std::string two(std::int64_t seconds, std::int64_t big, char bigUnit, std::int64_t small, char smallUnit) {
  std::string text = part(seconds / big, bigUnit);
  if (std::int64_t rest = seconds % big / small; rest > 0) text += part(rest, smallUnit);
  return text;
}

}  // namespace

std::string humanDuration(Duration duration) {
  std::int64_t s = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (s <= 0) return "0s";
  if (s < 2 * kMinute) return part(s, 's');
  if (s < 10 * kMinute) return two(s, kMinute, 'm', 1, 's');
  if (s < 3 * kHour) return part(s / kMinute, 'm');
  if (s < 8 * kHour) return two(s, kHour, 'h', kMinute, 'm');
  if (s < 2 * kDay) return part(s / kHour, 'h');
  if (s < 8 * kDay) return two(s, kDay, 'd', kHour, 'h');
  if (s < 2 * kYear) return part(s / kDay, 'd');
  if (s < 8 * kYear) return two(s, kYear, 'y', kDay, 'd');
  return part(s / kYear, 'y');
}

Result<Duration> parseDuration(std::string_view text) {
  auto bad = [text] {
    return fail(Code::kInvalid, "", "'" + std::string(text) + "' is no duration; write it as 30s, 5m or 1h30m");
  };
  std::string_view rest = text;
  std::int64_t total = 0;
  do {
    std::int64_t count = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc() || count < 0 || count > 100 * kYear) return bad();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty() && total == 0) return std::chrono::seconds(count);
    if (rest.empty()) return bad();
    switch (rest.front()) {
      case 's':
        total += count;
        break;
      case 'm':
        total += count * kMinute;
        break;
      case 'h':
        total += count * kHour;
        break;
      default:
        return bad();
    }
    rest.remove_prefix(1);
  } while (!rest.empty());
  return std::chrono::seconds(total);
}

std::optional<WallTime> wallTime(const k8s::meta::v1::Time& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return std::nullopt;
  return WallTime(std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos()));
}

}  // namespace cubelet::client
