#include "kubelet/sync/image_step.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/time_text.h"
#include "kubelet/images/pull_credentials.h"
#include "kubelet/podconfig/sandbox_config.h"

namespace cubelet::sync {
namespace {

constexpr Duration kPullBackoffInitial = std::chrono::seconds(10);
constexpr Duration kPullBackoffCap = std::chrono::seconds(300);
// How long the status shows ErrImagePull before it turns into ImagePullBackOff.
constexpr Duration kShowPullError = std::chrono::seconds(3);

WallTime later(WallTime from, Duration by) {
  return from + std::chrono::duration_cast<WallTime::duration>(by);
}

std::string quoted(const std::string& image) {
  return "\"" + image + "\"";
}

}  // namespace

Task<ImageStep::Outcome> ImageStep::prepare(std::string name) {
  const core::Container* container = findContainer(state_.pod, name);
  ImageState& image = state_.images[name];
  if (image.pulling) co_return Outcome::kPulling;
  if (image.local) co_return Outcome::kReady;
  if (container->imagepullpolicy() == "Always") co_return startPull(*container, image);

  Result<std::optional<images::LocalImage>> found = co_await context_.images.find(container->image());
  if (!found) {
    context_.events.warning(events::containerRef(state_.pod, name), "InspectFailed",
                            "Failed to inspect image " + quoted(container->image()) + ": " + found.error().message);
    co_return failed(*container, found.error().reason, found.error().message, retryTime(context_, found.error()));
  }
  if (*found) {
    context_.events.normal(
        events::containerRef(state_.pod, name), "Pulled",
        "Container image " + quoted(container->image()) + " already present on machine and can be accessed by the pod");
    image.local = **found;
    co_return Outcome::kReady;
  }
  if (container->imagepullpolicy() == "Never") {
    std::string message = "Container image " + quoted(container->image()) + " is not present with pull policy of Never";
    context_.events.warning(events::containerRef(state_.pod, name), "ErrImageNeverPull", message);
    const Error absent(Code::kNotFound, "ErrImageNeverPull", message);
    co_return failed(*container, "ErrImageNeverPull", message, retryTime(context_, absent));
  }
  co_return startPull(*container, image);
}

Task<void> ImageStep::prepareAhead(std::vector<std::string> names) {
  for (const std::string& name : names) {
    if (state_.memory.of(name).retryAt > context_.clock.wallNow()) continue;
    co_await prepare(name);
  }
}

ImageStep::Outcome ImageStep::startPull(const core::Container& container, ImageState& image) {
  if (context_.clock.wallNow() < image.notBefore) {
    const std::string message = "Back-off pulling image " + quoted(container.image());
    context_.events.normal(events::containerRef(state_.pod, container.name()), "BackOff", message);
    return failed(container, "ImagePullBackOff", message + ": " + image.lastError, image.notBefore);
  }
  image.pulling = true;
  context_.events.normal(events::containerRef(state_.pod, container.name()), "Pulling",
                         "Pulling image " + quoted(container.image()));
  pulls_.spawn("pull " + container.image(),
               pull(container.name(), container.image(), container.imagepullpolicy() == "Always"));
  return Outcome::kPulling;
}

Task<void> ImageStep::pull(std::string name, std::string imageName, bool always) {
  cri::v1::PodSandboxConfig sandbox = podconfig::makeSandboxConfig(state_.pod, 0, context_.node);
  std::vector<cri::v1::AuthConfig> credentials = co_await credentialsFor(imageName);
  Result<images::Images::Pulled> pulled =
      co_await context_.images.pull(imageName, always, std::move(sandbox), std::move(credentials));
  ImageState& image = state_.images[name];
  plan::ContainerMemory& memory = state_.memory.containers[name];
  const events::ObjectRef ref = events::containerRef(state_.pod, name);
  image.pulling = false;
  if (pulled) {
    image.local = pulled->image;
    image.backoff = Duration(0);
    memory.failureReason.clear();
    memory.failureMessage.clear();
    memory.retryAt = {};
    std::string message =
        pulled->wasPresent
            ? "Container image " + quoted(imageName) + " already present on machine and can be accessed by the pod"
            : "Successfully pulled image " + quoted(imageName) + " in " + durationText(pulled->took) + " (" +
                  durationText(pulled->waited) +
                  " including waiting). Image size: " + std::to_string(pulled->image.image.size()) + " bytes.";
    context_.events.normal(ref, "Pulled", std::move(message));
  } else {
    const WallTime now = context_.clock.wallNow();
    image.backoff = nextBackoff(image.backoff, kPullBackoffInitial, kPullBackoffCap);
    image.notBefore = later(now, image.backoff);
    image.lastError = pulled.error().reason + ": " + pulled.error().message;
    memory.failureReason = pulled.error().reason;
    memory.failureMessage = pulled.error().message;
    memory.retryAt = later(now, std::min(kShowPullError, image.backoff));
    context_.events.warning(ref, "Failed", "Failed to pull image " + quoted(imageName) + ": " + pulled.error().message);
    context_.events.warning(ref, "Failed", "Error: " + pulled.error().reason);
  }
  wake_();
}

// What the pod's pull secrets say about this image. One that cannot be had is told and left out: the pull may work
// without it.
Task<std::vector<cri::v1::AuthConfig>> ImageStep::credentialsFor(std::string image) {
  images::Keyring keyring;
  std::string missing;
  const core::Pod pod = state_.pod;
  for (const core::LocalObjectReference& reference : pod.spec().imagepullsecrets()) {
    if (context_.objects == nullptr || reference.name().empty()) continue;
    Result<objects::SecretPtr> secret =
        co_await context_.objects->secret(pod.metadata().namespace_(), reference.name());
    Result<void> added;
    if (secret)
      added = keyring.add(**secret);
    else
      added = fail(secret.error());
    if (added) continue;
    missing += (missing.empty() ? "" : ", ") + reference.name();
    log::info("cannot use a pull secret",
              {{"pod", state_.ref()}, {"secret", reference.name()}, {"error", added.error().message}});
  }
  if (!missing.empty())
    context_.events.warning(
        events::podRef(pod), "FailedToRetrieveImagePullSecret",
        "Unable to retrieve some image pull secrets (" + missing + "); attempting to pull the image may not succeed.");
  co_return keyring.find(image);
}

ImageStep::Outcome ImageStep::failed(const core::Container& container, std::string reason, std::string message,
                                     WallTime retryAt) {
  context_.events.warning(events::containerRef(state_.pod, container.name()), "Failed", "Error: " + reason);
  plan::ContainerMemory& memory = state_.memory.containers[container.name()];
  memory.failureReason = std::move(reason);
  memory.failureMessage = std::move(message);
  memory.retryAt = retryAt;
  return Outcome::kFailed;
}

}  // namespace cubelet::sync
