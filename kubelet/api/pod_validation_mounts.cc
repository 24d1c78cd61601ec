#include <algorithm>

#include "kubelet/api/pod_validation.h"

namespace cubelet::api::validation {
namespace {

// Names and paths on the other side, which must not be used twice.
struct Taken {
  std::set<std::string> names;
  std::set<std::string> paths;
};

void checkSubPath(const core::VolumeMount& mount, const Field& field, FieldErrors& errors) {
  if (!mount.subpath().empty()) checkRelativePath(mount.subpath(), field.child("subPath"), errors);
  if (mount.subpathexpr().empty()) return;
  if (!mount.subpath().empty())
    errors.invalid(field.child("subPathExpr"), mount.subpathexpr(), "subPathExpr and subPath are mutually exclusive");
  checkRelativePath(mount.subpathexpr(), field.child("subPathExpr"), errors);
}

void checkPropagation(const core::Container& container, const core::VolumeMount& mount, const Field& field,
                      FieldErrors& errors) {
  if (!mount.has_mountpropagation()) return;
  errors.oneOf(field, mount.mountpropagation(), {"Bidirectional", "HostToContainer", "None"});
  if (mount.mountpropagation() == "Bidirectional" && !container.securitycontext().privileged())
    errors.forbidden(field, "Bidirectional mount propagation is available only to privileged containers");
}

void checkRecursiveReadOnly(const core::VolumeMount& mount, const Field& field, FieldErrors& errors) {
  if (!mount.has_recursivereadonly()) return;
  errors.oneOf(field, mount.recursivereadonly(), {"Disabled", "Enabled", "IfPossible"});
  if (mount.recursivereadonly() != "Enabled" && mount.recursivereadonly() != "IfPossible") return;
  if (!mount.readonly()) errors.forbidden(field, "may only be specified when readOnly is true");
  if (mount.has_mountpropagation() && mount.mountpropagation() != "None")
    errors.forbidden(field, "may only be specified when mountPropagation is None or not specified");
}

void checkMount(const PodContext& context, const core::Container& container, const core::VolumeMount& mount,
                std::set<std::string>& mountPaths, const Taken& devices, const Field& field, FieldErrors& errors) {
  if (mount.name().empty())
    errors.required(field.child("name"));
  else if (!context.volumes.contains(mount.name()))
    errors.notFound(field.child("name"), mount.name());
  if (devices.names.contains(mount.name()))
    errors.invalid(field.child("name"), mount.name(), "must not already exist in volumeDevices");
  Field path = field.child("mountPath");
  if (mount.mountpath().empty())
    errors.required(path);
  else if (!mountPaths.insert(mount.mountpath()).second)
    errors.invalid(path, mount.mountpath(), "must be unique");
  if (devices.paths.contains(mount.mountpath()))
    errors.invalid(path, mount.mountpath(), "must not already exist as a path in volumeDevices");
  checkSubPath(mount, field, errors);
  checkPropagation(container, mount, field.child("mountPropagation"), errors);
  checkRecursiveReadOnly(mount, field.child("recursiveReadOnly"), errors);
}

void checkDevice(const PodContext& context, const core::VolumeDevice& device, Taken& devices, const Taken& mounts,
                 const Field& field, FieldErrors& errors) {
  Field name = field.child("name");
  auto volume = context.volumes.find(device.name());
  if (device.name().empty())
    errors.required(name);
  else if (volume == context.volumes.end())
    errors.notFound(name, device.name());
  else if (!volume->second->has_persistentvolumeclaim() && !volume->second->has_ephemeral())
    errors.invalid(name, device.name(),
                   "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
  if (!device.name().empty() && !devices.names.insert(device.name()).second)
    errors.invalid(name, device.name(), "must be unique");
  if (mounts.names.contains(device.name()))
    errors.invalid(name, device.name(), "must not already exist in volumeMounts");
  Field path = field.child("devicePath");
  if (device.devicepath().empty()) return errors.required(path);
  checkNoBacksteps(device.devicepath(), path, errors);
  if (!devices.paths.insert(device.devicepath()).second) errors.invalid(path, device.devicepath(), "must be unique");
  if (mounts.paths.contains(device.devicepath()))
    errors.invalid(path, device.devicepath(), "must not already exist as a path in volumeMounts");
}

}  // namespace

void checkMounts(const PodContext& context, const core::Container& container, const Field& field, FieldErrors& errors) {
  Taken mounts;
  Taken devices;
  for (const core::VolumeDevice& device : container.volumedevices()) {
    devices.names.insert(device.name());
    devices.paths.insert(device.devicepath());
  }
  for (int i = 0; i < container.volumemounts_size(); ++i) {
    const core::VolumeMount& mount = container.volumemounts(i);
    checkMount(context, container, mount, mounts.paths, devices, field.child("volumeMounts").index(i), errors);
    mounts.names.insert(mount.name());
  }
  devices = {};
  for (int i = 0; i < container.volumedevices_size(); ++i)
    checkDevice(context, container.volumedevices(i), devices, mounts, field.child("volumeDevices").index(i), errors);
}

}  // namespace cubelet::api::validation
