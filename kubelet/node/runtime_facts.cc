#include "kubelet/node/runtime_facts.h"

#include <algorithm>

#include "base/time_text.h"
#include "cri/client/runtime_conditions.h"

namespace cubelet::node {
namespace {

constexpr int kMaxNames = 5;

core::NodeRuntimeHandler toCore(const cri::v1::RuntimeHandler& handler) {
  core::NodeRuntimeHandler out;
  out.set_name(handler.name());
  out.mutable_features()->set_recursivereadonlymounts(handler.features().recursive_read_only_mounts());
  out.mutable_features()->set_usernamespaces(handler.features().user_namespaces());
  return out;
}

std::string pictureProblem(const RuntimeFacts& facts, TimePoint now) {
  if (facts.pictureComplete) return "";
  if (!facts.pictureLostAt) return "pleg has yet to be successful";
  const Duration ago = now - *facts.pictureLostAt;
  if (ago < kPictureSilence) return "";
  // Whole minutes: a text that changes with each look would be a change to report with each look.
  return "pleg was last seen active " + durationText(std::chrono::floor<std::chrono::minutes>(ago)) +
         " ago; threshold is " + durationText(kPictureSilence);
}

}  // namespace

void applyStatus(RuntimeFacts& facts, const cri::v1::StatusResponse& answer, TimePoint now) {
  facts.networkProblem = cri::problemOf(answer.status(), "NetworkReady");
  facts.runtimeProblem = cri::problemOf(answer.status(), "RuntimeReady");
  if (!facts.runtimeProblem.empty()) return;
  facts.readyAt = now;
  facts.handlers.clear();
  for (const cri::v1::RuntimeHandler& handler : answer.runtime_handlers()) facts.handlers.push_back(toCore(handler));
  std::ranges::sort(facts.handlers, {}, [](const core::NodeRuntimeHandler& h) { return h.name(); });
  facts.supplementalGroupsPolicy.reset();
  if (answer.has_features()) facts.supplementalGroupsPolicy = answer.features().supplemental_groups_policy();
}

std::vector<core::ContainerImage> imagesForNode(std::vector<cri::v1::Image> images, std::int64_t maxImages) {
  std::ranges::sort(images, [](const cri::v1::Image& left, const cri::v1::Image& right) {
    return left.size() != right.size() ? left.size() > right.size() : left.id() > right.id();
  });
  if (maxImages >= 0 && images.size() > static_cast<std::size_t>(maxImages))
    images.resize(static_cast<std::size_t>(maxImages));
  std::vector<core::ContainerImage> out;
  out.reserve(images.size());
  for (const cri::v1::Image& image : images) {
    core::ContainerImage& added = out.emplace_back();
    added.set_sizebytes(static_cast<std::int64_t>(image.size()));
    for (const auto* names : {&image.repo_digests(), &image.repo_tags()})
      for (const std::string& name : *names)
        if (added.names_size() < kMaxNames) added.add_names(name);
  }
  return out;
}

std::vector<std::string> runtimeCauses(const RuntimeFacts& facts, TimePoint now) {
  std::vector<std::string> causes;
  if (!facts.readyAt)
    causes.emplace_back("container runtime status check may not have completed yet");
  else if (now - *facts.readyAt >= kRuntimeSilence)
    causes.emplace_back("container runtime is down");
  if (const std::string problem = pictureProblem(facts, now); !problem.empty())
    causes.push_back("PLEG is not healthy: " + problem);
  if (!facts.runtimeProblem.empty()) causes.push_back("container runtime not ready: " + facts.runtimeProblem);
  if (!facts.networkProblem.empty()) causes.push_back("container runtime network not ready: " + facts.networkProblem);
  return causes;
}

}  // namespace cubelet::node
