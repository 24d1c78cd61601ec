#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "integration/csi-hostpath/mounter.h"
#include "integration/csi-hostpath/services.h"
#include "integration/csi-hostpath/status.h"

namespace cubelet::hostpath {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kEphemeralCapacity = std::int64_t{64} << 20;
constexpr char kEphemeral[] = "csi.storage.k8s.io/ephemeral";

Status pending(const std::string& id) {
  return Status(grpc::StatusCode::ABORTED, "an operation on volume " + id + " is under way");
}

bool isEphemeral(const v1::NodePublishVolumeRequest& request) {
  auto found = request.volume_context().find(kEphemeral);
  return found != request.volume_context().end() && found->second == "true";
}

// Files and their bytes below `root`.
std::pair<std::int64_t, std::int64_t> sizeOf(const std::string& root) {
  std::int64_t files = 1;
  std::int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    ++files;
    if (struct stat info = {}; ::lstat(at->path().c_str(), &info) == 0) bytes += info.st_blocks * 512;
  }
  return {files, bytes};
}

}  // namespace

Status NodeService::mountAt(const State& volume, const v1::VolumeCapability& capability, bool readOnly,
                            const std::string& target) {
  std::string source = volumes_.dataPath(volume);
  if (volume.block()) {
    auto device = attachLoop(source);
    if (!device) return internal(device.error());
    source = *device;
  }
  if (isMounted(target)) {
    // Done by a call whose answer or record was lost.
    if (isSame(source, target)) return Status::OK;
    return Status(grpc::StatusCode::INTERNAL, target + " is in use by another mount");
  }
  const auto& flags = capability.mount().mount_flags();
  auto mounted = bindMount(source, target, readOnly, {flags.begin(), flags.end()});
  if (mounted) return Status::OK;
  return mounted.error().code == Code::kInvalid ? invalid(mounted.error().message) : internal(mounted.error());
}

Status NodeService::NodeStageVolume(ServerContext*, const v1::NodeStageVolumeRequest* request,
                                    v1::NodeStageVolumeResponse*) {
  if (Status fault = faults_.at("NodeStageVolume", "before"); !fault.ok()) return fault;
  if (Status done = stage(*request); !done.ok()) return done;
  return faults_.at("NodeStageVolume", "after");
}

Status NodeService::stage(const v1::NodeStageVolumeRequest& request) {
  if (!options_.stage) return Status(grpc::StatusCode::UNIMPLEMENTED, "volumes are not staged");
  if (request.volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request.staging_target_path(), "staging_target_path"); !bad.ok()) return bad;
  if (Status bad = checkCapability(request.has_volume_capability(), request.volume_capability()); !bad.ok()) return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request.volume_id());
  if (!turn) return pending(request.volume_id());
  std::optional<State> volume = volumes_.find(request.volume_id());
  if (!volume) return notFound("no volume " + request.volume_id());
  if (!fits(request.volume_capability(), *volume)) return unmet("the volume is of the other kind");
  if (options_.attach && !volume->attached().contains(options_.nodeId))
    return unmet("volume " + volume->id() + " is not attached to node " + options_.nodeId);
  const std::string& path = request.staging_target_path();
  if (!fs::is_directory(path)) return invalid("staging_target_path " + path + " is no directory");

  State::Use use;
  *use.mutable_capability() = request.volume_capability();
  if (auto had = volume->staged().find(path); had != volume->staged().end()) {
    if (!sameUse(had->second, use)) return alreadyExists("volume " + volume->id() + " is staged in another way");
  } else if (volume->staged_size() > 0) {
    return unmet("volume " + volume->id() + " is staged at " + volume->staged().begin()->first);
  }
  if (Status fault = faults_.at("NodeStageVolume", "made"); !fault.ok()) return fault;
  if (volume->block()) {
    if (auto device = attachLoop(volumes_.dataPath(*volume)); !device) return internal(device.error());
  } else {
    const bool readOnly = isReadOnly(request.volume_capability());
    if (Status bad = mountAt(*volume, request.volume_capability(), readOnly, path); !bad.ok()) return bad;
  }
  (*volume->mutable_staged())[path] = use;
  if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  return Status::OK;
}

