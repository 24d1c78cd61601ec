// Small things that all benches need.
#pragma once

#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "integration/harness/node.h"

namespace cubelet::integration {

struct Settings {
  int singles = 15;
  int many = 50;  // pods at once on a standalone node, and those of the idle rows
  int manyInCluster = 100;
  int rounds = 3;
  int idleSeconds = 30;
  std::string jsonFile;
  bool floorOnly = false;
  bool standalone = true;
  bool csi = true;
  bool cluster = true;
  bool server = true;
};

// The monotonic clock: the one that `mark` notes.
inline std::chrono::nanoseconds monotonicNow() {
  return std::chrono::steady_clock::now().time_since_epoch();
}
inline double milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

inline void say(const std::string& what) {
  fprintf(stderr, "bench: %s\n", what.c_str());
}

// Throws std::runtime_error with the end of the agent's log.
inline void must(const ::testing::AssertionResult& result, Node& node) {
  if (result) return;
  std::string log = node.log();
  throw std::runtime_error(std::string(result.message()) + "\n--- the agent's log:\n" +
                           log.substr(log.size() > 6000 ? log.size() - 6000 : 0));
}

// When the program behind this record started the n-th time; waits for it.
inline std::chrono::nanoseconds startOf(Node& node, const std::string& record, std::size_t nth = 1) {
  must(eventually(record + " has started", std::chrono::seconds(120),
                  [&] { return node.starts(record) >= nth ? "" : "not yet"; }),
       node);
  return node.marks(record)[nth - 1].monotonic;
}

}  // namespace cubelet::integration
