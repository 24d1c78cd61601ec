// kubectl as somebody who may do everything.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/harness/manifest.h"
#include "integration/harness/process.h"

namespace cubelet::integration {

class Kubectl {
 public:
  // Its caches and the objects it is given lie in `home`, which must be there when it is used.
  Kubectl(std::filesystem::path home, std::filesystem::path kubeconfig);

  Finished kubectl(std::vector<std::string> words, Duration limit = std::chrono::seconds(60)) const;
  // `kubectl get WORDS -o json`; null when it fails, as for what is not there.
  json get(std::vector<std::string> words) const;
  // Creates the object or changes it to this. Throws std::runtime_error when it is refused, as does remove().
  void apply(const json& object) const;
  // PUT of the object to a path of the API server, for subresources. Throws as apply() does.
  void replaceRaw(const std::string& path, const json& object) const;
  void remove(std::vector<std::string> words) const;  // `kubectl delete WORDS`; what is not there is fine

 private:
  std::filesystem::path home_;
  std::filesystem::path kubeconfig_;
};

}  // namespace cubelet::integration
