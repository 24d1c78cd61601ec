// What node, pods and containers use, as `cubelet top` shows it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cubelet::client {

struct TopUsage {
  std::optional<std::uint64_t> nanoCores;  // at the moment
  std::optional<std::uint64_t> memory;     // bytes that cannot be taken back at once (working set)
};

struct TopPod {
  struct Container {
    std::string name;
    TopUsage usage;
  };
  std::string ns;
  std::string name;
  TopUsage usage;
  std::vector<Container> containers;
};

struct Top {
  std::string nodeName;
  TopUsage node;
  std::vector<TopPod> pods;
};

// What the agent answers GET /stats with; whatever is no figure counts as unknown.
Top readTop(const nlohmann::ordered_json& stats);

enum class TopKey { kCpu, kMemory };
// Pods, and the containers of each: what uses the most first, then by name; the unknown last.
void sortTop(Top& top, TopKey key);

// A line for the node, and one for each pod or, with `containers`, for each container.
std::string topTable(const Top& top, bool containers);
nlohmann::ordered_json topJson(const Top& top);

std::string cpuText(const TopUsage& usage);     // "250m": thousandths of a core, rounded up; "-" when unknown
std::string memoryText(const TopUsage& usage);  // "64Mi", rounded up; "-" when unknown

}  // namespace cubelet::client