Status NodeService::NodeUnstageVolume(ServerContext*, const v1::NodeUnstageVolumeRequest* request,
                                      v1::NodeUnstageVolumeResponse*) {
  if (Status fault = faults_.at("NodeUnstageVolume", "before"); !fault.ok()) return fault;
  if (Status done = unstage(*request); !done.ok()) return done;
  return faults_.at("NodeUnstageVolume", "after");
}

Status NodeService::unstage(const v1::NodeUnstageVolumeRequest& request) {
  if (!options_.stage) return Status(grpc::StatusCode::UNIMPLEMENTED, "volumes are not staged");
  if (request.volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request.staging_target_path(), "staging_target_path"); !bad.ok()) return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request.volume_id());
  if (!turn) return pending(request.volume_id());
  std::optional<State> volume = volumes_.find(request.volume_id());
  if (!volume) return notFound("no volume " + request.volume_id());
  const std::string& path = request.staging_target_path();
  if (volume->published_size() > 0)
    return unmet("volume " + volume->id() + " is published at " + volume->published().begin()->first);
  const std::string data = volumes_.dataPath(*volume);
  // A call that was cut off may have mounted without a record.
  if (!volume->staged().contains(path) && !isSame(path, data)) return Status::OK;
  if (auto gone = unmountAll(path); !gone) return internal(gone.error());
  if (Status fault = faults_.at("NodeUnstageVolume", "made"); !fault.ok()) return fault;
  if (volume->block())
    if (auto gone = detachLoop(data); !gone) return internal(gone.error());
  volume->mutable_staged()->erase(path);
  if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  return Status::OK;
}

Status NodeService::ensureEphemeral(const v1::NodePublishVolumeRequest& request) {
  if (volumes_.find(request.volume_id())) return Status::OK;
  if (Status bad = checkVolumeId(request.volume_id()); !bad.ok()) return bad;
  State volume;
  volume.set_id(request.volume_id());
  volume.set_name(request.volume_id());
  volume.set_ephemeral(true);
  std::int64_t capacity = kEphemeralCapacity;
  if (auto size = request.volume_context().find("size"); size != request.volume_context().end())
    capacity = std::atoll(size->second.c_str());
  if (capacity <= 0) return invalid("size in volume_context is not a number of bytes");
  volume.set_capacity(capacity);
  volume.set_node_capacity(capacity);
  if (auto made = volumes_.create(volume); !made) return internal(made.error());
  return Status::OK;
}

Status NodeService::NodePublishVolume(ServerContext*, const v1::NodePublishVolumeRequest* request,
                                      v1::NodePublishVolumeResponse*) {
  if (Status fault = faults_.at("NodePublishVolume", "before"); !fault.ok()) return fault;
  if (Status done = publish(*request); !done.ok()) return done;
  return faults_.at("NodePublishVolume", "after");
}

