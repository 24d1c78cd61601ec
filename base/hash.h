// FNV-1a: small, stable, not cryptographic. For names and change detection only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cubelet {

std::uint32_t fnv1a32(std::string_view data);

// 128 bits, fed piece by piece.
class Fnv1a128 {
 public:
  void add(std::string_view data);
  // 32 lower-case hex digits.
  std::string hex() const;

 private:
  unsigned __int128 state_ = (static_cast<unsigned __int128>(0x6c62272e07bb0142) << 64) | 0x62b821756295c58d;
};

}  // namespace cubelet
