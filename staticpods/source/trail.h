// Where a path leads, and which directories can change that.
#pragma once

#include <string>
#include <vector>

namespace cubelet::staticpods {

struct TrailStep {
  std::string directory;  // without links
  // The entry in it that is a link, is missing, or is the file at the end. Empty: a directory was only walked through,
  // so that nothing but its own move or removal matters.
  std::string entry;
};

struct Trail {
  std::vector<TrailStep> steps;
  std::string target;        // where it leads, without links; empty when it leads nowhere
  bool isDirectory = false;  // of the target
  int error = 0;             // errno when it leads nowhere
};

// Follows the absolute `path` link by link, as the kernel would, and notes each step. Whoever watches all steps learns
// of everything that can make the path lead elsewhere: a link that is swapped, a directory that is renamed, an entry
// that appears. Blocks for file-system look-ups.
Trail followPath(const std::string& path);

}  // namespace cubelet::staticpods
