// ObjectCache: Objects, from the API server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/objects/claim_set.h"
#include "kubelet/objects/object_set.h"
#include "kubelet/objects/objects.h"
#include "kubelet/objects/pod_references.h"
#include "kubelet/objects/service_account_tokens.h"
#include "kubelet/objects/trust_bundle_set.h"
#include "kubelet/objects/watched.h"

namespace cubelet::objects {

// One watch for each ConfigMap, Secret and RuntimeClass in use, one for all services and one for all trust bundles;
// each begins with the first question. Claims and volumes cannot be watched: see ClaimSet. Loop thread only.
class ObjectCache final : public Objects {
 public:
  // `loop` and `client` must outlive this object; `random` is uniform in [0, 1).
  ObjectCache(Loop& loop, apiserver::ApiClient& client, std::function<double()> random);

  void use(const core::Pod& pod) override;
  void release(const std::string& podUid) override;
  Task<Result<ConfigMapPtr>> configMap(std::string ns, std::string name) override;
  Task<Result<SecretPtr>> secret(std::string ns, std::string name) override;
  Task<Result<ClaimPtr>> claim(std::string ns, std::string name) override;
  Task<Result<PersistentVolumePtr>> persistentVolume(std::string name) override;
  Task<Result<RuntimeClassPtr>> runtimeClass(std::string name) override;
  Task<Result<CsiDriverPtr>> csiDriver(std::string name) override;
  Task<Result<SecretPtr>> secretOfVolume(std::string ns, std::string name) override;
  Task<Result<std::vector<ServicePtr>>> services() override;
  std::vector<ServicePtr> knownServices() override;
  Task<Result<TrustBundles>> trustBundles() override;
  Task<Result<Token>> token(core::Pod pod, std::string audience, std::chrono::seconds life) override;
  void onChange(std::function<void(const std::string& ns, const std::string& name)> fn) override;

  // The server can be reached again: what waits for its next try tries now.
  void retryNow();
  // Ends all watches. Questions after that are refused with kCancelled.
  Task<void> close();

  // Watches of single ConfigMaps, Secrets and RuntimeClasses that are open.
  std::size_t watching() const { return configMaps_.watching() + secrets_.watching() + runtimeClasses_.watching(); }

 private:
  struct Used {
    std::string ns;
    PodReferences references;
  };

  void watchServices();
  template <class T>
  ObjectSet<T>::Setup setUp(apiserver::Resource resource, std::string kind);

  Loop& loop_;
  apiserver::ApiClient& client_;
  std::function<double()> random_;
  std::function<void(const std::string& ns, const std::string& name)> changed_ = [](const auto&, const auto&) {};
  std::map<std::string, Used> pods_;  // by UID
  ObjectSet<core::ConfigMap> configMaps_;
  ObjectSet<core::Secret> secrets_;
  ObjectSet<::k8s::node::v1::RuntimeClass> runtimeClasses_;
  ClaimSet claims_;
  TrustBundleSet trustBundles_;
  std::shared_ptr<Watched<core::Service>> services_;
  ServiceAccountTokens tokens_;
  bool closed_ = false;
};

}  // namespace cubelet::objects
