// Who may have a pod that several files define.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace cubelet::staticpods {

// A file and the keys (pod names, UIDs) of its pods. A file is applied as a whole or not at all.
struct Claim {
  std::string file;
  bool valid = false;                // false: the current version cannot be used
  std::vector<std::string> current;  // keys of the current version
  std::vector<std::string> kept;     // keys of the version that is in effect now; empty when none is
};

// The key that kept a file out, and the file that has it.
struct Conflict {
  std::string key;
  std::string holder;
};

// Decides which files take effect in their current version; all others stay with the version in effect. A file takes
// effect when it gets all its keys. A key goes to the file that has it in effect now and still wants it, else to the
// first by name; so two files may swap their pods in one step. Answers the conflict of each valid file that stays out.
// Pure. The `kept` keys of two files never overlap; neither do the keys that are in effect after this decision.
std::map<std::string, Conflict> resolveClaims(const std::vector<Claim>& claims);

}  // namespace cubelet::staticpods
