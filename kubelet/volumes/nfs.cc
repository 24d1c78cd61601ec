#include "kubelet/volumes/nfs.h"

#include "base/files.h"
#include "kubelet/volumes/claim_rules.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

constexpr mode_t kDirectoryMode = 0750;

}  // namespace

std::vector<std::string> nfsCommand(const VolumeRequest& request, const std::string& path) {
  const bool persistent = request.persistent != nullptr;
  const core::NFSVolumeSource& source =
      persistent ? request.persistent->spec().persistentvolumesource().nfs() : request.volume.volumesource().nfs();
  std::string options;
  if (persistent)
    for (const std::string& option : request.persistent->spec().mountoptions()) options += option + ",";
  if (source.readonly() || isReadOnly(request.volume.volumesource())) options += "ro,";
  std::string server = source.server();
  if (server.contains(':') && !server.starts_with('[')) server = "[" + server + "]";
  std::vector<std::string> command = {"mount.nfs", server + ":" + source.path(), path};
  if (!options.empty()) {
    options.pop_back();
    command.insert(command.end(), {"-o", options});
  }
  return command;
}

Result<std::string> Nfs::setUp(const VolumeRequest& request) const {
  const std::string& name = request.persistent ? request.persistent->metadata().name() : request.volume.name();
  std::string path = layout::volumeDirectory(request.dirs, request.pod.metadata().uid(), "kubernetes.io/nfs", name);
  Result<bool> mounted = isInMountTable(path);
  if (!mounted) return fail(mounted.error());
  // A server that does not answer must not stop who finds its directory mounted.
  if (*mounted) return path;
  if (Result<void> made = makeDirectories(path, kDirectoryMode); !made) return fail(made.error());
  return path;
}

Task<Result<void>> Nfs::mount(VolumeRequest request, std::string path, Sources sources) const {
  Result<bool> mounted = isInMountTable(path);
  if (!mounted) co_return fail(mounted.error());
  if (*mounted) co_return Result<void>();
  Result<void> done = co_await sources.runProgram(nfsCommand(request, path));
  if (!done && done.error().code == Code::kNotFound)
    co_return fail(Code::kInvalid, "", "there is no program mount.nfs on this node: install nfs-common or nfs-utils");
  co_return done;
}

}  // namespace cubelet::volumes
