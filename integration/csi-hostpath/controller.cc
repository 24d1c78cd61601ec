#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "integration/csi-hostpath/services.h"
#include "integration/csi-hostpath/status.h"

namespace cubelet::hostpath {
namespace {

constexpr std::size_t kLongestName = 128;

Status pending(const std::string& id) {
  return Status(grpc::StatusCode::ABORTED, "an operation on volume " + id + " is under way");
}

bool reachable(const v1::TopologyRequirement& wanted, const std::string& key, const std::string& node) {
  if (wanted.requisite_size() == 0) return true;
  return std::ranges::any_of(wanted.requisite(), [&](const v1::Topology& place) {
    return std::ranges::all_of(place.segments(),
                               [&](const auto& segment) { return segment.first == key && segment.second == node; });
  });
}

bool sameParameters(const State& volume, const v1::CreateVolumeRequest& request) {
  if (volume.parameters_size() != request.parameters_size()) return false;
  return std::ranges::all_of(request.parameters(), [&](const auto& parameter) {
    auto found = volume.parameters().find(parameter.first);
    return found != volume.parameters().end() && found->second == parameter.second;
  });
}

}  // namespace

std::int64_t ControllerService::capacityLeft() const {
  return std::max<std::int64_t>(0, options_.maxCapacity - volumes_.usedCapacity());
}

void ControllerService::describe(const State& volume, v1::Volume* out) const {
  out->set_volume_id(volume.id());
  out->set_capacity_bytes(volume.capacity());
  (*out->mutable_volume_context())["name"] = volume.name();
  (*out->add_accessible_topology()->mutable_segments())[topologyKey(options_)] = options_.nodeId;
}

Status ControllerService::CreateVolume(ServerContext*, const v1::CreateVolumeRequest* request,
                                       v1::CreateVolumeResponse* response) {
  if (Status fault = faults_.at("CreateVolume", "before"); !fault.ok()) return fault;
  if (request->name().empty()) return missing("name");
  if (request->name().size() > kLongestName) return invalid("the name has more than 128 bytes");
  if (request->volume_capabilities_size() == 0) return missing("volume_capabilities");
  for (const v1::VolumeCapability& capability : request->volume_capabilities()) {
    if (Status bad = checkCapability(true, capability); !bad.ok()) return bad;
    if (capability.has_block() != request->volume_capabilities(0).has_block())
      return invalid("a volume is a file system or a block device, not both");
  }
  if (request->has_volume_content_source()) return invalid("volumes are not made from snapshots or other volumes");
  if (request->mutable_parameters_size() > 0) return invalid("mutable_parameters are not supported");
  const bool block = request->volume_capabilities(0).has_block();

  Fnv1a128 hash;
  hash.add(request->name());
  const std::string id = "vol-" + hash.hex();
  const Volumes::Turn turn = volumes_.tryBegin(id);
  if (!turn) return pending(id);
  if (std::optional<State> existing = volumes_.findByName(request->name())) {
    if (!inRange(existing->capacity(), request->capacity_range()) || existing->block() != block ||
        !sameParameters(*existing, *request))
      return alreadyExists("volume " + request->name() + " exists with another capacity, kind or parameters");
    describe(*existing, response->mutable_volume());
    return Status::OK;
  }
  if (!reachable(request->accessibility_requirements(), topologyKey(options_), options_.nodeId))
    return exhausted("volumes are on node " + options_.nodeId + " only");

  State volume;
  volume.set_id(id);
  volume.set_name(request->name());
  volume.set_block(block);
  *volume.mutable_parameters() = request->parameters();
  std::int64_t capacity = 0;
  if (Status bad = chooseCapacity(request->capacity_range(), capacityLeft(), capacity); !bad.ok()) return bad;
  volume.set_capacity(capacity);
  volume.set_node_capacity(capacity);
  if (auto made = volumes_.create(volume); !made) return internal(made.error());
  describe(volume, response->mutable_volume());
  return faults_.at("CreateVolume", "after");
}

Status ControllerService::DeleteVolume(ServerContext*, const v1::DeleteVolumeRequest* request,
                                       v1::DeleteVolumeResponse*) {
  if (Status fault = faults_.at("DeleteVolume", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  const Volumes::Turn turn = volumes_.tryBegin(request->volume_id());
  if (!turn) return pending(request->volume_id());
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return Status::OK;
  if (volume->attached_size() + volume->staged_size() + volume->published_size() > 0)
    return unmet("volume " + volume->id() + " is in use");
  if (auto removed = volumes_.remove(volume->id()); !removed) return internal(removed.error());
  return faults_.at("DeleteVolume", "after");
}

Status ControllerService::ControllerPublishVolume(ServerContext*, const v1::ControllerPublishVolumeRequest* request,
                                                  v1::ControllerPublishVolumeResponse* response) {
  if (!options_.attach) return Status(grpc::StatusCode::UNIMPLEMENTED, "volumes are not attached");
  if (Status fault = faults_.at("ControllerPublishVolume", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  if (request->node_id().empty()) return missing("node_id");
  if (Status bad = checkCapability(request->has_volume_capability(), request->volume_capability()); !bad.ok())
    return bad;
  const Volumes::Turn turn = volumes_.tryBegin(request->volume_id());
  if (!turn) return pending(request->volume_id());
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return notFound("no volume " + request->volume_id());
  if (request->node_id() != options_.nodeId) return notFound("no node " + request->node_id());
  if (!fits(request->volume_capability(), *volume)) return invalid("the volume is of the other kind");

  State::Use use;
  *use.mutable_capability() = request->volume_capability();
  use.set_readonly(request->readonly());
  if (auto had = volume->attached().find(request->node_id()); had != volume->attached().end()) {
    if (!sameUse(had->second, use)) return alreadyExists("volume " + volume->id() + " is attached in another way");
  } else {
    const auto attached = std::ranges::count_if(volumes_.all(), [](const State& v) { return v.attached_size() > 0; });
    if (options_.maxVolumes > 0 && attached >= options_.maxVolumes)
      return exhausted("node " + options_.nodeId + " has its " + std::to_string(options_.maxVolumes) + " volumes");
    (*volume->mutable_attached())[request->node_id()] = use;
    if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  }
  (*response->mutable_publish_context())["attached-to"] = request->node_id();
  return faults_.at("ControllerPublishVolume", "after");
}

Status ControllerService::ControllerUnpublishVolume(ServerContext*, const v1::ControllerUnpublishVolumeRequest* request,
                                                    v1::ControllerUnpublishVolumeResponse*) {
  if (!options_.attach) return Status(grpc::StatusCode::UNIMPLEMENTED, "volumes are not attached");
  if (Status fault = faults_.at("ControllerUnpublishVolume", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  const Volumes::Turn turn = volumes_.tryBegin(request->volume_id());
  if (!turn) return pending(request->volume_id());
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return Status::OK;  // nothing can be attached that does not exist
  if (request->node_id().empty())
    volume->clear_attached();
  else
    volume->mutable_attached()->erase(request->node_id());
  if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  return faults_.at("ControllerUnpublishVolume", "after");
}

Status ControllerService::ValidateVolumeCapabilities(ServerContext*,
                                                     const v1::ValidateVolumeCapabilitiesRequest* request,
                                                     v1::ValidateVolumeCapabilitiesResponse* response) {
  if (request->volume_id().empty()) return missing("volume_id");
  if (request->volume_capabilities_size() == 0) return missing("volume_capabilities");
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return notFound("no volume " + request->volume_id());
  for (const v1::VolumeCapability& capability : request->volume_capabilities()) {
    if (Status bad = checkCapability(true, capability); !bad.ok()) return bad;
    if (!fits(capability, *volume)) {
      response->set_message("the volume is a " + std::string(volume->block() ? "block device" : "file system"));
      return Status::OK;
    }
  }
  auto* confirmed = response->mutable_confirmed();
  *confirmed->mutable_volume_context() = request->volume_context();
  *confirmed->mutable_volume_capabilities() = request->volume_capabilities();
  *confirmed->mutable_parameters() = request->parameters();
  return Status::OK;
}

Status ControllerService::ListVolumes(ServerContext*, const v1::ListVolumesRequest* request,
                                      v1::ListVolumesResponse* response) {
  if (request->max_entries() < 0) return invalid("max_entries is negative");
  const std::string& token = request->starting_token();
  const std::vector<State> volumes = volumes_.all();
  std::size_t at = 0;
  if (!token.empty()) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), at);
    if (error != std::errc() || end != token.data() + token.size() || at > volumes.size())
      return Status(grpc::StatusCode::ABORTED, "starting_token is none of ours");
  }
  const std::size_t most = request->max_entries() == 0 ? volumes.size() : std::size_t(request->max_entries());
  for (; at < volumes.size() && std::size_t(response->entries_size()) < most; ++at) {
    auto* entry = response->add_entries();
    describe(volumes[at], entry->mutable_volume());
    for (const auto& [node, use] : volumes[at].attached()) entry->mutable_status()->add_published_node_ids(node);
  }
  if (at < volumes.size()) response->set_next_token(std::to_string(at));
  return Status::OK;
}

Status ControllerService::GetCapacity(ServerContext*, const v1::GetCapacityRequest* request,
                                      v1::GetCapacityResponse* response) {
  for (const v1::VolumeCapability& capability : request->volume_capabilities())
    if (Status bad = checkCapability(true, capability); !bad.ok()) return bad;
  v1::TopologyRequirement here;
  if (request->has_accessible_topology()) *here.add_requisite() = request->accessible_topology();
  const bool ours = reachable(here, topologyKey(options_), options_.nodeId);
  response->set_available_capacity(ours ? capacityLeft() : 0);
  response->mutable_maximum_volume_size()->set_value(response->available_capacity());
  return Status::OK;
}

Status ControllerService::ControllerGetCapabilities(ServerContext*, const v1::ControllerGetCapabilitiesRequest*,
                                                    v1::ControllerGetCapabilitiesResponse* response) {
  using Rpc = v1::ControllerServiceCapability::RPC;
  auto add = [&](Rpc::Type type) { response->add_capabilities()->mutable_rpc()->set_type(type); };
  add(Rpc::CREATE_DELETE_VOLUME);
  add(Rpc::LIST_VOLUMES);
  add(Rpc::GET_CAPACITY);
  add(Rpc::EXPAND_VOLUME);
  add(Rpc::SINGLE_NODE_MULTI_WRITER);
  if (options_.attach) {
    add(Rpc::PUBLISH_UNPUBLISH_VOLUME);
    add(Rpc::PUBLISH_READONLY);
    add(Rpc::LIST_VOLUMES_PUBLISHED_NODES);
  }
  return Status::OK;
}

Status ControllerService::ControllerExpandVolume(ServerContext*, const v1::ControllerExpandVolumeRequest* request,
                                                 v1::ControllerExpandVolumeResponse* response) {
  if (Status fault = faults_.at("ControllerExpandVolume", "before"); !fault.ok()) return fault;
  if (request->volume_id().empty()) return missing("volume_id");
  if (!request->has_capacity_range()) return missing("capacity_range");
  const Volumes::Turn turn = volumes_.tryBegin(request->volume_id());
  if (!turn) return pending(request->volume_id());
  std::optional<State> volume = volumes_.find(request->volume_id());
  if (!volume) return notFound("no volume " + request->volume_id());
  if (request->has_volume_capability() && !fits(request->volume_capability(), *volume))
    return invalid("the volume is of the other kind");
  std::int64_t wanted = 0;
  const std::int64_t most = capacityLeft() + volume->capacity();
  if (Status bad = chooseCapacity(request->capacity_range(), most, wanted); !bad.ok()) return bad;
  if (const std::int64_t limit = request->capacity_range().limit_bytes(); limit > 0 && volume->capacity() > limit)
    return outOfRange("the volume is larger already");
  if (wanted > volume->capacity() && request->capacity_range().required_bytes() > 0) {
    volume->set_capacity(wanted);
    if (auto saved = volumes_.save(*volume); !saved) return internal(saved.error());
  }
  response->set_capacity_bytes(volume->capacity());
  response->set_node_expansion_required(true);
  return faults_.at("ControllerExpandVolume", "after");
}

}  // namespace cubelet::hostpath
