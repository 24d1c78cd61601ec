#include "kubelet/sync/image_step.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/time_text.h"
#include "kubelet/images/node_credentials.h"
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
  const std::vector<WantedImage> wanted = wantedImages(state_.pod, name);
  if (wanted.empty()) co_return Outcome::kFailed;
  for (const WantedImage& one : wanted) {
    const Outcome outcome = co_await prepareOne(one);
    if (outcome != Outcome::kReady) co_return outcome;
  }
  co_return Outcome::kReady;
}

Task<ImageStep::Outcome> ImageStep::prepareOne(WantedImage wanted) {
  ImageState& image = state_.images[wanted.key];
  if (image.pulling) co_return Outcome::kPulling;
  if (image.local) {
    if (!image.told) tellPresent(wanted);
    co_return Outcome::kReady;
  }
  if (!wanted.volume.empty() && !context_.whyNoImageVolumes.empty())
    co_return failed(wanted, "CreateContainerConfigError",
                     "volume \"" + wanted.volume + "\" is an image: " + context_.whyNoImageVolumes,
                     retryTime(context_, Error(Code::kUnimplemented, "", "")));
  if (wanted.policy == "Always") co_return startPull(wanted, true);

  Result<std::optional<images::LocalImage>> found = co_await context_.images.find(wanted.image);
  if (!found) {
    context_.events.warning(events::containerRef(state_.pod, wanted.container), "InspectFailed",
                            "Failed to inspect image " + quoted(wanted.image) + ": " + found.error().message);
    co_return failed(wanted, found.error().reason, found.error().message, retryTime(context_, found.error()));
  }
  bool mine = found->has_value();
  if (mine) mine = co_await mayUse(wanted.image, (*found)->image.id());
  if (mine) {
    state_.images[wanted.key].local = **found;
    tellPresent(wanted);
    co_return Outcome::kReady;
  }
  if (wanted.policy == "Never") {
    std::string message = "Container image " + quoted(wanted.image) + " is not present with pull policy of Never";
    context_.events.warning(events::containerRef(state_.pod, wanted.container), "ErrImageNeverPull", message);
    const Error absent(Code::kNotFound, "ErrImageNeverPull", message);
    co_return failed(wanted, "ErrImageNeverPull", message, retryTime(context_, absent));
  }
  // One that is there all the same is somebody else's: only its registry can tell whether the pod may use it.
  co_return startPull(wanted, found->has_value());
}

Task<void> ImageStep::prepareAhead(std::vector<std::string> names) {
  for (const std::string& name : names) {
    if (state_.memory.of(name).retryAt > context_.clock.wallNow()) continue;
    co_await prepare(name);
  }
}

ImageStep::Outcome ImageStep::startPull(const WantedImage& wanted, bool always) {
  ImageState& image = state_.images[wanted.key];
  if (context_.clock.wallNow() < image.notBefore) {
    const std::string message = "Back-off pulling image " + quoted(wanted.image);
    context_.events.normal(events::containerRef(state_.pod, wanted.container), "BackOff", message);
    return failed(wanted, "ImagePullBackOff", message + ": " + image.lastError, image.notBefore);
  }
  image.pulling = true;
  context_.events.normal(events::containerRef(state_.pod, wanted.container), "Pulling",
                         "Pulling image " + quoted(wanted.image));
  pulls_.spawn("pull " + wanted.image, pull(wanted, always));
  return Outcome::kPulling;
}

