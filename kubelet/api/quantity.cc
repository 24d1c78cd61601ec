#include "kubelet/api/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace cubelet::api {
namespace {

enum class Format { kDecimal, kExponent, kBinary };

using Int128 = __int128;

constexpr Int128 kBillion = 1'000'000'000;
constexpr std::size_t kMaxDigits = 38;  // of an Int128
constexpr Int128 kBinaryLimit = Int128{std::numeric_limits<std::int64_t>::max()} * kBillion;

struct Amount {
  Int128 nanos = 0;
  Format format = Format::kDecimal;
};

struct Suffix {
  Format format = Format::kDecimal;
  int tens = 0;   // power of 10
  int kibis = 0;  // power of 1024
};

// Powers of 1000 from -3 on.
constexpr std::array<std::string_view, 10> kDecimalSuffixes = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
// Powers of 1024.
constexpr std::array<std::string_view, 7> kBinarySuffixes = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<Suffix> parseSuffix(std::string_view text) {
  for (std::size_t i = 0; i < kDecimalSuffixes.size(); ++i)
    if (text == kDecimalSuffixes[i]) return Suffix{Format::kDecimal, (static_cast<int>(i) - 3) * 3, 0};
  for (std::size_t i = 1; i < kBinarySuffixes.size(); ++i)
    if (text == kBinarySuffixes[i]) return Suffix{Format::kBinary, 0, static_cast<int>(i)};
  if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
  text.remove_prefix(1);
  bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (text.empty() || (plus && !isDigit(text[0]))) return std::nullopt;
  int exponent = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Suffix{Format::kExponent, std::clamp(exponent, -1000, 1000), 0};
}

// Decimal digits, most significant first, times a small factor.
void multiply(std::string& digits, int factor) {
  int carry = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    carry += (*digit - '0') * factor;
    *digit = static_cast<char>('0' + carry % 10);
    carry /= 10;
  }
  for (; carry > 0; carry /= 10) digits.insert(digits.begin(), static_cast<char>('0' + carry % 10));
}

// digits * 10^tens as a number, fractions rounded up, cut at what an Int128 holds.
Int128 scaled(std::string digits, int tens) {
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return 0;
  bool roundUp = false;
  if (tens < 0) {
    std::size_t drop = std::min(digits.size(), static_cast<std::size_t>(-tens));
    std::string_view dropped = std::string_view(digits).substr(digits.size() - drop);
    roundUp = dropped.find_first_not_of('0') != std::string_view::npos;
    digits.resize(digits.size() - drop);
  } else if (digits.size() + static_cast<std::size_t>(tens) > kMaxDigits) {
    digits.assign(kMaxDigits, '9');
  } else {
    digits.append(static_cast<std::size_t>(tens), '0');
  }
  if (digits.size() > kMaxDigits) digits.assign(kMaxDigits, '9');
  Int128 value = roundUp ? 1 : 0;
  Int128 whole = 0;
  for (char digit : digits) whole = whole * 10 + (digit - '0');
  return whole + value;
}

