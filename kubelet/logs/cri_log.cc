#include "kubelet/logs/cri_log.h"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

namespace cubelet::logs {
namespace {

// Runtimes split at 16 KiB. Longer lines are not theirs; without a limit one of them would eat the memory.
constexpr std::size_t kMaxLine = std::size_t{1024} * 1024;

// Takes the next word off `text`; empty when no space follows it.
std::optional<std::string_view> nextWord(std::string_view& text) {
  std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::string_view word = text.substr(0, space);
  text.remove_prefix(space + 1);
  return word;
}

std::optional<Stream> streamOf(std::string_view name) {
  if (name == "stdout") return Stream::kStdout;
  if (name == "stderr") return Stream::kStderr;
  return std::nullopt;
}

// A line as it stands in the file. A log may have millions of them: nothing is copied.
struct LineView {
  WallTime time;
  std::string_view timeText;
  Stream stream = Stream::kStdout;
  bool partial = false;
  std::string_view content;
};

std::optional<LineView> parseCri(std::string_view line, KnownSecond& second) {
  auto time = nextWord(line);
  auto stream = time ? nextWord(line) : std::nullopt;
  if (!stream) return std::nullopt;
  // An empty content may come without the space before it.
  std::string_view tags = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), tags.size() + 1));
  std::string_view tag = tags.substr(0, tags.find(':'));
  if (tag != "F" && tag != "P") return std::nullopt;
  std::optional<Stream> from = streamOf(*stream);
  std::optional<WallTime> when = from ? second.parse(*time) : std::nullopt;
  if (!when) return std::nullopt;
  return LineView{.time = *when, .timeText = *time, .stream = *from, .partial = tag == "P", .content = line};
}

LogLine copyOf(const LineView& line) {
  return {.time = line.time,
          .timeText = std::string(line.timeText),
          .stream = line.stream,
          .partial = line.partial,
          .content = std::string(line.content)};
}
LineView viewOf(const LogLine& line) {
  return {.time = line.time,
          .timeText = line.timeText,
          .stream = line.stream,
          .partial = line.partial,
          .content = line.content};
}

std::optional<LogLine> parseDockerJson(std::string_view line) {
  auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const char* name : {"log", "stream", "time"})
    if (!json.contains(name) || !json[name].is_string()) return std::nullopt;
  LogLine parsed;
  parsed.timeText = json["time"].get<std::string>();
  parsed.content = json["log"].get<std::string>();
  std::optional<WallTime> when = parseRfc3339(parsed.timeText);
  std::optional<Stream> from = streamOf(json["stream"].get<std::string>());
  if (!when || !from) return std::nullopt;
  parsed.time = *when;
  parsed.stream = *from;
  parsed.partial = !parsed.content.ends_with('\n');
  if (!parsed.partial) parsed.content.pop_back();
  return parsed;
}

// Exactly `digits` decimal digits off the front of `text`.
std::optional<int> takeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool takeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::minutes> takeOffset(std::string_view& text) {
  if (takeChar(text, 'Z') || takeChar(text, 'z')) return std::chrono::minutes(0);
  int sign = takeChar(text, '-') ? -1 : takeChar(text, '+') ? 1 : 0;
  auto hours = takeNumber(text, 2);
  if (sign == 0 || !hours || !takeChar(text, ':')) return std::nullopt;
  auto minutes = takeNumber(text, 2);
  if (!minutes) return std::nullopt;
  return std::chrono::minutes(sign * (*hours * 60 + *minutes));
}

std::chrono::nanoseconds takeFraction(std::string_view& text) {
  if (!takeChar(text, '.')) return std::chrono::nanoseconds(0);
  std::int64_t nanos = 0;
  std::int64_t unit = 100'000'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    nanos += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return std::chrono::nanoseconds(nanos);
}

}  // namespace

