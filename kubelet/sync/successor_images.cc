#include "kubelet/sync/successor_images.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"

namespace cubelet::sync {
namespace {

std::vector<std::string> containerNames(const core::Pod& pod) {
  std::vector<std::string> names;
  for (const core::Container& container : pod.spec().initcontainers()) names.push_back(container.name());
  for (const core::Container& container : pod.spec().containers()) names.push_back(container.name());
  return names;
}

}  // namespace

SuccessorImages::SuccessorImages(Context& context, core::Pod pod, std::function<void()> arrived)
    : context_(context),
      tell_(std::move(arrived)),
      wake_(context.clock),
      tasks_(context.loop),
      step_(context, state_, tasks_, [this] { wake_.ring(); }) {
  state_.pod = std::move(pod);
  tasks_.spawn("images of the next " + state_.ref(), run());
}

Task<void> SuccessorImages::run() {
  const std::vector<std::string> names = containerNames(state_.pod);
  bool said = false;
  for (;;) {
    std::vector<std::string> missing;
    for (const std::string& name : names)
      for (const WantedImage& wanted : wantedImages(state_.pod, name)) {
        const bool there = co_await isThere(wanted);
        if (!there) missing.push_back(name);
      }
    if (missing.empty()) break;
    if (!std::exchange(said, true))
      log::notice("the running version goes on until the images of the new one are here",
                  {{"pod", state_.ref()}, {"uid", uid()}});
    co_await step_.prepareAhead(missing);
    TimePoint again = TimePoint::max();
    for (const std::string& name : missing) {
      const WallTime retryAt = state_.memory.of(name).retryAt;
      if (retryAt > context_.clock.wallNow())
        again = std::min(
            again, context_.clock.now() + std::chrono::duration_cast<Duration>(retryAt - context_.clock.wallNow()));
    }
    co_await wake_.waitUntil(again);
  }
  arrived_ = true;
  tell_();
}

Task<bool> SuccessorImages::isThere(WantedImage wanted) {
  if (state_.images[wanted.key].local) co_return true;
  if (state_.images[wanted.key].pulling) co_return false;
  if (!wanted.volume.empty() && !context_.whyNoImageVolumes.empty()) co_return true;  // no waiting helps that
  const Result<std::optional<images::LocalImage>> found = co_await context_.images.find(wanted.image);
  if (!found) co_return found.error().reason != "InvalidImageName";
  co_return found->has_value();
}

}  // namespace cubelet::sync
