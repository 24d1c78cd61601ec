#include "kubelet/api/times.h"

#include <chrono>
#include <utility>

namespace cubelet::api {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes fixed-width pieces off the front of a text; after the first mismatch everything fails.
class Taker {
 public:
  explicit Taker(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool atEnd() const { return text_.empty(); }

  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = skip(c) && ok_; }

  int digits(std::size_t width, int min, int max) {
    int value = 0;
    if (text_.size() < width) ok_ = false;
    for (std::size_t i = 0; i < width && ok_; ++i) {
      ok_ = isDigit(text_[i]);
      value = value * 10 + (text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(width);
    ok_ = ok_ && value >= min && value <= max;
    return value;
  }

  std::int32_t fraction() {
    std::int32_t nanos = 0;
    int count = 0;
    for (; !text_.empty() && isDigit(text_[0]); text_.remove_prefix(1), ++count)
      if (count < 9) nanos = nanos * 10 + (text_[0] - '0');
    if (count == 0) ok_ = false;
    for (; count < 9; ++count) nanos *= 10;
    return nanos;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

void appendPadded(std::string& out, std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out.append(digits);
}

// Without the closing Z.
std::string dateAndTime(std::int64_t seconds) {
  using namespace std::chrono;
  std::int64_t day = seconds / 86400;
  std::int64_t inDay = seconds % 86400;
  if (inDay < 0) {
    inDay += 86400;
    --day;
  }
  year_month_day date{sys_days{days{day}}};
  std::string out;
  appendPadded(out, static_cast<int>(date.year()), 4);
  out.push_back('-');
  appendPadded(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  appendPadded(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  appendPadded(out, inDay / 3600, 2);
  out.push_back(':');
  appendPadded(out, inDay / 60 % 60, 2);
  out.push_back(':');
  appendPadded(out, inDay % 60, 2);
  return out;
}

std::optional<std::uint64_t> unitNanos(std::string_view unit) {
  constexpr std::pair<std::string_view, std::uint64_t> units[] = {
      {"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
      {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  for (const auto& [name, nanos] : units)
    if (unit == name) return nanos;
  return std::nullopt;
}

constexpr std::uint64_t kMaxMagnitude = std::uint64_t{1} << 63;

// One "1.5h" off the front of `text`, in nanoseconds.
std::optional<std::uint64_t> takeTerm(std::string_view& text) {
  std::uint64_t whole = 0;
  std::size_t at = 0;
  for (; at < text.size() && isDigit(text[at]); ++at) {
    if (whole > kMaxMagnitude / 10) return std::nullopt;
    whole = whole * 10 + static_cast<std::uint64_t>(text[at] - '0');
  }
  bool digits = at > 0;
  std::uint64_t fraction = 0;
  double scale = 1;
  bool fine = true;  // no digit was left out: what follows is far below a nanosecond
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && isDigit(text[at]); ++at) {
      digits = true;
      fine = fine && fraction <= (kMaxMagnitude - 10) / 10;
      if (!fine) continue;
      fraction = fraction * 10 + static_cast<std::uint64_t>(text[at] - '0');
      scale *= 10;
    }
  }
  if (!digits) return std::nullopt;
  std::size_t unitEnd = at;
  while (unitEnd < text.size() && text[unitEnd] != '.' && !isDigit(text[unitEnd])) ++unitEnd;
  auto unit = unitNanos(text.substr(at, unitEnd - at));
  if (!unit || whole > kMaxMagnitude / *unit) return std::nullopt;
  text.remove_prefix(unitEnd);
  return whole * *unit +
         static_cast<std::uint64_t>(static_cast<double>(fraction) * (static_cast<double>(*unit) / scale));
}

}  // namespace

std::optional<Instant> parseTime(std::string_view text) {
  Taker take(text);
  int year = take.digits(4, 0, 9999);
  take.expect('-');
  int month = take.digits(2, 1, 12);
  take.expect('-');
  int day = take.digits(2, 1, 31);
  take.expect('T');
  int hour = take.digits(2, 0, 23);
  take.expect(':');
  int minute = take.digits(2, 0, 59);
  take.expect(':');
  int second = take.digits(2, 0, 59);
  Instant instant;
  if (take.skip('.')) instant.nanos = take.fraction();
  int offsetMinutes = 0;
  if (!take.skip('Z')) {
    int sign = take.skip('+') ? 1 : -1;
    if (sign < 0) take.expect('-');
    offsetMinutes = take.digits(2, 0, 23) * 60;
    take.expect(':');
    offsetMinutes = sign * (offsetMinutes + take.digits(2, 0, 59));
  }
  if (!take.ok() || !take.atEnd()) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                   std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  int inDay = hour * 3600 + (minute - offsetMinutes) * 60 + second;
  instant.seconds = days * 86400 + inDay;
  return instant;
}

std::string timeText(std::int64_t seconds) {
  return dateAndTime(seconds) + "Z";
}

std::string microTimeText(Instant instant) {
  std::string out = dateAndTime(instant.seconds) + ".";
  appendPadded(out, instant.nanos / 1000, 6);
  return out + "Z";
}

std::optional<std::int64_t> parseDuration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::uint64_t total = 0;
  while (!text.empty()) {
    auto term = takeTerm(text);
    if (!term || *term > kMaxMagnitude - total) return std::nullopt;
    total += *term;
  }
  if (negative) return static_cast<std::int64_t>(-total);
  if (total == kMaxMagnitude) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

}  // namespace cubelet::api