std::optional<WallTime> KnownSecond::parse(std::string_view text) {
  if (!text_.empty() && text.starts_with(text_)) {
    std::string_view rest = text.substr(text_.size());
    const std::chrono::nanoseconds fraction = takeFraction(rest);
    const std::optional<std::chrono::minutes> offset = takeOffset(rest);
    if (offset && rest.empty()) return time_ + fraction - *offset;
    return std::nullopt;
  }
  constexpr std::size_t kSize = std::string_view("2027-01-15T08:00:00").size();
  const std::optional<WallTime> parsed = parseRfc3339(text);
  if (!parsed) return std::nullopt;
  text_ = text.substr(0, kSize);
  time_ = parseRfc3339(text_ + "Z").value_or(*parsed);
  return parsed;
}

std::optional<WallTime> parseRfc3339(std::string_view text) {
  using namespace std::chrono;
  auto number = [&text](std::size_t digits, char before) -> std::optional<int> {
    if (before != 0 && !takeChar(text, before)) return std::nullopt;
    return takeNumber(text, digits);
  };
  auto y = number(4, 0);
  auto m = y ? number(2, '-') : std::nullopt;
  auto d = m ? number(2, '-') : std::nullopt;
  auto hour = d ? number(2, 'T') : std::nullopt;
  auto minute = hour ? number(2, ':') : std::nullopt;
  auto second = minute ? number(2, ':') : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  nanoseconds fraction = takeFraction(text);
  auto offset = takeOffset(text);
  year_month_day date(year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d)));
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  return WallTime(sys_days(date)) + hours(*hour) + minutes(*minute) + seconds(*second) + fraction - *offset;
}

std::string withNineDigits(std::string_view timeText) {
  std::size_t dot = timeText.find('.');
  std::size_t end = timeText.find_first_of("Zz+-", timeText.find('T'));
  if (end == std::string_view::npos) return std::string(timeText);
  std::string_view fraction = dot < end ? timeText.substr(dot + 1, end - dot - 1) : std::string_view();
  std::string fixed(timeText.substr(0, std::min(dot, end)));
  fixed.append(".").append(fraction.substr(0, 9));
  if (fraction.size() < 9) fixed.append(9 - fraction.size(), '0');
  return fixed.append(timeText.substr(end));
}

std::optional<LogLine> parseLogLine(std::string_view line) {
  if (line.starts_with('{')) return parseDockerJson(line);
  KnownSecond second;
  const std::optional<LineView> parsed = parseCri(line, second);
  if (!parsed) return std::nullopt;
  return copyOf(*parsed);
}

void LogFormatter::add(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    std::size_t newline = bytes.find('\n');
    std::string_view piece = bytes.substr(0, newline);
    bytes.remove_prefix(newline == std::string_view::npos ? bytes.size() : newline + 1);
    if (rest_.size() + piece.size() > kMaxLine) {
      skipping_ = true;
      rest_ = std::string();
    }
    if (newline == std::string_view::npos) {
      if (!skipping_) rest_ += piece;
      return;
    }
    if (std::exchange(skipping_, false)) continue;
    if (rest_.empty()) {
      addLine(piece, out);
    } else {
      rest_ += piece;
      addLine(rest_, out);
      rest_.clear();
    }
  }
}

void LogFormatter::startFile() {
  rest_.clear();
  skipping_ = false;
}

void LogFormatter::addLine(std::string_view line, std::string& out) {
  std::optional<LogLine> kept;  // what the view of a line in JSON is of
  std::optional<LineView> parsed;
  if (!line.starts_with('{'))
    parsed = parseCri(line, second_);
  else if ((kept = parseDockerJson(line)))
    parsed = viewOf(*kept);
  if (!parsed) return;
  if (format_.since && parsed->time < *format_.since) return;
  if (format_.only && parsed->stream != *format_.only) return;
  if (format_.timestamps && lineStart_) out.append(withNineDigits(parsed->timeText)).push_back(' ');
  out += parsed->content;
  if (!parsed->partial) out.push_back('\n');
  lineStart_ = !parsed->partial;
}

}  // namespace cubelet::logs
