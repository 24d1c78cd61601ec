// User namespaces of pods: which ids of the host stand behind the ids that a pod sees (SEC-14). Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cri/client/runtime_service.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// The users and groups 0 to length - 1 of a pod are those from `first` on of the host.
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t length = 0;
  bool operator==(const IdRange&) const = default;
};

// What the pods of a node may share out among them; each gets `perPod`.
struct IdPool {
  std::uint32_t first = 65536;
  std::uint32_t length = 4294836224;  // up to the last multiple of 65536, as upstream
  std::uint32_t perPod = 65536;
  std::string problem;  // why the node's settings make no pool; empty: they do
};

// hostUsers: false.
bool wantsUserNamespace(const core::PodSpec& spec);

// The node's pool: the ids of user "kubelet" in /etc/subuid and /etc/subgid, whose content is given, or, when neither
// names it, all from 65536 up. Rules are upstream's: the range must begin and end at multiples of `perPod`, lie above
// the ids of the host, and be one and the same for users and groups.
IdPool idPool(std::string_view subuid, std::string_view subgid, std::uint32_t perPod);

// The lowest free range. kExhausted when all are taken.
Result<IdRange> freeRange(const IdPool& pool, const std::set<std::uint32_t>& taken);

// The record <root>/pods/<uid>/userns, in upstream's form. kInvalid when it is not what we or upstream would write.
std::string toRecord(const IdRange& range);
Result<IdRange> fromRecord(std::string_view text);

void addMappings(const IdRange& range, google::protobuf::RepeatedPtrField<cri::v1::IDMapping>& mappings);

}  // namespace cubelet::podconfig
