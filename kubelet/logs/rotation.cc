#include "kubelet/logs/rotation.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "kubelet/logs/cri_log.h"
#include "kubelet/logs/rotated_files.h"

namespace cubelet::logs {
namespace {

constexpr double kExpectedBytesPerSecond = 5e6;
constexpr Duration kLeastPause = std::chrono::milliseconds(20);
constexpr std::size_t kStampSize = std::string_view("20270115-080000").size();

std::string stamp(WallTime when) {
  using namespace std::chrono;
  const auto day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(floor<seconds>(when - day));
  char text[32];
  std::snprintf(text, sizeof text, "%04d%02u%02u-%02d%02d%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

// The moment that a rotated file's name tells, in whole seconds.
std::optional<WallTime> stampOf(std::string_view suffix) {
  if (suffix.size() < kStampSize || suffix[8] != '-') return std::nullopt;
  std::string text(suffix.substr(0, 4));
  text.append("-").append(suffix.substr(4, 2)).append("-").append(suffix.substr(6, 2));
  text.append("T").append(suffix.substr(9, 2)).append(":").append(suffix.substr(11, 2));
  text.append(":").append(suffix.substr(13, 2)).append("Z");
  return parseRfc3339(text);
}

bool isRotated(std::string_view log, std::string_view name) {
  return name.size() > log.size() + 1 && name.starts_with(log) && name[log.size()] == '.';
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Duration pauseBeforeNextLook(std::uint64_t size, double bytesPerSecond, const RotationLimits& limits) {
  const auto limit = static_cast<double>(limits.maxBytes);
  const double mayCome = std::max(limit - static_cast<double>(size), 0.0) + limit / 20;
  const double perSecond = std::max(bytesPerSecond, kExpectedBytesPerSecond);
  const std::chrono::duration<double> pause(mayCome / perSecond);
  if (pause >= limits.interval) return limits.interval;
  return std::max(std::chrono::duration_cast<Duration>(pause), std::min(kLeastPause, limits.interval));
}

std::string rotatedName(std::string_view log, const std::vector<std::string>& names, WallTime now) {
  WallTime when = std::chrono::floor<std::chrono::seconds>(now);
  for (const std::string& name : names) {
    if (!isRotated(log, name)) continue;
    if (std::optional<WallTime> taken = stampOf(std::string_view(name).substr(log.size() + 1)))
      when = std::max(when, *taken + std::chrono::seconds(1));
  }
  return std::string(log) + "." + stamp(when);
}

Tidying planTidying(std::string_view log, const std::vector<std::string>& names, std::size_t maxFiles) {
  Tidying tidying;
  std::vector<std::string> kept;
  for (const std::string& name : names) {
    if (!isRotated(log, name)) continue;
    const bool leftover = name.ends_with(kTemporarySuffix) || contains(names, name + kCompressedSuffix);
    (leftover ? tidying.remove : kept).push_back(name);
  }
  std::ranges::sort(kept);  // by age
  const std::size_t most = maxFiles > 0 ? maxFiles - 1 : 0;
  while (kept.size() > most) {
    tidying.remove.push_back(kept.front());
    kept.erase(kept.begin());
  }
  if (!kept.empty()) kept.pop_back();
  for (std::string& name : kept)
    if (!name.ends_with(kCompressedSuffix)) tidying.compress.push_back(std::move(name));
  return tidying;
}

std::vector<std::string> filesOf(std::string_view log, const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names)
    if (name == log || isRotated(log, name)) files.push_back(name);
  return files;
}

}  // namespace cubelet::logs
