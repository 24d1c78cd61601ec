#include "kubelet/volumes/csi_volume.h"

#include <map>
#include <utility>
#include <vector>

#include "csi/volumes/paths.h"
#include "csi/volumes/volumes.h"
#include "kubelet/volumes/attachments.h"
#include "kubelet/volumes/csi_growth.h"
#include "kubelet/volumes/csi_rules.h"
#include "kubelet/volumes/growth_rules.h"

namespace cubelet::volumes {
namespace {

constexpr Duration kRepublishEvery = std::chrono::seconds(75);  // CSI-9: about each 1 to 1.5 min

Task<Result<objects::CsiDriverPtr>> findDriverObject(std::string driver, Sources sources) {
  if (sources.objects == nullptr) co_return objects::CsiDriverPtr();
  Result<objects::CsiDriverPtr> found = co_await sources.objects->csiDriver(driver);
  if (!found) co_return fail(found.error().within("read CSIDriver " + driver));
  co_return found;
}

Task<Result<objects::SecretPtr>> findSecret(CsiSecret secret, bool persistent, Sources sources) {
  if (sources.objects == nullptr) co_return fail(Code::kInvalid, "", "this node has nowhere to get a secret from");
  Result<objects::SecretPtr> found;
  if (persistent)
    found = co_await sources.objects->secretOfVolume(secret.ns, secret.name);
  else
    found = co_await sources.objects->secret(secret.ns, secret.name);
  co_return found;
}

Task<Result<std::string>> findTokens(core::Pod pod, std::vector<CsiToken> wanted, Sources sources) {
  if (wanted.empty()) co_return std::string();
  if (sources.objects == nullptr) co_return fail(Code::kInvalid, "", "this node has no API server to get tokens from");
  std::map<std::string, objects::Token> tokens;
  for (const CsiToken& one : wanted) {
    Result<objects::Token> token = co_await sources.objects->token(pod, one.audience, one.life);
    if (!token) co_return fail(token.error().within("get a service account token for the driver"));
    tokens[one.audience] = std::move(*token);
  }
  co_return tokensJson(tokens);
}

// What the attacher has noted goes to the driver.
Task<Result<void>> addAttachment(csi::VolumeSpec* spec, Sources sources) {
  Result<Attachment> attached = co_await sources.attachments->await(spec->driver, spec->handle);
  if (!attached) co_return fail(attached.error());
  spec->attachmentId = attached->name;
  spec->publishContext = std::move(attached->publishContext);
  co_return Result<void>();
}

// The scheduler goes by what the driver has said when it registered: it is asked again, and the pod may go elsewhere.
Error notAttached(Error error, const CsiRequest& request, const Sources& sources) {
  if (error.reason != kAttachLimitExceeded) return error;
  if (request.limitsMayChange)
    sources.csiDrivers->askAgain(request.spec.driver);
  else
    error.reason.clear();
  return error;
}

Task<Result<bool>> driverGivesGroup(std::string driver, Sources sources) {
  Result<std::shared_ptr<csi::NodeService>> node = co_await sources.csiDrivers->find(std::move(driver));
  if (!node) co_return fail(node.error());
  std::shared_ptr<csi::NodeService> service = *node;
  Result<csi::NodeCapabilities> can = co_await service->capabilities();
  if (!can) co_return fail(can.error());
  co_return can->volumeMountGroup;
}

}  // namespace

Task<Result<VolumeRequest>> CsiVolume::prepare(VolumeRequest request, Sources sources) const {
  if (sources.csi == nullptr) co_return fail(Code::kUnimplemented, "", "this agent has no CSI drivers");
  const std::string driver = csiDriverOf(request);
  Result<objects::CsiDriverPtr> object = co_await findDriverObject(driver, sources);
  if (!object) co_return fail(object.error());
  Result<CsiRequest> made = csiRequest(request, object->get());
  if (!made) co_return fail(made.error());
  const bool persistent = request.persistent != nullptr;
  bool labelled = false;
  if (persistent) {
    Result<std::string> label =
        mountLabel(request.pod, request.volume.name(), *request.persistent, object->get(), sources.selinux);
    if (!label) co_return fail(label.error());
    labelled = !label->empty();
    if (labelled) made->spec.mountOptions.push_back("context=\"" + *label + "\"");
    made->spec.selinuxLabel = std::move(*label);
  }
  made->relabel = !labelled && !made->use.readOnly && !made->spec.block;
  for (const CsiSecret& secret : csiSecrets(request)) {
    CsiSecret wanted = secret;
    Result<objects::SecretPtr> found = co_await findSecret(std::move(wanted), persistent, sources);
    if (!found) co_return fail(found.error());
    addSecret(*made, secret.use, **found);
  }
  core::Pod pod = request.pod;
  std::vector<CsiToken> wanted = csiTokens(object->get());
  Result<std::string> tokens = co_await findTokens(std::move(pod), std::move(wanted), sources);
  if (!tokens) co_return fail(tokens.error());
  made->use.tokens = std::move(*tokens);
  if (made->fsGroup) {
    Result<bool> given = co_await driverGivesGroup(driver, sources);
    if (!given) co_return fail(given.error());
    made->fsGroup = !*given;
  }
  request.csi = std::make_shared<const CsiRequest>(std::move(*made));
  co_return request;
}

Result<std::string> CsiVolume::setUp(const VolumeRequest& request) const {
  const csi::VolumeSpec& spec = request.csi->spec;
  if (spec.block) return csi::blockPublishPath(request.dirs.root, spec.name, request.pod.metadata().uid());
  return csi::publishPath(request.dirs.root, request.pod.metadata().uid(), spec.name);
}

Task<Result<void>> CsiVolume::mount(VolumeRequest request, std::string path, Sources sources) const {
  csi::VolumeSpec spec = request.csi->spec;
  csi::PodUse use = request.csi->use;
  if (request.csi->spec.attachable && sources.attachments != nullptr &&
      !sources.csi->isPublished(spec.driver, spec.handle, use.uid)) {
    // The node says that it uses the volume before it does (CSI-3).
    sources.csi->claim(spec, use.uid);
    Result<void> attached = co_await addAttachment(&spec, sources);
    if (!attached) co_return fail(notAttached(attached.error(), *request.csi, sources));
  }
  Result<std::string> at = co_await sources.csi->publish(std::move(spec), std::move(use));
  if (!at) co_return fail(at.error());
  if (*at != path) co_return fail(Code::kInternal, "", "it was mounted at " + *at + " instead of " + path);
  // Where a resizer leads the claim, a pod does not start with less than it has been promised. Elsewhere nobody may
  // even know how large the volume is: the pod has what there is, and the next try is grow()'s.
  const bool promised = sources.claims != nullptr;
  Result<void> grown = co_await growCsi(std::move(request), sources);
  if (!grown && promised) co_return grown;
  co_return Result<void>();
}

std::optional<Duration> CsiVolume::renewEvery(const VolumeRequest& request) const {
  if (!request.csi || !request.csi->republish) return std::nullopt;
  return kRepublishEvery;
}

Task<Result<void>> CsiVolume::renew(VolumeRequest request, Sources sources) const {
  csi::VolumeSpec spec = request.csi->spec;
  csi::PodUse use = request.csi->use;
  if (request.csi->spec.attachable && sources.attachments != nullptr) {
    Result<void> attached = co_await addAttachment(&spec, sources);
    if (!attached) co_return attached;
  }
  Result<void> published = co_await sources.csi->republish(std::move(spec), std::move(use));
  co_return published;
}

bool CsiVolume::mayGrow(const VolumeRequest& request) const {
  return request.persistent && request.csi && !request.csi->use.readOnly && sizeOf(*request.persistent) > 0;
}

bool CsiVolume::hasGrown(const VolumeRequest& request, const Sources& sources) const {
  return volumes::hasGrown(request, sources);
}

Task<Result<void>> CsiVolume::grow(VolumeRequest request, Sources sources) const {
  Result<void> grown = co_await growCsi(std::move(request), std::move(sources));
  co_return grown;
}

Relabel CsiVolume::relabels(const VolumeRequest& request) const {
  return request.csi && request.csi->relabel ? Relabel::kWhereLabelsAreKept : Relabel::kNever;
}

bool CsiVolume::takesFsGroup(const VolumeRequest& request) const {
  return request.csi && request.csi->fsGroup;
}

}  // namespace cubelet::volumes
