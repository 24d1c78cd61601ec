#include "kubelet/node/node_copy.h"

#include <charconv>
#include <cstdint>
#include <string_view>

namespace cubelet::node {
namespace {

std::optional<std::uint64_t> versionOf(const core::Node& node) {
  const std::string_view text = node.metadata().resourceversion();
  std::uint64_t version = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return version;
}

}  // namespace

bool isOlder(const core::Node& left, const core::Node& right) {
  if (left.metadata().uid() != right.metadata().uid()) return false;
  const std::optional<std::uint64_t> leftVersion = versionOf(left);
  const std::optional<std::uint64_t> rightVersion = versionOf(right);
  return leftVersion && rightVersion && *leftVersion < *rightVersion;
}

}  // namespace cubelet::node
