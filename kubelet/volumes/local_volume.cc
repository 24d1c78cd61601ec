#include "kubelet/volumes/local_volume.h"

#include <cerrno>
#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "kubelet/volumes/block_device.h"
#include "kubelet/volumes/claim_rules.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

constexpr mode_t kDirectoryMode = 0750;

Result<mode_t> formatOf(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0) return info.st_mode & S_IFMT;
  if (errno == ENOENT) return fail(Code::kInvalid, "", "path \"" + path + "\" does not exist");
  return fail(errnoError(errno, "look at " + path));
}

Result<void> bindDirectory(const std::string& source, const std::string& target, bool readOnly) {
  Result<bool> mounted = isMountPoint(target);
  if (!mounted) return fail(mounted.error());
  if (!*mounted && ::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail(errnoError(errno, "bind " + source + " to " + target));
  // A bind mount is made writable first: whoever was killed in between has left it so.
  if (readOnly && ::mount(nullptr, target.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
    return fail(errnoError(errno, "make " + target + " read-only"));
  return {};
}

// As upstream has it, for whoever looks which devices a pod has (VOL-4). Goes with the pod's directory.
Result<void> linkDevice(const std::string& device, const VolumeRequest& request) {
  const std::string directory = joinPath(layout::podDirectory(request.dirs, request.pod.metadata().uid()),
                                         "volumeDevices/kubernetes.io~local-volume");
  if (Result<void> made = makeDirectories(directory, kDirectoryMode); !made) return made;
  const std::string link = joinPath(directory, request.persistent->metadata().name());
  std::error_code none;
  if (std::filesystem::read_symlink(link, none) == device) return {};
  if (Result<void> removed = removeFile(link); !removed) return removed;
  if (::symlink(device.c_str(), link.c_str()) != 0) return fail(errnoError(errno, "link " + link + " to " + device));
  return {};
}

}  // namespace

Result<std::string> LocalVolume::setUp(const VolumeRequest& request) const {
  const core::PersistentVolume& volume = *request.persistent;
  const std::string& source = volume.spec().persistentvolumesource().local().path();
  Result<mode_t> format = formatOf(source);
  if (!format) return fail(format.error());
  if (isBlock(volume)) {
    if (*format != S_IFBLK)
      return fail(Code::kInvalid, "", "path \"" + source + "\" is no block device, as volumeMode Block needs it");
    if (Result<void> linked = linkDevice(source, request); !linked) return fail(linked.error());
    return source;
  }
  if (*format != S_IFDIR && *format != S_IFBLK)
    return fail(Code::kInvalid, "", "path \"" + source + "\" is no directory and no block device");
  std::string target = layout::volumeDirectory(request.dirs, request.pod.metadata().uid(), "kubernetes.io/local-volume",
                                               volume.metadata().name());
  if (Result<void> made = makeDirectories(target, kDirectoryMode); !made) return fail(made.error());
  if (*format == S_IFBLK) return target;
  if (Result<void> bound = bindDirectory(source, target, isReadOnly(request.volume.volumesource())); !bound)
    return fail(bound.error());
  return target;
}

Task<Result<void>> LocalVolume::mount(VolumeRequest request, std::string path, Sources sources) const {
  const core::PersistentVolumeSpec& spec = request.persistent->spec();
  const core::LocalVolumeSource& source = spec.persistentvolumesource().local();
  if (isBlock(*request.persistent)) co_return Result<void>();
  Result<mode_t> format = formatOf(source.path());
  if (!format) co_return fail(format.error());
  if (*format != S_IFBLK) co_return Result<void>();
  DeviceMount what;
  what.device = source.path();
  what.fsType = source.fstype();
  what.target = std::move(path);
  what.options.assign(spec.mountoptions().begin(), spec.mountoptions().end());
  what.readOnly = isReadOnly(request.volume.volumesource());
  auto mounting = mountDevice(std::move(what), sources.runProgram);
  co_return co_await std::move(mounting);
}

bool LocalVolume::takesFsGroup(const VolumeRequest& request) const {
  return !isBlock(*request.persistent) && !isReadOnly(request.volume.volumesource());
}

Relabel LocalVolume::relabels(const VolumeRequest& request) const {
  return takesFsGroup(request) ? Relabel::kAlways : Relabel::kNever;
}

}  // namespace cubelet::volumes
