#include "kubelet/images/images.h"

#include <algorithm>

namespace cubelet::images {
namespace {

// Runtimes put these words in front of errors that have their own waiting reason (upstream
// pkg/kubelet/images/types.go).
std::string pullReason(const Error& error) {
  for (const char* reason : {"RegistryUnavailable", "SignatureValidationFailed"})
    if (error.message.find(reason) != std::string::npos) return reason;
  return "ErrImagePull";
}

bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == '/' || c == ':' || c == '@';
}

// What the tries have said, each once: "a" or "[a, b]".
Error combined(const std::vector<Error>& errors) {
  std::vector<std::string> messages;
  for (const Error& error : errors)
    if (std::find(messages.begin(), messages.end(), error.message) == messages.end()) messages.push_back(error.message);
  Error out = errors.back();
  if (messages.size() == 1) return out;
  out.message = "[";
  for (const std::string& message : messages) out.message += (out.message.size() > 1 ? ", " : "") + message;
  out.message += "]";
  return out;
}

}  // namespace

Result<std::string> withDefaultTag(const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), isNameCharacter);
  if (!plain || name.starts_with('/') || name.ends_with('/') || name.ends_with(':') || name.ends_with('@'))
    return fail(Code::kInvalid, "InvalidImageName", "\"" + name + "\" is not an image name");
  if (name.find('@') != std::string::npos || name.starts_with("sha256:")) return name;
  const std::size_t slash = name.rfind('/');
  const std::string_view last = std::string_view(name).substr(slash == std::string::npos ? 0 : slash + 1);
  if (last.find(':') != std::string_view::npos) return name;
  return name + ":latest";
}

Images::Images(cri::ImageService& service, Clock& clock, Limits limits)
    : service_(service), clock_(clock), places_(limits.parallelPulls), rate_(limits.pullsPerSecond, limits.burst) {}

Task<Result<std::optional<LocalImage>>> Images::find(std::string name) {
  Result<std::string> full = withDefaultTag(name);
  if (!full) co_return fail(full.error());
  Result<std::optional<cri::v1::Image>> status = co_await service_.imageStatus(*full);
  if (!status) {
    Error error = status.error().within("look up image " + name);
    error.reason = "ImageInspectError";
    co_return fail(std::move(error));
  }
  if (!*status) co_return std::optional<LocalImage>();
  LocalImage found{(*status)->id(), **status};
  co_return std::optional<LocalImage>(std::move(found));
}

Task<Result<Images::Opened>> Images::pullWithAny(std::string name, std::vector<Login> credentials,
                                                 cri::v1::PodSandboxConfig sandbox) {
  if (credentials.empty()) credentials.emplace_back();
  std::vector<Error> errors;
  for (const Login& credential : credentials) {
    if (!rate_.tryTake(clock_.now())) {
      errors.emplace_back(Code::kExhausted, "", "pull QPS exceeded");
      break;
    }
    cri::v1::AuthConfig auth = credential.auth();
    cri::v1::PodSandboxConfig config = sandbox;
    Result<std::string> ref = co_await service_.pullImage(name, std::move(auth), std::move(config));
    if (ref) {
      Opened opened{std::move(*ref), credential.secret};
      co_return opened;
    }
    errors.push_back(ref.error());
    if (ref.error().code == Code::kCancelled) break;
  }
  co_return fail(combined(errors));
}

Task<Result<Images::Pulled>> Images::pull(std::string name, bool always, cri::v1::PodSandboxConfig sandbox,
                                          std::vector<Login> credentials) {
  const TimePoint asked = clock_.now();
  Result<std::string> full = withDefaultTag(name);
  if (!full) co_return fail(full.error());
  Semaphore::Permit place = co_await places_.acquire();
  Pulled pulled;
  if (!always) {
    // Another pod may have brought the image while this one waited for its place.
    Result<std::optional<LocalImage>> present = co_await find(name);
    if (present && *present) {
      pulled.image = **present;
      pulled.wasPresent = true;
      co_return pulled;
    }
  }
  const TimePoint began = clock_.now();
  Result<Opened> opened = co_await pullWithAny(*full, std::move(credentials), std::move(sandbox));
  if (!opened) {
    Error error = opened.error();
    error.reason = pullReason(error);
    co_return fail(std::move(error));
  }
  pulled_();
  pulled.took = clock_.now() - began;
  pulled.waited = clock_.now() - asked;
  Result<std::optional<LocalImage>> present = co_await find(name);
  if (!present) co_return fail(present.error());
  if (!*present) co_return fail(Code::kInternal, "ErrImagePull", "image " + name + " was pulled but is not there");
  pulled.image = **present;
  pulled.image.ref = std::move(opened->ref);
  pulled.by = std::move(opened->by);
  co_return pulled;
}

}  // namespace cubelet::images
