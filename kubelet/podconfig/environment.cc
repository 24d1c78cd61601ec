#include "kubelet/podconfig/environment.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>

#include "kubelet/api/names.h"
#include "kubelet/api/quantity.h"
#include "kubelet/podconfig/env_file.h"

namespace cubelet::podconfig {
namespace {

constexpr char kConfigError[] = "CreateContainerConfigError";

// Variables in order of declaration, found by name: there can be thousands when a namespace has many services.
class Variables {
 public:
  void set(const std::string& name, std::string value) {
    const auto [place, isNew] = places_.try_emplace(name, all_.size());
    if (isNew)
      all_.emplace_back(name, std::move(value));
    else
      all_[place->second].second = std::move(value);
  }
  const std::string* find(std::string_view name) const {
    auto place = places_.find(std::string(name));
    return place == places_.end() ? nullptr : &all_[place->second].second;
  }
  const Environment& all() const { return all_; }

 private:
  Environment all_;
  std::unordered_map<std::string, std::size_t> places_;
};

std::string commaJoined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += ',';
    out += part;
  }
  return out;
}

// "metadata.labels['app']" with prefix "metadata.labels" -> "app".
std::optional<std::string> subscript(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.starts_with("['") || !path.ends_with("']") || path.size() < 4) return std::nullopt;
  return std::string(path.substr(2, path.size() - 4));
}

template <class Map>
std::string mapValue(const Map& map, const std::string& key) {
  auto it = map.find(key);
  return it == map.end() ? std::string() : it->second;
}

std::unexpected<Error> missing(std::string message) {
  return fail(Code::kNotFound, kConfigError, std::move(message));
}

// Null when there is no such object.
template <class T>
const T* objectOf(const std::map<std::string, std::shared_ptr<const T>>& objects, const std::string& name) {
  auto found = objects.find(name);
  return found == objects.end() ? nullptr : found->second.get();
}

std::unexpected<Error> noConfigMap(const std::string& name) {
  return missing("configmap \"" + name + "\" not found");
}

std::unexpected<Error> noSecret(const std::string& name) {
  return missing("secret \"" + name + "\" not found");
}

// A value that is left out on purpose: what `optional` allows.
using Value = std::optional<std::string>;

Result<Value> configMapValue(const core::Pod& pod, const core::ConfigMapKeySelector& selector,
                             const References& references) {
  const std::string& name = selector.localobjectreference().name();
  const core::ConfigMap* object = objectOf(references.configMaps, name);
  if (object == nullptr && selector.optional()) return Value();
  if (object == nullptr) return noConfigMap(name);
  if (auto entry = object->data().find(selector.key()); entry != object->data().end()) return Value(entry->second);
  if (selector.optional()) return Value();
  return missing("couldn't find key " + selector.key() + " in ConfigMap " + pod.metadata().namespace_() + "/" + name);
}

Result<Value> secretValue(const core::Pod& pod, const core::SecretKeySelector& selector, const References& references) {
  const std::string& name = selector.localobjectreference().name();
  const core::Secret* object = objectOf(references.secrets, name);
  if (object == nullptr && selector.optional()) return Value();
  if (object == nullptr) return noSecret(name);
  if (auto entry = object->data().find(selector.key()); entry != object->data().end()) return Value(entry->second);
  if (selector.optional()) return Value();
  return missing("couldn't find key " + selector.key() + " in Secret " + pod.metadata().namespace_() + "/" + name);
}

// With upstream's messages. A file that cannot be used is an error even where the key is optional.
Result<Value> fileValue(const core::FileKeySelector& selector, const References& references) {
  auto file = references.files.find(FileNeed{selector.volumename(), selector.path()});
  if (file == references.files.end())
    return missing("cannot find the volume \"" + selector.volumename() + "\" referenced by FileKeyRef");
  if (!file->second) return fail(Error(file->second.error().code, kConfigError, file->second.error().message));
  Result<Value> value = envFileValue(*file->second, selector.key());
  if (!value)
    return fail(Code::kInvalid, kConfigError,
                "couldn't parse env file " + selector.path() + " in volume " + selector.volumename() + ": " +
                    value.error().message);
  if (*value && !(*value)->empty()) return value;
  if (selector.optional()) return Value();
  return missing("environment variable key \"" + selector.key() + "\" not found in file \"" + selector.path() + "\"");
}

Result<Value> resolve(const core::Pod& pod, const core::Container& container, const NodeFacts& node,
                      const std::vector<std::string>& podIps, const References& references,
                      const core::EnvVar& variable) {
  const core::EnvVarSource& source = variable.valuefrom();
  if (source.has_fieldref()) return fieldValue(pod, node, podIps, source.fieldref().fieldpath());
  if (source.has_resourcefieldref()) return resourceValue(pod, container, node, source.resourcefieldref());
  if (source.has_configmapkeyref()) return configMapValue(pod, source.configmapkeyref(), references);
  if (source.has_secretkeyref()) return secretValue(pod, source.secretkeyref(), references);
  if (source.has_filekeyref()) return fileValue(source.filekeyref(), references);
  return fail(Code::kUnimplemented, kConfigError,
              "environment variable " + variable.name() + ": this kind of reference is not supported yet");
}

