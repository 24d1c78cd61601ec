// What a word like "8080:80" asks port-forward for. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::client {

struct ForwardedPort {
  std::uint16_t here = 0;  // 0: any free one
  std::uint16_t there = 0;
};

// "80" (the same port at both ends), "8080:80", ":80". kInvalid: none of these.
Result<ForwardedPort> parseForwardedPort(std::string_view word);

}  // namespace cubelet::client
