#include "kubelet/sync/runtime_handler.h"

#include <algorithm>

#include "kubelet/podconfig/user_namespace.h"

namespace cubelet::sync {
namespace {

namespace core = ::k8s::core::v1;

// Containers and ephemeral containers are different types with the same member.
template <class C>
bool wantsRecursiveReadOnly(const C& container) {
  const auto& mounts = container.volumemounts();
  return std::any_of(mounts.begin(), mounts.end(), [](const core::VolumeMount& mount) {
    return mount.recursivereadonly() == "Enabled" || mount.recursivereadonly() == "IfPossible";
  });
}

template <class Containers>
bool anyWantsRecursiveReadOnly(const Containers& containers) {
  return std::any_of(containers.begin(), containers.end(),
                     [](const core::Container& container) { return wantsRecursiveReadOnly(container); });
}

}  // namespace

bool needsFeatures(const core::Container& container) {
  return wantsRecursiveReadOnly(container);
}

bool needsFeatures(const core::PodSpec& spec) {
  const auto& ephemeral = spec.ephemeralcontainers();
  return podconfig::wantsUserNamespace(spec) || anyWantsRecursiveReadOnly(spec.containers()) ||
         anyWantsRecursiveReadOnly(spec.initcontainers()) ||
         std::any_of(ephemeral.begin(), ephemeral.end(), [](const core::EphemeralContainer& container) {
           return wantsRecursiveReadOnly(container.ephemeralcontainercommon());
         });
}

namespace {

Task<Result<std::string>> handlerNameOf(Context* context, core::Pod pod) {
  const std::string name = pod.spec().runtimeclassname();
  if (name.empty()) co_return std::string();
  if (context->objects == nullptr)
    co_return fail(Code::kInvalid, "",
                   "runtimeClassName is \"" + name +
                       "\", but a RuntimeClass is an object of the API server and this node has none: leave it out, or "
                       "make the handler the default of the container runtime");
  Result<objects::RuntimeClassPtr> found = co_await context->objects->runtimeClass(name);
  if (!found) co_return fail(found.error());
  co_return (*found)->handler();
}

}  // namespace

Task<Result<RuntimeHandler>> runtimeHandlerOf(Context* context, core::Pod pod) {
  const bool asks = needsFeatures(pod.spec());
  RuntimeHandler handler;
  Result<std::string> name = co_await handlerNameOf(context, std::move(pod));
  if (!name) co_return fail(name.error());
  handler.name = std::move(*name);
  if (!asks) co_return handler;
  Result<cri::v1::StatusResponse> status = co_await context->runtime.status();
  if (!status) co_return fail(status.error().within("ask what the runtime can do"));
  handler.featuresKnown = true;
  for (const cri::v1::RuntimeHandler& known : status->runtime_handlers()) {
    if (known.name() != handler.name) continue;
    handler.userNamespaces = known.features().user_namespaces();
    handler.recursiveReadOnlyMounts = known.features().recursive_read_only_mounts();
  }
  co_return handler;
}

}  // namespace cubelet::sync
