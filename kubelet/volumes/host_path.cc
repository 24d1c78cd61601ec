#include "kubelet/volumes/host_path.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace cubelet::volumes {
namespace {

struct Kind {
  const char* type;  // of the API
  const char* noun;  // of upstream's message
  mode_t format;
};
constexpr Kind kKinds[] = {{"Directory", "a directory", S_IFDIR},
                           {"DirectoryOrCreate", "a directory", S_IFDIR},
                           {"File", "a file", S_IFREG},
                           {"FileOrCreate", "a file", S_IFREG},
                           {"Socket", "a socket file", S_IFSOCK},
                           {"CharDevice", "a character device", S_IFCHR},
                           {"BlockDevice", "a block device", S_IFBLK}};

// Symbolic links are the host's own and are followed.
Result<std::optional<mode_t>> formatOf(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0) return std::optional<mode_t>(info.st_mode & S_IFMT);
  if (errno == ENOENT) return std::optional<mode_t>();
  return fail(errnoError(errno, "look at host path " + path));
}

Result<void> createFile(const std::string& path) {
  Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  if (!file) return fail(errnoError(errno, "create host path " + path));
  return {};
}

Result<void> checkType(const std::string& path, const std::string& type) {
  const Kind* kind = nullptr;
  for (const Kind& one : kKinds)
    if (type == one.type) kind = &one;
  if (kind == nullptr) return fail(Code::kInvalid, "", "hostPath type check failed: unknown type " + type);
  Result<std::optional<mode_t>> format = formatOf(path);
  if (!format) return fail(format.error());
  if (!*format) {
    if (type == "DirectoryOrCreate") return makeDirectories(path, 0755);
    if (type == "FileOrCreate") return createFile(path);
  }
  if (!*format || **format != kind->format)
    return fail(Code::kInvalid, "", "hostPath type check failed: " + path + " is not " + kind->noun);
  return {};
}

}  // namespace

Result<std::string> HostPath::setUp(const VolumeRequest& request) const {
  const core::HostPathVolumeSource& source = request.persistent
                                                 ? request.persistent->spec().persistentvolumesource().hostpath()
                                                 : request.volume.volumesource().hostpath();
  if (!source.type().empty())
    if (Result<void> right = checkType(source.path(), source.type()); !right) return fail(right.error());
  return source.path();
}

}  // namespace cubelet::volumes
