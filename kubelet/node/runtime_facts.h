// RuntimeFacts: what the Node tells of the container runtime, and when the node is not ready because of it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cri/client/runtime_service.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

// A runtime that was ready may be away for so long before the node is not ready: restarts are quicker.
inline constexpr Duration kRuntimeSilence = std::chrono::seconds(30);
// So old may our picture of what runs be.
inline constexpr Duration kPictureSilence = std::chrono::minutes(3);

struct RuntimeFacts {
  // One condition of the runtime's, as upstream prints it: "NetworkReady=false reason:... message:..."; "<nil>" when
  // the runtime does not have it. Empty: it holds.
  std::string runtimeProblem;
  std::string networkProblem;
  std::optional<TimePoint> readyAt;  // when its status last said RuntimeReady; nothing: never since we started

  std::string name;                                // "containerd"; empty: not known yet
  std::string version;                             // "1.6.20"
  std::vector<core::NodeRuntimeHandler> handlers;  // sorted by name
  std::optional<bool> supplementalGroupsPolicy;

  // Nothing: not listed yet.
  std::optional<std::vector<core::ContainerImage>> images;

  // The picture of what runs is complete; or it was, until `pictureLostAt`.
  bool pictureComplete = false;
  std::optional<TimePoint> pictureLostAt;
};

// Takes over what CRI Status answered.
void applyStatus(RuntimeFacts& facts, const cri::v1::StatusResponse& answer, TimePoint now);

// The images as the Node shows them (NOD-9): at most `maxImages` (negative: all), largest first, up to five names each.
std::vector<core::ContainerImage> imagesForNode(std::vector<cri::v1::Image> images, std::int64_t maxImages);

// Why the runtime keeps the node from being ready, in the order and the words of upstream (NOD-12).
std::vector<std::string> runtimeCauses(const RuntimeFacts& facts, TimePoint now);

}  // namespace cubelet::node
