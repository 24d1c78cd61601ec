#include "kubelet/plan/container_hash.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace cubelet::plan {
namespace {

class Fnv1a {
 public:
  void add(std::string_view text) {
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  std::uint32_t value() const { return state_; }

 private:
  std::uint32_t state_ = 2166136261U;
};

// Hashes bytes as Go prints them in a slice: "123 34 105".
class ByteListHash {
 public:
  ByteListHash() { hash_.add("([]uint8)["); }
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      std::array<char, 4> digits{};
      const auto end = std::to_chars(digits.begin(), digits.end(), static_cast<unsigned char>(c)).ptr;
      if (!first_) hash_.add(" ");
      first_ = false;
      hash_.add(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
    }
  }
  std::uint32_t finish() {
    hash_.add("]");
    return hash_.value();
  }

 private:
  Fnv1a hash_;
  bool first_ = true;
};

// The length of the well-formed UTF-8 sequence at the start of `text`; nothing when it is malformed.
std::optional<std::size_t> sequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF && follows(1)) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // no overlong forms
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // no surrogates
    if (follows(1, low, high) && follows(2)) return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    if (follows(1, low, high) && follows(2) && follows(3)) return 4;
  }
  return std::nullopt;
}

void addEscapedByte(ByteListHash& hash, char c) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(c);
  const std::array<char, 6> escape{'\\', 'u', '0', '0', kDigits[value >> 4U], kDigits[value & 0xFU]};
  hash.add(std::string_view(escape.data(), escape.size()));
}

// A JSON string as Go's encoding/json writes it with HTML escaping on.
void addJsonString(ByteListHash& hash, std::string_view text) {
  hash.add("\"");
  while (!text.empty()) {
    const std::optional<std::size_t> length = sequenceLength(text);
    const std::string_view one = text.substr(0, length.value_or(1));
    text.remove_prefix(one.size());
    if (!length) {
      hash.add("\\ufffd");
    } else if (one == "\"" || one == "\\") {
      hash.add("\\");
      hash.add(one);
    } else if (one == "\b") {
      hash.add("\\b");
    } else if (one == "\f") {
      hash.add("\\f");
    } else if (one == "\n") {
      hash.add("\\n");
    } else if (one == "\r") {
      hash.add("\\r");
    } else if (one == "\t") {
      hash.add("\\t");
    } else if (one == "\u2028") {
      hash.add("\\u2028");
    } else if (one == "\u2029") {
      hash.add("\\u2029");
    } else if (one.size() == 1 &&
               (static_cast<unsigned char>(one[0]) < 0x20 || one == "<" || one == ">" || one == "&")) {
      addEscapedByte(hash, one[0]);
    } else {
      hash.add(one);
    }
  }
  hash.add("\"");
}

}  // namespace

std::string containerHash(std::string_view name, std::string_view image) {
  ByteListHash hash;
  hash.add(R"({"image":)");
  addJsonString(hash, image);
  hash.add(R"(,"name":)");
  addJsonString(hash, name);
  hash.add("}");

  std::array<char, 8> hex{};
  const auto end = std::to_chars(hex.begin(), hex.end(), hash.finish(), 16).ptr;
  return {hex.data(), end};
}

}  // namespace cubelet::plan