std::optional<Amount> parse(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::size_t wholeEnd = 0;
  while (wholeEnd < text.size() && isDigit(text[wholeEnd])) ++wholeEnd;
  std::string digits(text.substr(0, wholeEnd));
  text.remove_prefix(wholeEnd);
  std::size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    while (fraction < text.size() && isDigit(text[fraction])) ++fraction;
    digits += text.substr(0, fraction);
    text.remove_prefix(fraction);
  }
  if (digits.empty()) return std::nullopt;
  std::optional<Suffix> suffix = parseSuffix(text);
  if (!suffix) return std::nullopt;

  for (int i = 0; i < suffix->kibis; ++i) multiply(digits, 1024);
  // More fraction digits than this only decide about rounding, whatever the exponent.
  int tens = suffix->tens + 9 - static_cast<int>(std::min<std::size_t>(fraction, 1'000'000'000));
  Amount amount{scaled(std::move(digits), tens), suffix->format};
  if (amount.format == Format::kBinary) {
    amount.nanos = std::min(amount.nanos, kBinaryLimit);
    if (amount.nanos < kBillion) amount.format = Format::kDecimal;
  }
  if (negative) amount.nanos = -amount.nanos;
  return amount;
}

Amount parseOrZero(std::string_view text) {
  return parse(text).value_or(Amount{});
}

Int128 divideAwayFromZero(Int128 value, Int128 divisor) {
  Int128 quotient = value / divisor;
  if (value % divisor != 0) quotient += value < 0 ? -1 : 1;
  return quotient;
}

std::string decimal(Int128 value) {
  bool negative = value < 0;
  if (negative) value = -value;
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  while ((value /= 10) != 0);
  return negative ? "-" + digits : digits;
}

std::string print(Amount amount) {
  if (amount.nanos == 0) return "0";
  Int128 magnitude = amount.nanos < 0 ? -amount.nanos : amount.nanos;
  if (amount.format == Format::kBinary && magnitude >= 1024 * kBillion) {
    Int128 units = divideAwayFromZero(amount.nanos, kBillion);
    std::size_t kibis = 0;
    for (; units % 1024 == 0 && kibis + 1 < kBinarySuffixes.size(); ++kibis) units /= 1024;
    return decimal(units) + std::string(kBinarySuffixes[kibis]);
  }
  std::size_t thousands = 0;
  Int128 mantissa = amount.nanos;
  for (; mantissa % 1000 == 0 && thousands + 1 < kDecimalSuffixes.size(); ++thousands) mantissa /= 1000;
  if (amount.format != Format::kExponent) return decimal(mantissa) + std::string(kDecimalSuffixes[thousands]);
  int exponent = (static_cast<int>(thousands) - 3) * 3;
  return decimal(mantissa) + (exponent == 0 ? "" : "e" + std::to_string(exponent));
}

std::unexpected<Error> notAQuantity(std::string_view text) {
  return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not a quantity (like 500m, 2, 64Mi or 1e3)");
}

Result<std::int64_t> inUnitsOf(std::string_view text, Int128 nanosPerUnit) {
  std::optional<Amount> amount = parse(text);
  if (!amount) return notAQuantity(text);
  Int128 value = divideAwayFromZero(amount->nanos, nanosPerUnit);
  return static_cast<std::int64_t>(
      std::clamp<Int128>(value, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
}

}  // namespace

Result<std::int64_t> quantityValue(std::string_view text) {
  return inUnitsOf(text, kBillion);
}

Result<std::int64_t> quantityMilliValue(std::string_view text) {
  return inUnitsOf(text, 1'000'000);
}

int compareQuantities(std::string_view left, std::string_view right) {
  Int128 a = parseOrZero(left).nanos;
  Int128 b = parseOrZero(right).nanos;
  return a < b ? -1 : a > b ? 1 : 0;
}

std::string addQuantities(std::string_view left, std::string_view right) {
  Amount a = parseOrZero(left);
  Amount b = parseOrZero(right);
  Format format = a.nanos == 0 ? b.format : a.format;
  Int128 sum = 0;
  // Both are below 1e38, so the sum can leave the range of 128 bits only on one side.
  if (__builtin_add_overflow(a.nanos, b.nanos, &sum)) sum = a.nanos;
  return print({sum, format});
}

Result<std::string> canonicalQuantity(std::string_view text) {
  std::optional<Amount> amount = parse(text);
  if (!amount) return notAQuantity(text);
  return print(*amount);
}

Result<std::string> canonicalResourceQuantity(std::string_view text) {
  std::optional<Amount> amount = parse(text);
  if (!amount) return notAQuantity(text);
  amount->nanos = divideAwayFromZero(amount->nanos, 1'000'000) * 1'000'000;
  return print(*amount);
}

}  // namespace cubelet::api
