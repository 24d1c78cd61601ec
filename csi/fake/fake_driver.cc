#include "csi/fake/fake_driver.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;

Error invalid(std::string message) {
  return Error(Code::kInvalid, "InvalidArgument", std::move(message));
}
Error unmet(std::string message) {
  return Error(Code::kInvalid, "FailedPrecondition", std::move(message));
}
Error noVolume(const std::string& handle) {
  return Error(Code::kNotFound, "NotFound", "no volume " + handle);
}

bool severalTargets(const v1::VolumeCapability& capability) {
  using Mode = v1::VolumeCapability::AccessMode;
  switch (capability.access_mode().mode()) {
    case Mode::MULTI_NODE_READER_ONLY:
    case Mode::MULTI_NODE_SINGLE_WRITER:
    case Mode::MULTI_NODE_MULTI_WRITER:
    case Mode::SINGLE_NODE_MULTI_WRITER:
      return true;
    default:
      return false;
  }
}

}  // namespace

FakeDriver::FakeDriver(Clock& clock, FakeMounts& mounts)
    : calls_(clock, {"GetPluginInfo", "Probe", "NodeGetInfo", "NodeGetCapabilities", "NodeGetVolumeStats"}),
      mounts_(mounts) {
  can.stageUnstage = can.volumeStats = can.expand = can.singleNodeMultiWriter = true;
  info.set_node_id("node-id");
  about.set_name("fake.csi");
  about.set_vendor_version("1.0");
}

void FakeDriver::addVolume(const std::string& handle, std::int64_t capacity) {
  volumes_[handle].capacity = capacity;
}

bool FakeDriver::isStaged(const std::string& handle) const {
  auto found = volumes_.find(handle);
  return found != volumes_.end() && !found->second.stagingPath.empty();
}

std::set<std::string> FakeDriver::targets(const std::string& handle) const {
  std::set<std::string> paths;
  if (auto found = volumes_.find(handle); found != volumes_.end())
    for (const auto& [path, publication] : found->second.targets) paths.insert(path);
  return paths;
}

std::int64_t FakeDriver::capacity(const std::string& handle) const {
  auto found = volumes_.find(handle);
  return found == volumes_.end() ? 0 : found->second.capacity;
}

void FakeDriver::reboot() {
  mounts_.clear();
  for (auto& [handle, volume] : volumes_) {
    volume.stagingPath.clear();
    volume.targets.clear();
  }
}

Result<void> FakeDriver::violation(Error error) {
  violations_.push_back(error.message);
  return fail(std::move(error));
}

Task<Result<v1::GetPluginInfoResponse>> FakeDriver::pluginInfo() {
  FakeCalls::Visit visit(calls_, "GetPluginInfo");
  auto begun = co_await calls_.begin("GetPluginInfo", "");
  if (!begun) co_return fail(begun.error());
  co_return about;
}

Task<Result<bool>> FakeDriver::probe() {
  FakeCalls::Visit visit(calls_, "Probe");
  auto begun = co_await calls_.begin("Probe", "");
  if (!begun) co_return fail(begun.error());
  co_return ready;
}

Task<Result<v1::NodeGetInfoResponse>> FakeDriver::nodeInfo() {
  FakeCalls::Visit visit(calls_, "NodeGetInfo");
  auto begun = co_await calls_.begin("NodeGetInfo", "");
  if (!begun) co_return fail(begun.error());
  co_return info;
}

Task<Result<NodeCapabilities>> FakeDriver::capabilities() {
  FakeCalls::Visit visit(calls_, "NodeGetCapabilities");
  auto begun = co_await calls_.begin("NodeGetCapabilities", "");
  if (!begun) co_return fail(begun.error());
  co_return can;
}

Task<Result<void>> FakeDriver::begin(std::string method, std::string object,
                                     Result<void> (FakeDriver::*work)(const void*), const void* request) {
  FakeCalls::Visit visit(calls_, method);
  auto begun = co_await calls_.begin(method, std::move(object));
  if (!begun) co_return fail(begun.error());
  Result<void> done = (this->*work)(request);
  if (done && *begun) co_return fail(**begun);
  co_return done;
}

