// Mutator: for tests, damages bytes as a broken server, proxy or cable might. The same seed damages in the same way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

namespace cubelet::apiserver {

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  // One to four changes.
  std::string mutate(std::string bytes) {
    for (std::size_t i = 0, times = 1 + below(4); i < times && !bytes.empty(); ++i) change(bytes);
    return bytes;
  }

 private:
  void change(std::string& bytes) {
    const std::size_t at = below(bytes.size());
    const std::size_t length = 1 + below(std::min<std::size_t>(30, bytes.size() - at));
    switch (below(7)) {
      case 0:
        bytes.erase(at, length);
        return;
      case 1:
        bytes.insert(below(bytes.size()), bytes.substr(at, length));
        return;
      case 2:
        bytes.resize(at);
        return;
      case 3:
        bytes.insert(at, length, static_cast<char>(below(256)));
        return;
      case 4:  // a length or a tag that is off by one
        bytes[at] = static_cast<char>(bytes[at] + (below(2) == 0 ? 1 : -1));
        return;
      case 5:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        return;
      default:
        bytes[at] = static_cast<char>(below(256));
    }
  }

  std::mt19937 random_;
};

}  // namespace cubelet::apiserver
