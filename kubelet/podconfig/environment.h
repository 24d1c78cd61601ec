// A container's environment, command and arguments (CFG-1 to CFG-11).
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kubelet/podconfig/node_facts.h"
#include "kubelet/podconfig/service_environment.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

using Environment = std::vector<std::pair<std::string, std::string>>;  // names are unique

// Replaces $(NAME) by its value, $$ by $; unknown names stay as they are. Results are not expanded again (CFG-2).
std::string expand(std::string_view text, const Environment& environment);
// The same; names that `text` uses and that have no value, or an empty one, are added to `unset`.
std::string expand(std::string_view text, const Environment& environment, std::set<std::string>& unset);

// A ConfigMap or Secret of the pod's namespace that a container's environment is made from.
struct ObjectNeed {
  enum class Kind { kConfigMap, kSecret };
  Kind kind = Kind::kConfigMap;
  std::string name;
  bool optional = false;  // no reference insists on it
  bool operator==(const ObjectNeed&) const = default;
};
// In the order in which they are looked at, each once.
std::vector<ObjectNeed> environmentNeeds(const core::Container& container);

// A file in one of the pod's volumes that fileKeyRef names (CFG-10).
struct FileNeed {
  std::string volume;
  std::string path;  // below the volume
  auto operator<=>(const FileNeed&) const = default;
};
// Each once.
std::set<FileNeed> environmentFiles(const core::Container& container);

// The objects that the environment is made from, by name. One that is not here does not exist.
struct References {
  std::map<std::string, std::shared_ptr<const core::ConfigMap>> configMaps;
  std::map<std::string, std::shared_ptr<const core::Secret>> secrets;
  std::vector<ServicePtr> services;
  std::map<FileNeed, Result<std::string>> files;  // content, or why it could not be read
};

// `env` wins over `envFrom`, and that over the services (CFG-4); within each the last duplicate wins. Values see what
// was declared before them, all of envFrom and the services (CFG-3). Errors have reason CreateContainerConfigError;
// kNotFound for an object or a key that is not there (CFG-6).
Result<Environment> makeEnvironment(const core::Pod& pod, const core::Container& container, const NodeFacts& node,
                                    const std::vector<std::string>& podIps, const References& references);

// For each object in `envFrom` with keys that cannot name a variable, and are left out, the message of an event
// InvalidEnvironmentVariableNames. The API accepts no such key today; other servers might.
std::vector<std::string> invalidNames(const core::Pod& pod, const core::Container& container,
                                      const References& references);

// Value of a downward API field: metadata.name, metadata.labels['k'], status.podIP, ... (CFG-8).
Result<std::string> fieldValue(const core::Pod& pod, const NodeFacts& node, const std::vector<std::string>& podIps,
                               std::string_view path);

// Value of limits.cpu, requests.memory, ... in units of the divisor, rounded up (CFG-9). `own` is the container whose
// environment is made; the selector may name another one.
Result<std::string> resourceValue(const core::Pod& pod, const core::Container& own, const NodeFacts& node,
                                  const core::ResourceFieldSelector& selector);

}  // namespace cubelet::podconfig
