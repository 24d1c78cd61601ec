// Manifests for the tests of this folder.
#pragma once

#include <string>

namespace cubelet::staticpods {

inline std::string podText(const std::string& name, const std::string& image = "busybox") {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name +
         "\nspec:\n  containers:\n  - name: main\n    image: " + image + "\n";
}

}  // namespace cubelet::staticpods
