#include "kubelet/devices/checkpoint.h"

#include <charconv>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "kubelet/api/base64.h"

namespace cubelet::devices {
namespace {

using Json = nlohmann::json;

// The same each time, whatever the order of the maps in memory.
std::string bytesOf(const Allocation& allocation) {
  std::string bytes;
  if (!allocation.response) return bytes;
  google::protobuf::io::StringOutputStream to(&bytes);
  google::protobuf::io::CodedOutputStream coded(&to);
  coded.SetSerializationDeterministic(true);
  allocation.response->SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// What upstream hashes is the text that github.com/davecgh/go-spew prints of its structs with "%#v": names of fields,
// types only where they are not those of an element, maps by key.
template <class Parts, class Print>
std::string joined(const Parts& parts, Print print) {
  std::string out;
  for (const auto& part : parts) {
    if (!out.empty()) out += ' ';
    out += print(part);
  }
  return out;
}

std::string listed(const Ids& ids) {
  return "[" + joined(ids, [](const std::string& id) { return id; }) + "]";
}

std::string printed(const Place& place, const Allocation& allocation, const std::string& bytes) {
  const auto node = [](const auto& entry) { return std::to_string(entry.first) + ":" + listed(entry.second); };
  const auto number = [](char byte) { return std::to_string(static_cast<unsigned char>(byte)); };
  return "{PodUID:(string)" + place.pod + " ContainerName:(string)" + place.container + " ResourceName:(string)" +
         place.resource + " DeviceIDs:(checkpoint.DevicesPerNUMA)map[" + joined(allocation.byNode, node) +
         "] AllocResp:([]uint8)[" + joined(bytes, number) + "]}";
}

std::string printed(const Checkpoint& checkpoint) {
  const auto entry = [](const auto& one) { return printed(one.first, one.second, bytesOf(one.second)); };
  const auto resource = [](const auto& one) { return one.first + ":" + listed(one.second); };
  return "(checkpoint.checkpointData){PodDeviceEntries:([]checkpoint.PodDevicesEntry)[" +
         joined(checkpoint.allocations, entry) + "] RegisteredDevices:(map[string][]string)map[" +
         joined(checkpoint.registered, resource) + "]}";
}

Ids idsFrom(const Json& json) {
  Ids out;
  if (!json.is_array()) return out;
  for (const Json& id : json)
    if (id.is_string()) out.insert(id.get<std::string>());
  return out;
}

std::string textOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

void addEntry(const Json& json, Allocations& to) {
  if (!json.is_object() || !json.contains("DeviceIDs") || !json["DeviceIDs"].is_object()) return;
  Allocation allocation;
  for (const auto& [key, ids] : json["DeviceIDs"].items()) {
    std::int64_t node = kNoNode;
    std::from_chars(key.data(), key.data() + key.size(), node);
    allocation.byNode[node].merge(idsFrom(ids));
  }
  const std::string encoded = textOf(json, "AllocResp");
  const std::optional<std::string> bytes = api::decodeBase64(encoded);
  wire::ContainerAllocateResponse response;
  if (!encoded.empty() && bytes && response.ParseFromString(*bytes)) allocation.response = std::move(response);
  Place place{textOf(json, "PodUID"), textOf(json, "ContainerName"), textOf(json, "ResourceName")};
  if (!place.pod.empty() && !place.resource.empty()) to[std::move(place)] = std::move(allocation);
}

}  // namespace

std::string toText(const Checkpoint& checkpoint) {
  Json entries = Json::array();
  for (const auto& [place, allocation] : checkpoint.allocations) {
    Json nodes = Json::object();
    for (const auto& [node, ids] : allocation.byNode) nodes[std::to_string(node)] = ids;
    entries.push_back({{"PodUID", place.pod},
                       {"ContainerName", place.container},
                       {"ResourceName", place.resource},
                       {"DeviceIDs", std::move(nodes)},
                       {"AllocResp", api::encodeBase64(bytesOf(allocation))}});
  }
  Json registered = Json::object();
  for (const auto& [resource, ids] : checkpoint.registered) registered[resource] = ids;
  const Json json = {{"Data", {{"PodDeviceEntries", std::move(entries)}, {"RegisteredDevices", std::move(registered)}}},
                     {"Checksum", fnv1a32(printed(checkpoint))}};
  return json.dump();
}

Result<Checkpoint> fromText(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object() || !json.contains("Data") || !json["Data"].is_object())
    return fail(Code::kInvalid, "", "not a record of allocated devices");
  const Json& data = json["Data"];
  Checkpoint out;
  if (const auto entries = data.find("PodDeviceEntries"); entries != data.end() && entries->is_array())
    for (const Json& entry : *entries) addEntry(entry, out.allocations);
  if (const auto registered = data.find("RegisteredDevices"); registered != data.end() && registered->is_object())
    for (const auto& [resource, ids] : registered->items()) out.registered[resource] = idsFrom(ids);
  return out;
}

}  // namespace cubelet::devices
