#include "staticpods/objects/object_file.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "kubelet/api/field_errors.h"
#include "kubelet/api/names.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/node.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::staticpods {
namespace {

namespace core = ::k8s::core::v1;
namespace node = ::k8s::node::v1;
namespace storage = ::k8s::storage::v1;
using api::Field;
using api::FieldErrors;

constexpr std::size_t kMaxData = std::size_t{1024} * 1024;  // as the API server allows

void checkKey(std::string_view key, const Field& field, std::size_t& size, std::size_t bytes, FieldErrors& errors) {
  errors.invalid(field.key(key), key, api::whyNotConfigKey(key));
  size += key.size() + bytes;
}

void finish(core::ConfigMap& object, FieldErrors& errors) {
  std::size_t size = 0;
  for (const auto& [key, value] : object.data()) checkKey(key, Field("data"), size, value.size(), errors);
  for (const auto& [key, value] : object.binarydata()) {
    checkKey(key, Field("binaryData"), size, value.size(), errors);
    if (object.data().contains(key)) errors.duplicate(Field("binaryData").key(key), key);
  }
  if (size > kMaxData) errors.tooLong(Field("data"), kMaxData);
}

void finish(core::Secret& object, FieldErrors& errors) {
  for (const auto& [key, value] : object.stringdata()) (*object.mutable_data())[key] = value;
  object.clear_stringdata();
  std::size_t size = 0;
  for (const auto& [key, value] : object.data()) checkKey(key, Field("data"), size, value.size(), errors);
  if (size > kMaxData) errors.tooLong(Field("data"), kMaxData);
}

// No controller finds a volume here, so that the claim has to name its own.
void finish(core::PersistentVolumeClaim& object, FieldErrors& errors) {
  object.clear_status();
  if (object.spec().volumename().empty())
    errors.required(Field("spec.volumeName"), "on a standalone node a claim names its volume");
}

void finish(core::PersistentVolume& object, FieldErrors& errors) {
  object.clear_status();
  const core::PersistentVolumeSource& source = object.spec().persistentvolumesource();
  const int sources =
      int{source.has_hostpath()} + int{source.has_local()} + int{source.has_nfs()} + int{source.has_csi()};
  if (sources != 1) errors.required(Field("spec"), "exactly one of hostPath, local, nfs and csi");
  for (const auto& [field, path] :
       {std::pair("spec.hostPath.path", source.has_hostpath() ? &source.hostpath().path() : nullptr),
        std::pair("spec.local.path", source.has_local() ? &source.local().path() : nullptr),
        std::pair("spec.nfs.path", source.has_nfs() ? &source.nfs().path() : nullptr)})
    if (path != nullptr && (!path->starts_with('/') || (*path + "/").contains("/../")))
      errors.invalid(Field(field), *path, "must be an absolute path without '..'");
  if (source.has_nfs() && source.nfs().server().empty()) errors.required(Field("spec.nfs.server"));
  if (source.has_csi() && source.csi().driver().empty()) errors.required(Field("spec.csi.driver"));
  if (source.has_csi() && source.csi().volumehandle().empty()) errors.required(Field("spec.csi.volumeHandle"));
}

void finish(node::RuntimeClass& object, FieldErrors& errors) {
  errors.invalid(Field("handler"), object.handler(), api::whyNotDnsLabel(object.handler()));
}

// Nobody attaches volumes here, and there are no tokens to give.
void finish(storage::CSIDriver& object, FieldErrors& errors) {
  if (object.spec().tokenrequests_size() > 0)
    errors.forbidden(Field("spec.tokenRequests"), "a standalone node has no service account tokens");
  for (int i = 0; i < object.spec().volumelifecyclemodes_size(); ++i) {
    const std::string& mode = object.spec().volumelifecyclemodes(i);
    if (mode != "Persistent" && mode != "Ephemeral")
      errors.invalid(Field("spec.volumeLifecycleModes").index(i), mode, "must be Persistent or Ephemeral");
  }
}

void checkMeta(k8s::meta::v1::ObjectMeta& meta, bool namespaced, FieldErrors& errors) {
  meta.clear_deletiontimestamp();
  meta.clear_deletiongraceperiodseconds();
  if (meta.name().empty())
    errors.required(Field("metadata.name"));
  else
    errors.invalid(Field("metadata.name"), meta.name(), api::whyNotDnsSubdomain(meta.name()));
  if (!namespaced) {
    if (!meta.namespace_().empty()) errors.forbidden(Field("metadata.namespace"), "this kind has no namespace");
    return;
  }
  if (meta.namespace_().empty()) meta.set_namespace_("default");
  errors.invalid(Field("metadata.namespace"), meta.namespace_(), api::whyNotDnsLabel(meta.namespace_()));
}

template <class T>
ObjectPtr read(const api::Document& document, bool namespaced, ObjectKey& key, std::vector<api::Problem>& problems) {
  auto object = std::make_shared<T>();
  if (!api::decode(document, api::UnknownFields::kReject, *object, problems)) return nullptr;
  FieldErrors errors;
  checkMeta(*object->mutable_metadata(), namespaced, errors);
  finish(*object, errors);
  for (api::Problem& problem : errors.take()) {
    problem.line = api::lineOf(document, problem.path);
    problems.push_back(std::move(problem));
  }
  key.ns = object->metadata().namespace_();
  key.name = object->metadata().name();
  return object;
}

struct Kind {
  std::string_view apiVersion;
  std::string_view kind;
  std::string_view shown;  // in messages
  bool namespaced;
  ObjectPtr (*read)(const api::Document&, bool, ObjectKey&, std::vector<api::Problem>&);
};

// In the order of ObjectKind.
constexpr Kind kKinds[] = {
    {"v1", "ConfigMap", "configmap", true, &read<core::ConfigMap>},
    {"v1", "Secret", "secret", true, &read<core::Secret>},
    {"v1", "PersistentVolumeClaim", "persistentvolumeclaim", true, &read<core::PersistentVolumeClaim>},
    {"v1", "PersistentVolume", "persistentvolume", false, &read<core::PersistentVolume>},
    {"node.k8s.io/v1", "RuntimeClass", "runtimeclass", false, &read<node::RuntimeClass>},
    {"storage.k8s.io/v1", "CSIDriver", "csidriver", false, &read<storage::CSIDriver>},
};

std::string whyNot(const api::Document& document) {
  if (document.kind.empty() || document.apiVersion.empty())
    return std::string(document.kind.empty() ? "kind" : "apiVersion") + " is missing: an object needs both";
  if (document.kind == "Pod") return "a Pod is no object for pods: it belongs into the directory of manifests";
  return document.apiVersion + " " + document.kind +
         " is of no use here: only v1 ConfigMap, Secret, PersistentVolumeClaim, PersistentVolume, node.k8s.io/v1 "
         "RuntimeClass and storage.k8s.io/v1 CSIDriver are";
}

void parseOne(const api::Document& document, ObjectFile& file) {
  const auto* kind = std::ranges::find_if(
      kKinds, [&](const Kind& one) { return one.apiVersion == document.apiVersion && one.kind == document.kind; });
  if (kind == std::end(kKinds)) {
    file.problems.push_back({.line = document.line, .path = "", .message = whyNot(document)});
    return;
  }
  ObjectKey key;
  key.kind = static_cast<ObjectKind>(kind - std::begin(kKinds));
  ObjectPtr object = kind->read(document, kind->namespaced, key, file.problems);
  if (object) file.objects.push_back({std::move(key), document.line, std::move(object)});
}

}  // namespace

std::string ObjectKey::text() const {
  return std::string(kKinds[static_cast<std::size_t>(kind)].shown) + " \"" + (ns.empty() ? "" : ns + "/") + name + "\"";
}

std::string ObjectKey::notFound() const {
  return std::string(kKinds[static_cast<std::size_t>(kind)].shown) + " \"" + name + "\" not found";
}

bool ObjectFile::valid() const {
  return std::ranges::none_of(problems, &api::Problem::fatal);
}

ObjectFile parseObjects(std::string_view text) {
  ObjectFile file;
  for (const api::Document& document : api::parseDocuments(text, api::ParseLimits{}, file.problems))
    for (const api::Document& item : api::expandLists(document, file.problems)) parseOne(item, file);
  std::ranges::sort(file.problems, {}, [](const api::Problem& p) { return std::tie(p.line, p.path, p.message); });
  if (!file.valid()) file.objects.clear();
  return file;
}

}  // namespace cubelet::staticpods
