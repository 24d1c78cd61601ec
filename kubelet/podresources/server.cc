#include "kubelet/podresources/server.h"

#include <utility>

#include "base/files.h"
#include "kubelet/podresources/answers.h"

namespace cubelet::podresources {
namespace {

constexpr char kSocket[] = "kubelet.sock";
constexpr mode_t kDirectoryMode = 0750;
constexpr double kPerSecond = 100;
constexpr int kBurst = 10;

}  // namespace

Server::Server(Loop& loop, Clock& clock, const rpc::Pump& pump, std::string directory, const devices::Devices& devices,
               std::function<std::vector<k8s::core::v1::Pod>()> pods)
    : clock_(clock),
      directory_(std::move(directory)),
      devices_(devices),
      pods_(std::move(pods)),
      rate_(kPerSecond, kBurst),
      server_(loop, pump, joinPath(directory_, kSocket)) {
  answer("v1", "List", [this](const std::string&) { return list(); });
  answer("v1alpha1", "List", [this](const std::string&) { return alphaList(); });
  answer("v1", "Get", [this](const std::string& request) { return get(request); });
  answer("v1", "GetAllocatableResources", [this](const std::string&) -> Result<std::string> {
    return allocatableOf(devices_.inventory()).SerializeAsString();
  });
}

Result<void> Server::start() {
  Result<std::string> fits = rpc::socketPath(joinPath(directory_, kSocket));
  if (!fits) return fail(fits.error());
  if (Result<void> made = makeDirectories(directory_, kDirectoryMode); !made) return made;
  return server_.start();
}

void Server::answer(const std::string& service, const std::string& method, Answer how) {
  server_.onCall("/" + service + ".PodResourcesLister/" + method,
                 [this, how = std::move(how)](std::string request) { return answerOne(how, std::move(request)); });
}

Task<Result<std::string>> Server::answerOne(Answer how, std::string request) {
  if (!rate_.tryTake(clock_.now())) co_return fail(Code::kExhausted, "", "rejected by rate limit");
  co_return how(request);
}

Result<std::string> Server::list() const {
  ::v1::ListPodResourcesResponse out;
  for (const core::Pod& pod : pods_()) *out.add_pod_resources() = resourcesOf(pod, devices_.allocations());
  return out.SerializeAsString();
}

Result<std::string> Server::alphaList() const {
  ::v1::ListPodResourcesResponse out;
  for (const core::Pod& pod : pods_()) *out.add_pod_resources() = alphaResourcesOf(pod, devices_.allocations());
  return out.SerializeAsString();
}

Result<std::string> Server::get(const std::string& request) const {
  Result<::v1::GetPodResourcesRequest> asked = rpc::parseRequest<::v1::GetPodResourcesRequest>(request);
  if (!asked) return fail(asked.error());
  for (const core::Pod& pod : pods_()) {
    if (pod.metadata().name() != asked->pod_name() || pod.metadata().namespace_() != asked->pod_namespace()) continue;
    ::v1::GetPodResourcesResponse out;
    *out.mutable_pod_resources() = resourcesOf(pod, devices_.allocations());
    return out.SerializeAsString();
  }
  return fail(Code::kNotFound, "",
              "pod " + asked->pod_name() + " in namespace " + asked->pod_namespace() + " not found");
}

}  // namespace cubelet::podresources