Task<Result<void>> FakeDriver::stage(v1::NodeStageVolumeRequest request) {
  auto call = begin("NodeStageVolume", request.volume_id(), &FakeDriver::doStage, &request);
  co_return co_await std::move(call);
}

Task<Result<void>> FakeDriver::unstage(v1::NodeUnstageVolumeRequest request) {
  auto call = begin("NodeUnstageVolume", request.volume_id(), &FakeDriver::doUnstage, &request);
  co_return co_await std::move(call);
}

Task<Result<void>> FakeDriver::publish(v1::NodePublishVolumeRequest request) {
  auto call = begin("NodePublishVolume", request.volume_id(), &FakeDriver::doPublish, &request);
  co_return co_await std::move(call);
}

Task<Result<void>> FakeDriver::unpublish(v1::NodeUnpublishVolumeRequest request) {
  auto call = begin("NodeUnpublishVolume", request.volume_id(), &FakeDriver::doUnpublish, &request);
  co_return co_await std::move(call);
}

Result<void> FakeDriver::doStage(const void* raw) {
  const auto& request = *static_cast<const v1::NodeStageVolumeRequest*>(raw);
  lastStage_ = request;
  const std::string& path = request.staging_target_path();
  if (!can.stageUnstage) return violation(Error(Code::kUnimplemented, "Unimplemented", "no NodeStageVolume here"));
  if (request.volume_id().empty() || path.empty() || !request.has_volume_capability())
    return violation(invalid("stage: a required field is missing"));
  if (!fs::is_directory(path)) return violation(invalid("stage: " + path + " is no directory"));
  auto found = volumes_.find(request.volume_id());
  if (found == volumes_.end()) return fail(noVolume(request.volume_id()));
  Volume& volume = found->second;
  const std::string as = request.volume_capability().SerializeAsString();
  if (!volume.stagingPath.empty()) {
    if (volume.stagingPath != path) return violation(unmet("stage: already staged at " + volume.stagingPath));
    if (volume.stagedAs != as)
      return fail(Error(Code::kAlreadyExists, "AlreadyExists", "stage: staged with another capability"));
    return {};
  }
  if (request.volume_capability().has_mount()) {
    if (mounts_.contains(path)) violations_.push_back("stage: mounted twice at " + path);
    mounts_[path] = request.volume_id();
  }
  volume.stagingPath = path;
  volume.stagedAs = as;
  return {};
}

Result<void> FakeDriver::doUnstage(const void* raw) {
  const auto& request = *static_cast<const v1::NodeUnstageVolumeRequest*>(raw);
  const std::string& path = request.staging_target_path();
  if (request.volume_id().empty() || path.empty()) return violation(invalid("unstage: a required field is missing"));
  auto found = volumes_.find(request.volume_id());
  if (found == volumes_.end()) return fail(noVolume(request.volume_id()));
  Volume& volume = found->second;
  if (volume.stagingPath != path) return {};
  if (!volume.targets.empty()) return violation(unmet("unstage: published at " + volume.targets.begin()->first));
  mounts_.erase(path);
  volume.stagingPath.clear();
  return {};
}

