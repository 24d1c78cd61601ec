// One text of the objects directory becomes objects.
#pragma once

#include <compare>
#include <cstdint>
#include <google/protobuf/message.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/api/codec.h"

namespace cubelet::staticpods {

enum class ObjectKind : std::uint8_t { kConfigMap, kSecret, kClaim, kPersistentVolume, kRuntimeClass, kCsiDriver };

struct ObjectKey {
  ObjectKind kind = ObjectKind::kConfigMap;
  std::string ns;  // empty for kinds without namespaces
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;

  std::string text() const;      // configmap "default/settings"
  std::string notFound() const;  // configmap "settings" not found
};

using ObjectPtr = std::shared_ptr<const google::protobuf::Message>;  // of the kind's own type

struct ObjectFile {
  struct Entry {
    ObjectKey key;
    int line = 0;
    ObjectPtr object;
  };
  // In the order of the text. Empty when anything in it is bad: a file is applied as a whole or not at all.
  std::vector<Entry> objects;
  std::vector<api::Problem> problems;  // sorted by line; none of them shows a value of a Secret
  bool valid() const;
};

// `text` is YAML (several documents are fine) or JSON and holds v1 ConfigMaps, Secrets, PersistentVolumeClaims and
// PersistentVolumes, node.k8s.io/v1 RuntimeClasses and storage.k8s.io/v1 CSIDrivers, or Lists of them. Unknown fields
// are errors. The namespace defaults to "default"; stringData becomes data; what a server keeps about an object
// (deletion, status) is dropped. An empty text is valid. Pure: may be called from any thread.
ObjectFile parseObjects(std::string_view text);

}  // namespace cubelet::staticpods