Status NodeService::publish(const v1::NodePublishVolumeRequest& request) {
  if (request.volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request.target_path(), "target_path"); !bad.ok()) return bad;
  if (Status bad = checkCapability(request.has_volume_capability(), request.volume_capability()); !bad.ok()) return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request.volume_id());
  if (!turn) return pending(request.volume_id());
  const bool ephemeral = isEphemeral(request);
  if (ephemeral) {
    if (request.volume_capability().has_block()) return invalid("an ephemeral volume is a file system");
    if (Status bad = ensureEphemeral(request); !bad.ok()) return bad;
  }
  std::optional<State> volume = volumes_.find(request.volume_id());
  if (!volume) return notFound("no volume " + request.volume_id());
  if (!fits(request.volume_capability(), *volume)) return unmet("the volume is of the other kind");
  if (options_.stage && !ephemeral) {
    if (request.staging_target_path().empty()) return unmet("the request has no staging_target_path");
    if (!volume->staged().contains(request.staging_target_path()))
      return unmet("volume " + volume->id() + " is not staged at " + request.staging_target_path());
  }

  const std::string& path = request.target_path();
  State::Use use;
  *use.mutable_capability() = request.volume_capability();
  use.set_readonly(request.readonly());
  use.set_staging_path(request.staging_target_path());
  if (auto had = volume->published().find(path); had != volume->published().end()) {
    if (!sameUse(had->second, use)) return alreadyExists("volume " + volume->id() + " is published in another way");
  } else if (volume->published_size() > 0 && !allowsSeveralTargets(request.volume_capability())) {
    return unmet("volume " + volume->id() + " is published at " + volume->published().begin()->first);
  }

  if (!fs::is_directory(fs::path(path).parent_path())) return internal(errnoError(ENOENT, "parent of " + path));
  if (volume->block()) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0660));
    if (!file && !isMounted(path)) return internal(errnoError(errno, "make " + path));
  } else if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return internal(errnoError(errno, "make " + path));
  }
  if (Status fault = faults_.at("NodePublishVolume", "made"); !fault.ok()) return fault;
  const bool readOnly = request.readonly() || isReadOnly(request.volume_capability());
  if (Status bad = mountAt(*volume, request.volume_capability(), readOnly, path); !bad.ok()) return bad;
  const std::string& group = request.volume_capability().mount().volume_mount_group();
  if (options_.mountGroup && !group.empty() && !readOnly) {
    const auto gid = static_cast<gid_t>(std::atoll(group.c_str()));
    if (::chown(path.c_str(), static_cast<uid_t>(-1), gid) != 0 || ::chmod(path.c_str(), 02775) != 0)
      return internal(errnoError(errno, "give " + path + " to group " + group));
  }
  (*volume->mutable_published())[path] = use;
  if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  return Status::OK;
}

Status NodeService::NodeUnpublishVolume(ServerContext*, const v1::NodeUnpublishVolumeRequest* request,
                                        v1::NodeUnpublishVolumeResponse*) {
  if (Status fault = faults_.at("NodeUnpublishVolume", "before"); !fault.ok()) return fault;
  if (Status done = unpublish(*request); !done.ok()) return done;
  return faults_.at("NodeUnpublishVolume", "after");
}

Status NodeService::unpublish(const v1::NodeUnpublishVolumeRequest& request) {
  if (request.volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request.target_path(), "target_path"); !bad.ok()) return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request.volume_id());
  if (!turn) return pending(request.volume_id());
  std::optional<State> volume = volumes_.find(request.volume_id());
  const std::string& path = request.target_path();
  // An ephemeral volume is gone with its publication, and a repeat must succeed.
  if (!volume && !fs::exists(fs::symlink_status(path))) {
    if (request.volume_id().starts_with("csi-")) return Status::OK;
    return notFound("no volume " + request.volume_id());
  }
  if (!volume) return notFound("no volume " + request.volume_id());

  const std::string data = volumes_.dataPath(*volume);
  const std::string source = volume->block() ? findLoop(data) : data;
  // Nothing of others is ever unmounted or removed.
  const bool ours = volume->published().contains(path) || isSame(path, source);
  if (ours) {
    if (auto gone = unmountAll(path); !gone) return internal(gone.error());
    if (Status fault = faults_.at("NodeUnpublishVolume", "made"); !fault.ok()) return fault;
  }
  // Also what a call has left that was cut off before it mounted: an empty directory or file.
  if (!isMounted(path)) {
    std::error_code error;
    if (fs::is_directory(fs::symlink_status(path)) || (volume->block() && fs::is_regular_file(path)))
      fs::remove(path, error);
  }
  if (volume->ephemeral()) {
    if (auto removed = volumes_.remove(volume->id()); !removed) return internal(removed.error());
    return Status::OK;
  }
  if (!options_.stage && volume->block() && volume->published_size() <= 1)
    if (auto gone = detachLoop(data); !gone) return internal(gone.error());
  volume->mutable_published()->erase(path);
  if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  return Status::OK;
}