Result<void> FakeDriver::doPublish(const void* raw) {
  const auto& request = *static_cast<const v1::NodePublishVolumeRequest*>(raw);
  lastPublish_ = request;
  const std::string& path = request.target_path();
  if (request.volume_id().empty() || path.empty() || !request.has_volume_capability())
    return violation(invalid("publish: a required field is missing"));
  if (!fs::is_directory(fs::path(path).parent_path())) return violation(invalid("publish: no parent of " + path));
  auto context = request.volume_context().find("csi.storage.k8s.io/ephemeral");
  const bool ephemeral = context != request.volume_context().end() && context->second == "true";
  if (ephemeral) volumes_[request.volume_id()].ephemeral = true;
  auto found = volumes_.find(request.volume_id());
  if (found == volumes_.end()) return fail(noVolume(request.volume_id()));
  Volume& volume = found->second;
  if (can.stageUnstage && !ephemeral &&
      (request.staging_target_path().empty() || volume.stagingPath != request.staging_target_path()))
    return violation(unmet("publish: " + request.volume_id() + " is not staged"));
  const Publication as{request.volume_capability().SerializeAsString(), request.readonly()};
  if (auto had = volume.targets.find(path); had != volume.targets.end()) {
    if (had->second.capability != as.capability || had->second.readonly != as.readonly)
      return fail(Error(Code::kAlreadyExists, "AlreadyExists", "publish: published in another way at " + path));
    return {};
  }
  if (!volume.targets.empty() && !severalTargets(request.volume_capability()))
    return fail(unmet("publish: in use at " + volume.targets.begin()->first));
  if (mounts_.contains(path)) violations_.push_back("publish: mounted twice at " + path);
  if (request.volume_capability().has_block())
    std::ofstream(path, std::ios::app).flush();
  else if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(Error(Code::kInternal, "Internal", "publish: cannot make " + path));
  mounts_[path] = request.volume_id();
  volume.targets[path] = as;
  return {};
}

Result<void> FakeDriver::doUnpublish(const void* raw) {
  const auto& request = *static_cast<const v1::NodeUnpublishVolumeRequest*>(raw);
  const std::string& path = request.target_path();
  if (request.volume_id().empty() || path.empty()) return violation(invalid("unpublish: a required field is missing"));
  auto found = volumes_.find(request.volume_id());
  if (found != volumes_.end()) {
    Volume& volume = found->second;
    volume.targets.erase(path);
    if (volume.ephemeral && volume.targets.empty()) volumes_.erase(found);
  }
  mounts_.erase(path);
  std::error_code ignored;
  fs::remove(path, ignored);
  return {};
}

Task<Result<v1::NodeGetVolumeStatsResponse>> FakeDriver::volumeStats(v1::NodeGetVolumeStatsRequest request) {
  FakeCalls::Visit visit(calls_, "NodeGetVolumeStats");
  auto begun = co_await calls_.begin("NodeGetVolumeStats", request.volume_id());
  if (!begun) co_return fail(begun.error());
  auto found = volumes_.find(request.volume_id());
  if (found == volumes_.end() || !found->second.targets.contains(request.volume_path()))
    co_return fail(noVolume(request.volume_id()));
  v1::NodeGetVolumeStatsResponse response;
  v1::VolumeUsage* bytes = response.add_usage();
  bytes->set_unit(v1::VolumeUsage::BYTES);
  bytes->set_total(found->second.capacity);
  bytes->set_used(found->second.capacity / 4);
  bytes->set_available(found->second.capacity - found->second.capacity / 4);
  co_return std::move(response);
}

Task<Result<v1::NodeExpandVolumeResponse>> FakeDriver::expand(v1::NodeExpandVolumeRequest request) {
  FakeCalls::Visit visit(calls_, "NodeExpandVolume");
  lastExpand_ = request;
  auto begun = co_await calls_.begin("NodeExpandVolume", request.volume_id());
  if (!begun) co_return fail(begun.error());
  auto found = volumes_.find(request.volume_id());
  if (found == volumes_.end()) co_return fail(noVolume(request.volume_id()));
  if (!found->second.targets.contains(request.volume_path()) && found->second.stagingPath != request.volume_path()) {
    Error error = unmet("expand: nothing is mounted at " + request.volume_path());
    violations_.push_back(error.message);
    co_return fail(std::move(error));
  }
  std::int64_t& capacity = found->second.capacity;
  capacity = std::max<std::int64_t>(capacity, request.capacity_range().required_bytes());
  if (*begun) co_return fail(**begun);
  v1::NodeExpandVolumeResponse response;
  response.set_capacity_bytes(capacity);
  co_return std::move(response);
}

}  // namespace cubelet::csi
