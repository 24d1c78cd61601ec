#include "kubelet/api/scalars.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <unordered_map>

#include "kubelet/api/base64.h"

namespace cubelet::api {
namespace {

using Kind = Node::Kind;

const Scalar* lookUpWord(std::string_view text) {
  static const auto* words = [] {
    auto* map = new std::unordered_map<std::string_view, Scalar>;
    auto put = [&](Kind kind, const char* value, std::initializer_list<std::string_view> spellings) {
      for (std::string_view spelling : spellings) map->emplace(spelling, Scalar{kind, value});
    };
    put(Kind::kBool, "true", {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"});
    put(Kind::kBool, "false", {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"});
    put(Kind::kNull, "", {"", "~", "null", "Null", "NULL"});
    put(Kind::kNumber, ".nan", {".nan", ".NaN", ".NAN"});
    put(Kind::kNumber, ".inf", {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"});
    put(Kind::kNumber, "-.inf", {"-.inf", "-.Inf", "-.INF"});
    return map;
  }();
  auto it = words->find(text);
  return it == words->end() ? nullptr : &it->second;
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Go's strconv.ParseInt and ParseUint with base 0, after underscores are gone: sign, base prefix, digits.
std::optional<std::string> parseInteger(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!negative) return std::to_string(magnitude);
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX) + 1) return std::nullopt;
  return (magnitude == 0 ? "" : "-") + std::to_string(magnitude);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looksLikeNumber(std::string_view text) {
  std::size_t i = 0;
  auto digits = [&] {
    std::size_t from = i;
    while (i < text.size() && isDigit(text[i])) ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  std::size_t whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

Scalar number(double value) {
  std::string text = numberText(value);
  Kind kind = text.find_first_of(".e") == std::string::npos ? Kind::kInteger : Kind::kNumber;
  return {kind, std::move(text)};
}

Scalar resolveNumber(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  if (auto integer = parseInteger(plain)) return {Kind::kInteger, std::move(*integer)};
  if (auto value = parseNumber(plain)) return number(*value);
  return {Kind::kString, std::string(text)};
}

}  // namespace

Scalar resolvePlain(std::string_view text) {
  if (const Scalar* word = lookUpWord(text)) return *word;
  char first = text[0];
  if (isDigit(first) || first == '-' || first == '+') return resolveNumber(text);
  if (first == '.')
    if (auto value = parseNumber(text)) return number(*value);
  return {Kind::kString, std::string(text)};
}

Result<Scalar> resolveTagged(std::string_view tag, std::string_view text) {
  constexpr std::string_view prefix = "tag:yaml.org,2002:";
  if (!tag.starts_with(prefix)) return Scalar{Kind::kString, std::string(text)};
  std::string_view type = tag.substr(prefix.size());
  if (type == "binary") {
    auto bytes = decodeBase64(text);
    if (!bytes || !isUtf8(*bytes)) return fail(Code::kInvalid, "", "!!binary value is not base64 of UTF-8 text");
    return Scalar{Kind::kString, std::move(*bytes)};
  }
  if (type != "int" && type != "float" && type != "bool" && type != "null")
    return Scalar{Kind::kString, std::string(text)};
  Scalar scalar = resolvePlain(text);
  bool numeric = scalar.kind == Kind::kInteger || scalar.kind == Kind::kNumber;
  bool fits = (type == "int" && scalar.kind == Kind::kInteger) || (type == "float" && numeric) ||
              (type == "bool" && scalar.kind == Kind::kBool) || (type == "null" && scalar.kind == Kind::kNull);
  if (!fits) return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not of type !!" + std::string(type));
  return scalar;
}

std::string numberText(double value) {
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));  // "1.25e+03"
  std::size_t mark = text.find('e');
  if (error != std::errc() || mark == std::string_view::npos) return std::string(text);
  int exponent = 0;
  std::from_chars(text.data() + mark + (text[mark + 1] == '+' ? 2 : 1), end, exponent);
  std::string digits(text.substr(0, mark));
  std::erase(digits, '.');
  std::string out = std::signbit(value) ? "-" : "";
  if (value != 0 && (exponent < -6 || exponent >= 21)) {
    out.append(text.substr(0, mark)).append(exponent < 0 ? "e-" : "e+");
    return out + std::to_string(std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent) - 1, '0') + digits;
  auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::optional<double> parseNumber(std::string_view text) {
  if (!looksLikeNumber(text)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool isUtf8(std::string_view text) {
  std::size_t i = 0;
  auto follows = [&](std::size_t at, unsigned char low, unsigned char high) {
    if (at >= text.size()) return false;
    auto byte = static_cast<unsigned char>(text[at]);
    return byte >= low && byte <= high;
  };
  while (i < text.size()) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
    // The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF.
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (length > 1 && !follows(i + 1, low, high)) return false;
    for (std::size_t k = 2; k < length; ++k)
      if (!follows(i + k, 0x80, 0xbf)) return false;
    i += length;
  }
  return true;
}

void appendUtf8(std::string& out, std::uint32_t codePoint) {
  auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (codePoint < 0x80) {
    push(codePoint);
  } else if (codePoint < 0x800) {
    push(0xc0 | codePoint >> 6);
    push(0x80 | (codePoint & 0x3f));
  } else if (codePoint < 0x10000) {
    push(0xe0 | codePoint >> 12);
    push(0x80 | (codePoint >> 6 & 0x3f));
    push(0x80 | (codePoint & 0x3f));
  } else {
    push(0xf0 | codePoint >> 18);
    push(0x80 | (codePoint >> 12 & 0x3f));
    push(0x80 | (codePoint >> 6 & 0x3f));
    push(0x80 | (codePoint & 0x3f));
  }
}

}  // namespace cubelet::api