Status NodeService::NodeGetVolumeStats(ServerContext*, const v1::NodeGetVolumeStatsRequest* request,
                                       v1::NodeGetVolumeStatsResponse* response) {
  if (Status fault = faults_.at("NodeGetVolumeStats", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request->volume_path(), "volume_path"); !bad.ok()) return bad;
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return notFound("no volume " + request->volume_id());
  const std::string& path = request->volume_path();
  if (!volume->published().contains(path) && !volume->staged().contains(path))
    return notFound("volume " + volume->id() + " is not at " + path);
  auto* bytes = response->add_usage();
  bytes->set_unit(v1::VolumeUsage::BYTES);
  bytes->set_total(volume->node_capacity());
  if (volume->block()) return Status::OK;
  const auto [files, used] = sizeOf(volumes_.dataPath(*volume));
  bytes->set_used(used);
  bytes->set_available(std::max<std::int64_t>(0, volume->node_capacity() - used));
  auto* inodes = response->add_usage();
  inodes->set_unit(v1::VolumeUsage::INODES);
  inodes->set_total(std::max<std::int64_t>(files, volume->node_capacity() / 4096));
  inodes->set_used(files);
  inodes->set_available(inodes->total() - files);
  response->mutable_volume_condition()->set_message("well");
  return Status::OK;
}

Status NodeService::NodeExpandVolume(ServerContext*, const v1::NodeExpandVolumeRequest* request,
                                     v1::NodeExpandVolumeResponse* response) {
  if (Status fault = faults_.at("NodeExpandVolume", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  if (Status bad = checkPath(request->volume_path(), "volume_path"); !bad.ok()) return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request->volume_id());
  if (!turn) return pending(request->volume_id());
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return notFound("no volume " + request->volume_id());
  if (request->has_volume_capability() && !fits(request->volume_capability(), *volume))
    return invalid("the volume is of the other kind");
  const std::string& path = request->volume_path();
  if (!volume->published().contains(path) && !volume->staged().contains(path))
    return notFound("volume " + volume->id() + " is not at " + path);
  const auto& range = request->capacity_range();
  if (range.limit_bytes() > 0 &&
      (range.required_bytes() > range.limit_bytes() || volume->capacity() > range.limit_bytes()))
    return outOfRange("the volume has " + std::to_string(volume->capacity()) + " bytes");
  if (range.required_bytes() > volume->capacity())
    return outOfRange("the controller has promised " + std::to_string(volume->capacity()) + " bytes");
  if (volume->node_capacity() < volume->capacity()) {
    const std::string data = volumes_.dataPath(*volume);
    if (volume->block()) {
      if (::truncate(data.c_str(), volume->capacity()) != 0) return internal(errnoError(errno, "size " + data));
      if (std::string device = findLoop(data); !device.empty())
        if (auto resized = resizeLoop(device); !resized) return internal(resized.error());
    }
    volume->set_node_capacity(volume->capacity());
    if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  }
  response->set_capacity_bytes(volume->node_capacity());
  return faults_.at("NodeExpandVolume", "after");
}

Status NodeService::NodeGetCapabilities(ServerContext*, const v1::NodeGetCapabilitiesRequest*,
                                        v1::NodeGetCapabilitiesResponse* response) {
  using Rpc = v1::NodeServiceCapability::RPC;
  auto add = [&](Rpc::Type type) { response->add_capabilities()->mutable_rpc()->set_type(type); };
  if (options_.stage) add(Rpc::STAGE_UNSTAGE_VOLUME);
  add(Rpc::GET_VOLUME_STATS);
  add(Rpc::EXPAND_VOLUME);
  add(Rpc::VOLUME_CONDITION);
  add(Rpc::SINGLE_NODE_MULTI_WRITER);
  if (options_.mountGroup) add(Rpc::VOLUME_MOUNT_GROUP);
  return faults_.at("NodeGetCapabilities", "before");
}

Status NodeService::NodeGetInfo(ServerContext*, const v1::NodeGetInfoRequest*, v1::NodeGetInfoResponse* response) {
  response->set_node_id(options_.nodeId);
  response->set_max_volumes_per_node(options_.maxVolumes);
  (*response->mutable_accessible_topology()->mutable_segments())[topologyKey(options_)] = options_.nodeId;
  return faults_.at("NodeGetInfo", "before");
}

}  // namespace cubelet::hostpath
