#include "kubelet/images/image_volumes.h"

#include <charconv>
#include <utility>

namespace cubelet::images {
namespace {

using Version = std::pair<int, int>;

// 0.0 for what is no version.
Version parsed(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version out;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, out.first);
  if (error != std::errc() || rest == end || *rest != '.') return {};
  auto [last, secondError] = std::from_chars(rest + 1, end, out.second);
  return secondError == std::errc() ? out : Version();
}

}  // namespace

std::string whyNoImageVolumes(std::string_view runtime, std::string_view version) {
  Version first;
  if (runtime == "containerd") first = {2, 1};
  if (runtime == "cri-o") first = {1, 31};
  const Version have = parsed(version);
  if (have == Version() || have >= first) return "";
  return "the container runtime of this node, " + std::string(runtime) + " " + std::string(version) +
         ", cannot mount images; " + std::string(runtime) + " " + std::to_string(first.first) + "." +
         std::to_string(first.second) + " and newer can";
}

}  // namespace cubelet::images