// Maps have no order of their own: sorted, so that the same pod always gets the same environment.
template <class Map>
std::map<std::string, std::string> withPrefix(const std::string& prefix, const Map& data) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : data) out[prefix + key] = value;
  return out;
}

// The variables of one entry of envFrom, before their names were looked at.
Result<std::map<std::string, std::string>> variablesOf(const core::EnvFromSource& from, const References& references) {
  if (from.has_configmapref()) {
    const std::string& name = from.configmapref().localobjectreference().name();
    const core::ConfigMap* object = objectOf(references.configMaps, name);
    if (object != nullptr) return withPrefix(from.prefix(), object->data());
    if (!from.configmapref().optional()) return noConfigMap(name);
  } else if (from.has_secretref()) {
    const std::string& name = from.secretref().localobjectreference().name();
    const core::Secret* object = objectOf(references.secrets, name);
    if (object != nullptr) return withPrefix(from.prefix(), object->data());
    if (!from.secretref().optional()) return noSecret(name);
  }
  return std::map<std::string, std::string>();
}

bool isVariableName(const std::string& name) {
  return api::whyNotEnvName(name).empty();
}

template <class Find>
std::string expandWith(std::string_view text, const Find& find) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[i + 1];
    if (next == '$') {
      out += '$';
      ++i;
    } else if (std::size_t end = next == '(' ? text.find(')', i + 2) : std::string_view::npos;
               end != std::string_view::npos) {
      std::string_view name = text.substr(i + 2, end - i - 2);
      if (const std::string* value = find(name))
        out += *value;
      else
        out.append("$(").append(name).append(")");
      i = end;
    } else {
      out += '$';
    }
  }
  return out;
}

const core::Container* findContainer(const core::Pod& pod, const std::string& name) {
  for (const auto& c : pod.spec().containers())
    if (c.name() == name) return &c;
  for (const auto& c : pod.spec().initcontainers())
    if (c.name() == name) return &c;
  return nullptr;
}

const k8s::meta::v1::Quantity* quantityOf(const google::protobuf::Map<std::string, k8s::meta::v1::Quantity>& quantities,
                                          const std::string& resource) {
  auto it = quantities.find(resource);
  return it == quantities.end() ? nullptr : &it->second;
}

}  // namespace

std::string expand(std::string_view text, const Environment& environment) {
  std::set<std::string> unset;
  return expand(text, environment, unset);
}

std::string expand(std::string_view text, const Environment& environment, std::set<std::string>& unset) {
  return expandWith(text, [&](std::string_view name) -> const std::string* {
    const auto found = std::ranges::find(environment, name, &Environment::value_type::first);
    if (found == environment.end() || found->second.empty()) unset.emplace(name);
    return found == environment.end() ? nullptr : &found->second;
  });
}

std::vector<ObjectNeed> environmentNeeds(const core::Container& container) {
  std::vector<ObjectNeed> out;
  auto add = [&out](ObjectNeed::Kind kind, const auto& reference) {
    const std::string& name = reference.localobjectreference().name();
    auto same = std::find_if(out.begin(), out.end(),
                             [&](const ObjectNeed& need) { return need.kind == kind && need.name == name; });
    if (same == out.end())
      out.push_back({kind, name, reference.optional()});
    else if (!reference.optional())
      same->optional = false;
  };
  for (const core::EnvFromSource& from : container.envfrom()) {
    if (from.has_configmapref()) add(ObjectNeed::Kind::kConfigMap, from.configmapref());
    if (from.has_secretref()) add(ObjectNeed::Kind::kSecret, from.secretref());
  }
  for (const core::EnvVar& variable : container.env()) {
    const core::EnvVarSource& source = variable.valuefrom();
    if (source.has_configmapkeyref()) add(ObjectNeed::Kind::kConfigMap, source.configmapkeyref());
    if (source.has_secretkeyref()) add(ObjectNeed::Kind::kSecret, source.secretkeyref());
  }
  return out;
}

std::set<FileNeed> environmentFiles(const core::Container& container) {
  std::set<FileNeed> out;
  for (const core::EnvVar& variable : container.env())
    if (variable.valuefrom().has_filekeyref())
      out.insert({variable.valuefrom().filekeyref().volumename(), variable.valuefrom().filekeyref().path()});
  return out;
}