Task<void> ImageStep::pull(WantedImage wanted, bool always) {
  const std::string imageName = wanted.image;
  Result<images::Images::Pulled> pulled = co_await pullRecorded(imageName, always);
  ImageState& image = state_.images[wanted.key];
  plan::ContainerMemory& memory = state_.memory.containers[wanted.container];
  const events::ObjectRef ref = events::containerRef(state_.pod, wanted.container);
  image.pulling = false;
  if (pulled) {
    image.local = pulled->image;
    image.backoff = Duration(0);
    memory.failureReason.clear();
    memory.failureMessage.clear();
    memory.retryAt = {};
    if (!pulled->wasPresent) context_.milestones.pulled(state_.uid(), pulled->image.image.size(), pulled->took);
    if (pulled->wasPresent)
      tellPresent(wanted);
    else
      context_.events.normal(ref, "Pulled",
                             "Successfully pulled image " + quoted(imageName) + " in " + durationText(pulled->took) +
                                 " (" + durationText(pulled->waited) + " including waiting). Image size: " +
                                 std::to_string(pulled->image.image.size()) + " bytes.");
    image.told = true;
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

void ImageStep::tellPresent(const WantedImage& wanted) {
  state_.images[wanted.key].told = true;
  context_.events.normal(
      events::containerRef(state_.pod, wanted.container), "Pulled",
      "Container image " + quoted(wanted.image) + " already present on machine and can be accessed by the pod");
}

// With a note on disk before and after, so that it is known who may use the image.
Task<Result<images::Images::Pulled>> ImageStep::pullRecorded(std::string image, bool always) {
  cri::v1::PodSandboxConfig sandbox = podconfig::makeSandboxConfig(state_.pod, 0, context_.node);
  std::vector<images::Login> credentials = co_await credentialsFor(image);
  images::PullRecords* records = context_.pullRecords;
  if (records == nullptr)
    co_return co_await context_.images.pull(image, always, std::move(sandbox), std::move(credentials));
  if (Result<void> noted = records->begin(image); !noted) {
    Error error = noted.error();
    error.reason = "ErrImagePull";
    co_return fail(std::move(error));
  }
  // Also when the task is cancelled.
  struct End {
    images::PullRecords* records;
    const std::string& image;
    ~End() { records->end(image); }
  };
  const End end{records, image};
  Result<images::Images::Pulled> pulled = co_await context_.images.pull(image, always, sandbox, credentials);
  if (pulled && pulled->wasPresent) {
    // Another pod has brought it while this one waited: that does not make it this one's.
    const bool mine = co_await mayUse(image, pulled->image.image.id());
    if (!mine) pulled = co_await context_.images.pull(image, true, std::move(sandbox), std::move(credentials));
  }
  if (pulled && !pulled->wasPresent)
    if (Result<void> noted = records->pulled(image, pulled->image.image.id(), pulled->by); !noted)
      log::warning("other pods may have to pull an image again", {{"error", noted.error().message}});
  co_return pulled;
}

Task<bool> ImageStep::mayUse(std::string image, std::string imageId) {
  const images::PullRecords* records = context_.pullRecords;
  if (records == nullptr || records->isOpen(image, imageId)) co_return true;
  images::Keyring keyring = co_await pullSecrets();
  std::vector<images::SecretLogin> logins;
  for (const images::Login& login : keyring.find(image))
    if (login.secret) logins.push_back(*login.secret);
  if (records->mayUse(image, imageId, logins)) co_return true;
  if (context_.nodeCredentials == nullptr) co_return false;
  core::Pod pod = state_.pod;
  std::vector<images::Login> shown = co_await context_.nodeCredentials->findByAccount(image, std::move(pod));
  logins.clear();
  for (const images::Login& login : shown) logins.push_back(*login.secret);
  co_return records->mayUse(image, imageId, logins);
}

// What the pod's pull secrets, and then the node, say about this image.
Task<std::vector<images::Login>> ImageStep::credentialsFor(std::string image) {
  images::Keyring keyring = co_await pullSecrets();
  std::vector<images::Login> credentials = keyring.find(image);
  if (context_.nodeCredentials != nullptr) {
    core::Pod pod = state_.pod;
    std::vector<images::Login> more = co_await context_.nodeCredentials->find(image, std::move(pod));
    credentials.insert(credentials.end(), more.begin(), more.end());
  }
  co_return credentials;
}

// One that cannot be had is told and left out: the pull may work without it.
Task<images::Keyring> ImageStep::pullSecrets() {
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
  co_return keyring;
}

ImageStep::Outcome ImageStep::failed(const WantedImage& wanted, std::string reason, std::string message,
                                     WallTime retryAt) {
  context_.events.warning(events::containerRef(state_.pod, wanted.container), "Failed", "Error: " + reason);
  plan::ContainerMemory& memory = state_.memory.containers[wanted.container];
  memory.failureReason = std::move(reason);
  memory.failureMessage = std::move(message);
  memory.retryAt = retryAt;
  return Outcome::kFailed;
}

}  // namespace cubelet::sync
