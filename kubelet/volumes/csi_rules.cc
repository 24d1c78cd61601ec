#include "kubelet/volumes/csi_rules.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "csi/volumes/paths.h"
#include "kubelet/volumes/claim_rules.h"

namespace cubelet::volumes {
namespace {

constexpr char kPersistent[] = "Persistent";
constexpr char kEphemeral[] = "Ephemeral";
constexpr std::chrono::seconds kDefaultTokenLife = std::chrono::hours(1);

const core::CSIPersistentVolumeSource& persistentSource(const VolumeRequest& request) {
  return request.persistent->spec().persistentvolumesource().csi();
}

// A driver without an object, or with one that says nothing, is one for persistent volumes.
Result<void> checkLifecycle(const std::string& name, std::string_view mode, const storage::CSIDriver* driver) {
  std::vector<std::string> modes = {kPersistent};
  if (driver != nullptr && driver->spec().volumelifecyclemodes_size() > 0)
    modes = {driver->spec().volumelifecyclemodes().begin(), driver->spec().volumelifecyclemodes().end()};
  if (std::ranges::find(modes, mode) != modes.end()) return {};
  std::string why = "(no CSIDriver object)";
  if (driver != nullptr) {
    why = "(only supports [";
    for (const std::string& one : modes) why += (why.ends_with('[') ? "\"" : " \"") + one + "\"";
    why += "])";
  }
  return fail(Code::kInvalid, "",
              "volume mode \"" + std::string(mode) + "\" not supported by driver " + name + " " + why);
}

bool hasReadWriteOnce(const core::PersistentVolumeSpec& spec) {
  return std::ranges::any_of(spec.accessmodes(), [](const std::string& mode) {
    return mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
  });
}

// CSI-13
bool takesGroup(const VolumeRequest& request, const CsiRequest& made, const storage::CSIDriver* driver) {
  if (!made.use.fsGroup || made.use.readOnly || made.spec.block) return false;
  const std::string policy = driver != nullptr ? driver->spec().fsgrouppolicy() : "";
  if (policy == "None") return false;
  if (policy == "File") return true;
  if (made.spec.fsType.empty()) return false;
  return request.persistent == nullptr || hasReadWriteOnce(request.persistent->spec());
}

csi::VolumeSpec persistentSpec(const core::PersistentVolume& volume) {
  const core::CSIPersistentVolumeSource& source = volume.spec().persistentvolumesource().csi();
  csi::VolumeSpec spec;
  spec.driver = source.driver();
  spec.handle = source.volumehandle();
  spec.name = volume.metadata().name();
  spec.block = isBlock(volume);
  spec.fsType = source.fstype();
  spec.mountOptions = {volume.spec().mountoptions().begin(), volume.spec().mountoptions().end()};
  if (volume.spec().accessmodes_size() > 0) spec.accessMode = volume.spec().accessmodes(0);
  spec.exclusive = volume.spec().accessmodes_size() == 1 && spec.accessMode == "ReadWriteOncePod";
  spec.attributes = {source.volumeattributes().begin(), source.volumeattributes().end()};
  return spec;
}

csi::VolumeSpec inlineSpec(const core::Pod& pod, const core::Volume& volume) {
  const core::CSIVolumeSource& source = volume.volumesource().csi();
  csi::VolumeSpec spec;
  spec.driver = source.driver();
  spec.handle = csi::ephemeralHandle(pod.metadata().uid(), volume.name());
  spec.name = volume.name();
  spec.ephemeral = true;
  spec.fsType = source.fstype();
  spec.attributes = {source.volumeattributes().begin(), source.volumeattributes().end()};
  return spec;
}

}  // namespace

const std::string& csiDriverOf(const VolumeRequest& request) {
  return request.persistent ? persistentSource(request).driver() : request.volume.volumesource().csi().driver();
}

Result<CsiRequest> csiRequest(const VolumeRequest& request, const storage::CSIDriver* driver) {
  const bool persistent = request.persistent != nullptr;
  CsiRequest out;
  out.spec = persistent ? persistentSpec(*request.persistent) : inlineSpec(request.pod, request.volume);
  if (auto may = checkLifecycle(out.spec.driver, persistent ? kPersistent : kEphemeral, driver); !may)
    return fail(may.error());
  const core::Pod& pod = request.pod;
  out.use.uid = pod.metadata().uid();
  out.use.name = pod.metadata().name();
  out.use.ns = pod.metadata().namespace_();
  out.use.serviceAccount = pod.spec().serviceaccountname();
  // The volume's own readOnly is for its attachment alone.
  out.use.readOnly =
      persistent ? isReadOnly(request.volume.volumesource()) : request.volume.volumesource().csi().readonly();
  out.use.podInfoOnMount = driver != nullptr && driver->spec().podinfoonmount();
  if (pod.spec().securitycontext().has_fsgroup())
    out.use.fsGroup = std::to_string(pod.spec().securitycontext().fsgroup());
  out.use.tokensInSecrets = driver != nullptr && driver->spec().serviceaccounttokeninsecrets();
  out.limitsMayChange = driver != nullptr && driver->spec().nodeallocatableupdateperiodseconds() > 0;
  out.republish = driver != nullptr && driver->spec().requiresrepublish();
  const bool attachable = driver == nullptr || !driver->spec().has_attachrequired() || driver->spec().attachrequired();
  out.spec.attachable = persistent && attachable;
  out.fsGroup = takesGroup(request, out, driver);
  return out;
}

std::vector<CsiSecret> csiSecrets(const VolumeRequest& request) {
  std::vector<CsiSecret> secrets;
  auto add = [&](const std::string& ns, const std::string& name, CsiSecret::Use use) {
    if (!name.empty()) secrets.push_back({ns, name, use});
  };
  if (!request.persistent) {
    add(request.pod.metadata().namespace_(), request.volume.volumesource().csi().nodepublishsecretref().name(),
        CsiSecret::Use::kPublish);
    return secrets;
  }
  const core::CSIPersistentVolumeSource& source = persistentSource(request);
  add(source.nodestagesecretref().namespace_(), source.nodestagesecretref().name(), CsiSecret::Use::kStage);
  add(source.nodepublishsecretref().namespace_(), source.nodepublishsecretref().name(), CsiSecret::Use::kPublish);
  add(source.nodeexpandsecretref().namespace_(), source.nodeexpandsecretref().name(), CsiSecret::Use::kExpand);
  return secrets;
}

std::vector<CsiToken> csiTokens(const storage::CSIDriver* driver) {
  std::vector<CsiToken> tokens;
  if (driver == nullptr) return tokens;
  for (const storage::TokenRequest& wanted : driver->spec().tokenrequests()) {
    const std::chrono::seconds life =
        wanted.has_expirationseconds() ? std::chrono::seconds(wanted.expirationseconds()) : kDefaultTokenLife;
    tokens.push_back({wanted.audience(), life});
  }
  return tokens;
}

std::string tokensJson(const std::map<std::string, objects::Token>& byAudience) {
  auto json = nlohmann::json::object();
  for (const auto& [audience, token] : byAudience)
    json[audience] = {{"token", token.text}, {"expirationTimestamp", rfc3339Nano(token.expires)}};
  return json.dump();
}

void addSecret(CsiRequest& request, CsiSecret::Use use, const core::Secret& secret) {
  csi::StringMap& into = use == CsiSecret::Use::kStage     ? request.spec.stageSecrets
                         : use == CsiSecret::Use::kPublish ? request.use.publishSecrets
                                                           : request.spec.expandSecrets;
  for (const auto& [key, value] : secret.data()) into[key] = value;
}

}  // namespace cubelet::volumes
