#include "kubelet/podconfig/user_namespace.h"

#include <charconv>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

namespace cubelet::podconfig {
namespace {

using nlohmann::json;

constexpr std::string_view kUser = "kubelet:";

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "kubelet:65536:7208960"; the last line counts.
std::optional<IdRange> rangeOfKubelet(std::string_view text) {
  std::optional<IdRange> found;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kUser)) continue;
    const std::string_view rest = std::string_view(line).substr(kUser.size());
    const std::size_t colon = rest.find(':');
    const std::optional<std::uint32_t> first = number(rest.substr(0, colon));
    const std::optional<std::uint32_t> length =
        colon == std::string_view::npos ? std::nullopt : number(rest.substr(colon + 1));
    if (first && length) found = IdRange{*first, *length};
  }
  return found;
}

std::string problemOf(const IdPool& pool) {
  const std::string unit = std::to_string(pool.perPod);
  if (pool.perPod == 0 || pool.perPod % 65536 != 0)
    return "userNamespaces.idsPerPod is " + unit + ", which is not a multiple of 65536";
  if (pool.first % pool.perPod != 0)
    return "the first subordinate id of user kubelet, " + std::to_string(pool.first) + ", is not a multiple of " + unit;
  if (pool.first < pool.perPod)
    return "the first subordinate id of user kubelet, " + std::to_string(pool.first) + ", is below " + unit;
  if (pool.length % pool.perPod != 0)
    return "user kubelet has " + std::to_string(pool.length) + " subordinate ids, which is not a multiple of " + unit;
  return "";
}

json mapping(const IdRange& range) {
  return json::array({{{"hostId", range.first}, {"containerId", 0}, {"length", range.length}}});
}

std::unexpected<Error> badRecord() {
  return fail(Code::kInvalid, "", "invalid user namespace mappings file");
}

}  // namespace

bool wantsUserNamespace(const core::PodSpec& spec) {
  return spec.has_hostusers() && !spec.hostusers();
}

IdPool idPool(std::string_view subuid, std::string_view subgid, std::uint32_t perPod) {
  IdPool pool;
  pool.perPod = perPod;
  const std::optional<IdRange> users = rangeOfKubelet(subuid);
  const std::optional<IdRange> groups = rangeOfKubelet(subgid);
  if (!users && !groups) {
    // All but what the host itself uses and the id -1, in whole ranges.
    constexpr std::uint64_t kAllIds = std::uint64_t{1} << 32;
    pool.first = perPod;
    if (perPod != 0) pool.length = static_cast<std::uint32_t>((kAllIds - perPod) / perPod * perPod - perPod);
  } else if (users != groups) {
    pool.problem = "/etc/subuid and /etc/subgid name different ids for user kubelet";
    return pool;
  } else {
    pool.first = users->first;
    pool.length = users->length;
  }
  pool.problem = problemOf(pool);
  return pool;
}

Result<IdRange> freeRange(const IdPool& pool, const std::set<std::uint32_t>& taken) {
  if (!pool.problem.empty()) return fail(Code::kInvalid, "", pool.problem);
  for (std::uint32_t i = 0; i < pool.length / pool.perPod; ++i) {
    const std::uint32_t first = pool.first + i * pool.perPod;
    if (!taken.contains(first)) return IdRange{first, pool.perPod};
  }
  return fail(Code::kExhausted, "", "could not find an empty slot to allocate a user namespace");
}

std::string toRecord(const IdRange& range) {
  return json{{"uidMappings", mapping(range)}, {"gidMappings", mapping(range)}}.dump();
}

Result<IdRange> fromRecord(std::string_view text) {
  const json record = json::parse(text, nullptr, false);
  if (!record.is_object() || !record.contains("uidMappings") || !record.contains("gidMappings")) return badRecord();
  const json& users = record["uidMappings"];
  if (users != record["gidMappings"] || !users.is_array() || users.size() != 1 || !users[0].is_object())
    return badRecord();
  for (const char* member : {"hostId", "containerId", "length"})
    if (!users[0].contains(member) || !users[0][member].is_number_unsigned()) return badRecord();
  if (users[0]["containerId"] != 0 || users[0]["length"] == 0) return badRecord();
  return IdRange{users[0]["hostId"].get<std::uint32_t>(), users[0]["length"].get<std::uint32_t>()};
}

void addMappings(const IdRange& range, google::protobuf::RepeatedPtrField<cri::v1::IDMapping>& mappings) {
  cri::v1::IDMapping* mapping = mappings.Add();
  mapping->set_host_id(range.first);
  mapping->set_container_id(0);
  mapping->set_length(range.length);
}

}  // namespace cubelet::podconfig
