#include "kubelet/node/runtime_watch.h"

#include <utility>

namespace cubelet::node {
namespace {

constexpr Duration kStatusEvery = std::chrono::seconds(5);
constexpr Duration kStatusEveryAtStart = std::chrono::milliseconds(100);
constexpr Duration kStart = std::chrono::seconds(120);
constexpr Duration kImagesEvery = std::chrono::seconds(30);

// What a change of which the Node has to tell, apart from the passing of time.
bool differs(const RuntimeFacts& left, const RuntimeFacts& right) {
  const auto handlerText = [](const RuntimeFacts& facts) {
    std::string text;
    for (const core::NodeRuntimeHandler& handler : facts.handlers) text += handler.ShortDebugString() + ";";
    return text;
  };
  return left.readyAt.has_value() != right.readyAt.has_value() || left.runtimeProblem != right.runtimeProblem ||
         left.networkProblem != right.networkProblem ||
         left.supplementalGroupsPolicy != right.supplementalGroupsPolicy || handlerText(left) != handlerText(right);
}

}  // namespace

RuntimeWatch::RuntimeWatch(Clock& clock, cri::RuntimeService& runtime, cri::ImageService& images,
                           std::int64_t maxImages, std::function<void()> changed)
    : clock_(clock),
      runtime_(runtime),
      images_(images),
      maxImages_(maxImages),
      changed_(std::move(changed)),
      startedAt_(clock.now()),
      statusWake_(clock),
      imagesWake_(clock) {}

Task<void> RuntimeWatch::watchStatus() {
  for (;;) {
    statusWake_.clear();
    co_await askStatus();
    co_await statusWake_.waitUntil(clock_.now() + untilNextStatus());
  }
}

Task<void> RuntimeWatch::askStatus() {
  if (versionWanted_) co_await askVersion();
  Result<cri::v1::StatusResponse> answer = co_await runtime_.status();
  // Silence is no news: after a while of it the runtime counts as down.
  if (!answer) co_return;
  const RuntimeFacts before = facts_;
  applyStatus(facts_, *answer, clock_.now());
  const bool wasDown = before.readyAt && clock_.now() - *before.readyAt >= kRuntimeSilence;
  if (wasDown || differs(before, facts_)) changed_();
}

Task<void> RuntimeWatch::askVersion() {
  Result<cri::v1::VersionResponse> version = co_await runtime_.version();
  if (!version) co_return;
  versionWanted_ = false;
  if (facts_.name == version->runtime_name() && facts_.version == version->runtime_version()) co_return;
  facts_.name = version->runtime_name();
  facts_.version = version->runtime_version();
  changed_();
}

Duration RuntimeWatch::untilNextStatus() const {
  const bool well = facts_.readyAt && facts_.runtimeProblem.empty() && facts_.networkProblem.empty();
  return !well && clock_.now() - startedAt_ < kStart ? kStatusEveryAtStart : kStatusEvery;
}

Task<void> RuntimeWatch::watchImages() {
  for (;;) {
    imagesWake_.clear();
    co_await listImages();
    co_await imagesWake_.waitUntil(clock_.now() + kImagesEvery);
  }
}

Task<void> RuntimeWatch::listImages() {
  Result<std::vector<cri::v1::Image>> listed = co_await images_.listImages();
  if (!listed) co_return;
  const bool first = !facts_.images;
  facts_.images = imagesForNode(std::move(*listed), maxImages_);
  if (first) changed_();
}

void RuntimeWatch::pictureComplete() {
  facts_.pictureComplete = true;
  facts_.pictureLostAt.reset();
  versionWanted_ = true;  // it may be another one after a restart
  statusWake_.ring();
  if (!facts_.images) imagesWake_.ring();
  changed_();
}

void RuntimeWatch::pictureLost() {
  if (facts_.pictureComplete) facts_.pictureLostAt = clock_.now();
  facts_.pictureComplete = false;
}

}  // namespace cubelet::node