Result<Environment> makeEnvironment(const core::Pod& pod, const core::Container& container, const NodeFacts& node,
                                    const std::vector<std::string>& podIps, const References& references) {
  Variables services;
  const bool links = !pod.spec().has_enableservicelinks() || pod.spec().enableservicelinks();
  for (auto& [name, value] : serviceVariables(references.services, pod.metadata().namespace_(), links))
    services.set(name, std::move(value));

  Variables own;
  for (const core::EnvFromSource& from : container.envfrom()) {
    auto variables = variablesOf(from, references);
    if (!variables) return fail(variables.error());
    for (auto& [name, value] : *variables)
      if (isVariableName(name)) own.set(name, std::move(value));
  }
  auto find = [&](std::string_view name) {
    const std::string* value = own.find(name);
    return value != nullptr ? value : services.find(name);
  };
  for (const core::EnvVar& variable : container.env()) {
    if (!variable.has_valuefrom()) {
      own.set(variable.name(), expandWith(variable.value(), find));
      continue;
    }
    Result<Value> value = resolve(pod, container, node, podIps, references, variable);
    if (!value) return fail(value.error());
    if (*value) own.set(variable.name(), std::move(**value));
  }

  Environment all = own.all();
  for (const auto& variable : services.all())
    if (own.find(variable.first) == nullptr) all.push_back(variable);
  return all;
}

std::vector<std::string> invalidNames(const core::Pod& pod, const core::Container& container,
                                      const References& references) {
  std::vector<std::string> out;
  for (const core::EnvFromSource& from : container.envfrom()) {
    auto variables = variablesOf(from, references);
    if (!variables) continue;
    std::string names;
    for (const auto& [name, value] : *variables)
      if (!isVariableName(name)) names += (names.empty() ? "" : ", ") + name;
    if (names.empty()) continue;
    const bool configMap = from.has_configmapref();
    const std::string& object =
        configMap ? from.configmapref().localobjectreference().name() : from.secretref().localobjectreference().name();
    out.push_back("Keys [" + names + "] from the EnvFrom " + (configMap ? "configMap " : "secret ") +
                  pod.metadata().namespace_() + "/" + object +
                  " were skipped since they are considered invalid environment variable names.");
  }
  return out;
}

Result<std::string> fieldValue(const core::Pod& pod, const NodeFacts& node, const std::vector<std::string>& podIps,
                               std::string_view path) {
  if (path == "metadata.name") return pod.metadata().name();
  if (path == "metadata.namespace") return pod.metadata().namespace_();
  if (path == "metadata.uid") return pod.metadata().uid();
  if (path == "spec.nodeName" || path == "spec.host") return node.nodeName;
  if (path == "spec.serviceAccountName") return pod.spec().serviceaccountname();
  if (path == "status.hostIP") return node.hostIps.empty() ? std::string() : node.hostIps.front();
  if (path == "status.hostIPs") return commaJoined(node.hostIps);
  if (path == "status.podIP") return podIps.empty() ? std::string() : podIps.front();
  if (path == "status.podIPs") return commaJoined(podIps);
  if (auto key = subscript(path, "metadata.labels")) return mapValue(pod.metadata().labels(), *key);
  if (auto key = subscript(path, "metadata.annotations")) return mapValue(pod.metadata().annotations(), *key);
  return fail(Code::kInvalid, kConfigError, "field \"" + std::string(path) + "\" is not offered to containers");
}

Result<std::string> resourceValue(const core::Pod& pod, const core::Container& own, const NodeFacts& node,
                                  const core::ResourceFieldSelector& selector) {
  const core::Container* container = &own;
  if (!selector.containername().empty() && selector.containername() != own.name()) {
    container = findContainer(pod, selector.containername());
    if (container == nullptr)
      return fail(Code::kInvalid, kConfigError, "resourceFieldRef names no container: " + selector.containername());
  }
  const std::string& what = selector.resource();
  const bool limit = what.starts_with("limits.");
  if (!limit && !what.starts_with("requests."))
    return fail(Code::kInvalid, kConfigError, "resourceFieldRef: unknown resource \"" + what + "\"");
  const std::string resource = what.substr(what.find('.') + 1);

  const auto* quantity =
      quantityOf(limit ? container->resources().limits() : container->resources().requests(), resource);
  if (quantity == nullptr && limit) quantity = quantityOf(pod.spec().resources().limits(), resource);
  const std::string divisor = selector.has_divisor() && !selector.divisor().string().empty() &&
                                      api::compareQuantities(selector.divisor().string(), "0") > 0
                                  ? selector.divisor().string()
                                  : "1";
  // Thousandths keep fractions of a CPU exact; memory in thousandths of a byte stays below 2^63 up to 8 PiB.
  Result<std::int64_t> unit = api::quantityMilliValue(divisor);
  if (!unit) return fail(unit.error());
  std::int64_t amount = 0;
  if (quantity != nullptr) {
    Result<std::int64_t> parsed = api::quantityMilliValue(quantity->string());
    if (!parsed) return fail(parsed.error());
    amount = *parsed;
  } else if (limit && resource == "cpu") {
    amount = node.milliCpu;
  } else if (limit && resource == "memory") {
    amount = node.memoryBytes * 1000;
  } else if (limit && resource == "ephemeral-storage") {
    amount = node.ephemeralStorageBytes * 1000;
  }
  return std::to_string((amount + *unit - 1) / *unit);
}

}  // namespace cubelet::podconfig
