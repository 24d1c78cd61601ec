#include "base/time_text.h"

#include <cstdint>
#include <ctime>

namespace cubelet {
namespace {

// The fraction `value` of 10^digits as ".123", without trailing zeros; empty for zero.
std::string fractionText(std::int64_t value, int digits) {
  if (value == 0) return "";
  std::string text = std::to_string(value);
  text.insert(0, static_cast<std::size_t>(digits) - text.size(), '0');
  while (text.back() == '0') text.pop_back();
  return "." + text;
}

std::string secondsText(std::chrono::sys_seconds seconds) {
  const std::time_t time = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
}

}  // namespace

std::string rfc3339Milli(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  std::string fraction = std::to_string(1000 + millis);
  fraction[0] = '.';
  return secondsText(seconds) + fraction + "Z";
}

std::string rfc3339Nano(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds).count();
  return secondsText(seconds) + fractionText(nanos, 9) + "Z";
}

std::string durationText(Duration duration) {
  const std::int64_t nanos = duration.count();
  if (nanos == 0) return "0s";
  std::string text = nanos < 0 ? "-" : "";
  // Unsigned, so that the most negative duration has a magnitude too.
  const std::uint64_t size = nanos < 0 ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
  auto unit = [](std::uint64_t value, std::uint64_t scale, int digits, const char* name) {
    return std::to_string(value / scale) + fractionText(static_cast<std::int64_t>(value % scale), digits) + name;
  };
  if (size < 1'000) return text + unit(size, 1, 1, "ns");
  if (size < 1'000'000) return text + unit(size, 1'000, 3, "µs");
  if (size < 1'000'000'000) return text + unit(size, 1'000'000, 6, "ms");
  const std::uint64_t minute = 60'000'000'000;
  const std::uint64_t minutes = size / minute;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + unit(size % minute, 1'000'000'000, 9, "s");
}

}  // namespace cubelet
