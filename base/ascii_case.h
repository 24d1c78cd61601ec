// Names that are compared without regard to the case of their letters, as those of HTTP's headers.
#pragma once

#include <algorithm>
#include <string_view>

namespace cubelet {

inline char asciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Of letters beyond ASCII none is another's.
inline bool sameIgnoringCase(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, asciiLower, asciiLower);
}

}  // namespace cubelet
