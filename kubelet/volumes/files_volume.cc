#include "kubelet/volumes/files_volume.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <set>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <vector>

#include "base/files.h"
#include "kubelet/volumes/atomic_writer.h"
#include "kubelet/volumes/empty_dir.h"

namespace cubelet::volumes {
namespace {

constexpr mode_t kDirectoryMode = 0755;

// The last line of defence for secrets: whatever is mounted here, it must be memory.
Result<void> requireTmpfs(const std::string& path) {
  struct statfs info = {};
  if (::statfs(path.c_str(), &info) != 0) return fail(errnoError(errno, "look at the file system of " + path));
  if (info.f_type == TMPFS_MAGIC) return {};
  return fail(Code::kInternal, "", path + " is no tmpfs, nothing secret is written there");
}

// mkdir -p below `root`. What is there already stays, whatever it is.
Result<void> makeBeneath(const Fd& root, const std::string& path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const std::size_t slash = part.rfind('/');
    const std::string parentPath = slash == std::string::npos ? "." : part.substr(0, slash);
    Result<Fd> parent = openBeneath(root, parentPath, O_RDONLY | O_DIRECTORY, 0, false);
    if (!parent) return fail(parent.error().within("make mount point " + path));
    const std::string name = slash == std::string::npos ? part : part.substr(slash + 1);
    if (::mkdirat(parent->get(), name.c_str(), kDirectoryMode) == 0) {
      if (::fchmodat(parent->get(), name.c_str(), kDirectoryMode, 0) != 0)
        return fail(errnoError(errno, "make mount point " + path));
    } else if (errno != EEXIST) {
      return fail(errnoError(errno, "make mount point " + path));
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> makeNestedMountPoints(const VolumeRequest& request, const std::string& path) {
  const std::vector<std::string> points = nestedMountPoints(request.pod, request.volume.name());
  if (points.empty()) return {};
  Result<Fd> root = openDirectory(path);
  if (!root) return fail(root.error());
  for (const std::string& point : points)
    if (Result<void> made = makeBeneath(*root, point); !made) return made;
  return {};
}

// "/a//b/./c/" becomes "/a/b/c"; nothing when it has "..".
std::string cleanMountPath(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  Result<std::string> clean = cleanPath(path);
  return clean ? "/" + *clean : "";
}

void addNested(const core::Container& container, std::string_view volume, std::set<std::string>& found) {
  std::set<std::string> all;  // a parent sorts before what lies inside it
  std::vector<std::string> own;
  for (const core::VolumeMount& mount : container.volumemounts()) {
    std::string path = cleanMountPath(mount.mountpath());
    if (path.empty()) continue;
    if (mount.name() == volume) own.push_back(path);
    all.insert(std::move(path));
  }
  for (const std::string& outer : own) {
    std::string covered;  // the outermost mount point met last, with a slash
    for (const std::string& path : all) {
      if (!path.starts_with(outer + "/")) continue;
      if (!covered.empty() && path.starts_with(covered)) continue;
      covered = path + "/";
      found.insert(path.substr(outer.size() + 1));
    }
  }
}

}  // namespace

std::vector<std::string> nestedMountPoints(const core::Pod& pod, std::string_view volume) {
  std::set<std::string> found;
  for (const core::Container& container : pod.spec().initcontainers()) addNested(container, volume, found);
  for (const core::Container& container : pod.spec().containers()) addNested(container, volume, found);
  return {found.begin(), found.end()};
}

Error joined(const std::vector<Error>& errors) {
  if (errors.size() == 1) return errors.front();
  std::string message;
  for (const Error& error : errors) message += (message.empty() ? "[" : ", ") + error.message;
  return Error(errors.front().code, errors.front().reason, message + "]");
}

std::unexpected<Error> noApiServer(std::string_view object) {
  return fail(Code::kInvalid, "", "this node has no API server to get " + std::string(object) + " from");
}

Task<Result<objects::ConfigMapPtr>> findConfigMap(objects::Objects* objects, std::string ns, std::string name,
                                                  bool optional) {
  if (objects == nullptr) co_return noApiServer("configmap \"" + name + "\"");
  Result<objects::ConfigMapPtr> object = co_await objects->configMap(std::move(ns), std::move(name));
  if (!object && optional && object.error().code == Code::kNotFound) co_return objects::ConfigMapPtr();
  co_return object;
}

Task<Result<objects::SecretPtr>> findSecret(objects::Objects* objects, std::string ns, std::string name,
                                            bool optional) {
  if (objects == nullptr) co_return noApiServer("secret \"" + name + "\"");
  Result<objects::SecretPtr> object = co_await objects->secret(std::move(ns), std::move(name));
  if (!object && optional && object.error().code == Code::kNotFound) co_return objects::SecretPtr();
  co_return object;
}

Result<std::string> FilesVolume::setUp(const VolumeRequest& request) const {
  core::EmptyDirVolumeSource directory;
  if (backing_ == Backing::kMemory) directory.set_medium("Memory");
  Result<std::string> path = makeVolumeDirectory(request, plugin_, directory);
  if (!path) return path;
  if (backing_ == Backing::kMemory)
    if (Result<void> memory = requireTmpfs(*path); !memory) return fail(memory.error());
  if (Result<void> made = makeNestedMountPoints(request, *path); !made) return fail(made.error());
  std::optional<gid_t> group;
  if (request.pod.spec().securitycontext().has_fsgroup())
    group = static_cast<gid_t>(request.pod.spec().securitycontext().fsgroup());
  Result<bool> wrote = writeAtomically(*path, *request.files, group);
  if (!wrote) return fail(wrote.error());
  return path;
}

}  // namespace cubelet::volumes
