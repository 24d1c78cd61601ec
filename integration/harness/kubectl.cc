#include "integration/harness/kubectl.h"

#include <fstream>
#include <stdexcept>

namespace cubelet::integration {
namespace fs = std::filesystem;

Kubectl::Kubectl(fs::path home, fs::path kubeconfig) : home_(std::move(home)), kubeconfig_(std::move(kubeconfig)) {}

Finished Kubectl::kubectl(std::vector<std::string> words, Duration limit) const {
  // Its caches stay with us, and what the user's kubectl is set up for does not matter.
  std::vector<std::string> argv = {"env", "HOME=" + home_.string(), "KUBECONFIG=" + kubeconfig_.string(), "kubectl"};
  argv.insert(argv.end(), words.begin(), words.end());
  return run(argv, limit);
}

json Kubectl::get(std::vector<std::string> words) const {
  words.insert(words.begin(), "get");
  words.insert(words.end(), {"-o", "json"});
  Finished answer = kubectl(std::move(words));
  return answer.ok() ? json::parse(answer.output) : json(nullptr);
}

void Kubectl::apply(const json& object) const {
  fs::path file = home_ / "apply.json";
  std::ofstream(file) << object.dump();
  // The API server says what it thinks of the object; a newer kubectl need not know this one's schema.
  Finished applied = kubectl({"apply", "--validate=false", "-f", file.string()});
  if (!applied.ok()) throw std::runtime_error("kubectl apply failed:\n" + applied.errors);
}

void Kubectl::replaceRaw(const std::string& path, const json& object) const {
  fs::path file = home_ / "replace.json";
  std::ofstream(file) << object.dump();
  Finished replaced = kubectl({"replace", "--raw", path, "-f", file.string()});
  if (!replaced.ok()) throw std::runtime_error("kubectl replace failed:\n" + replaced.errors);
}

void Kubectl::remove(std::vector<std::string> words) const {
  words.insert(words.begin(), {"delete", "--ignore-not-found"});
  Finished removed = kubectl(std::move(words));
  if (!removed.ok()) throw std::runtime_error("kubectl delete failed:\n" + removed.errors);
}

}  // namespace cubelet::integration
