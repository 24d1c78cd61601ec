#include "base/hash.h"

namespace cubelet {

// Constants: http://www.isthe.com/chongo/tech/comp/fnv/
std::uint32_t fnv1a32(std::string_view data) {
  std::uint32_t state = 0x811c9dc5;
  for (const char c : data) state = (state ^ static_cast<unsigned char>(c)) * 0x01000193;
  return state;
}

void Fnv1a128::add(std::string_view data) {
  constexpr unsigned __int128 kPrime = (static_cast<unsigned __int128>(1) << 88) | 0x13b;
  for (const char c : data) state_ = (state_ ^ static_cast<unsigned char>(c)) * kPrime;
}

std::string Fnv1a128::hex() const {
  std::string text(32, '0');
  unsigned __int128 rest = state_;
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, rest >>= 4)
    *digit = "0123456789abcdef"[static_cast<unsigned>(rest & 15)];
  return text;
}

}  // namespace cubelet
