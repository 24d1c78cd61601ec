#include "kubelet/volumes/local_volume.h"

#include <cerrno>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/files.h"
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

}  // namespace

Result<std::string> LocalVolume::setUp(const VolumeRequest& request) const {
  const core::PersistentVolume& volume = *request.persistent;
  const std::string& source = volume.spec().persistentvolumesource().local().path();
  Result<mode_t> format = formatOf(source);
  if (!format) return fail(format.error());
  if (isBlock(volume)) {
    if (*format == S_IFBLK) return source;
    return fail(Code::kInvalid, "", "path \"" + source + "\" is no block device, as volumeMode Block needs it");
  }
  if (*format == S_IFBLK)
    return fail(Code::kUnimplemented, "",
                "path \"" + source +
                    "\" is a block device: mount its file system on the node and let the volume name that directory");
  if (*format != S_IFDIR) return fail(Code::kInvalid, "", "path \"" + source + "\" is no directory");
  std::string target = layout::volumeDirectory(request.dirs, request.pod.metadata().uid(), "kubernetes.io/local-volume",
                                               volume.metadata().name());
  if (Result<void> made = makeDirectories(target, kDirectoryMode); !made) return fail(made.error());
  if (Result<void> bound = bindDirectory(source, target, isReadOnly(request.volume.volumesource())); !bound)
    return fail(bound.error());
  return target;
}

bool LocalVolume::takesFsGroup(const VolumeRequest& request) const {
  return !isBlock(*request.persistent) && !isReadOnly(request.volume.volumesource());
}

}  // namespace cubelet::volumes
