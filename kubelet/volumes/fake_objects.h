// FakeObjects: an API server in memory, as volumes see it. For tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/objects/objects.h"

namespace cubelet::objects {

class FakeObjects : public Objects {
 public:
  std::map<std::string, core::ConfigMap> configMaps;  // "ns/name"
  std::map<std::string, core::Secret> secrets;
  std::map<std::string, core::PersistentVolumeClaim> claims;
  std::map<std::string, core::PersistentVolume> persistentVolumes;  // "/name"
  std::map<std::string, ::k8s::storage::v1::CSIDriver> csiDrivers;  // by name
  std::optional<TrustBundles> bundles;                              // nothing: a server without them
  std::string tokenText = "token-1";
  WallTime tokenExpires;
  std::optional<Error> down;               // what every question is answered with
  std::vector<std::string> tokenRequests;  // "pod audience seconds"

  void use(const core::Pod&) override {}
  void release(const std::string&) override {}
  void onChange(std::function<void(const std::string&, const std::string&)>) override {}

  Task<Result<ConfigMapPtr>> configMap(std::string ns, std::string name) override {
    co_return find(configMaps, "configmap", ns, name);
  }
  Task<Result<ClaimPtr>> claim(std::string ns, std::string name) override {
    co_return find(claims, "persistentvolumeclaims", ns, name);
  }
  Task<Result<PersistentVolumePtr>> persistentVolume(std::string name) override {
    co_return find(persistentVolumes, "persistentvolumes", "", name);
  }
  Task<Result<RuntimeClassPtr>> runtimeClass(std::string name) override {
    co_return fail(Code::kNotFound, "NotFound", "runtimeclass.node.k8s.io \"" + name + "\" not found");
  }
  Task<Result<SecretPtr>> secret(std::string ns, std::string name) override {
    co_return find(secrets, "secret", ns, name);
  }
  Task<Result<SecretPtr>> secretOfVolume(std::string ns, std::string name) override {
    co_return find(secrets, "secrets", ns, name);
  }
  Task<Result<CsiDriverPtr>> csiDriver(std::string name) override {
    if (down) co_return fail(*down);
    auto found = csiDrivers.find(name);
    if (found == csiDrivers.end()) co_return CsiDriverPtr();
    co_return std::make_shared<const ::k8s::storage::v1::CSIDriver>(found->second);
  }
  Task<Result<std::vector<ServicePtr>>> services() override { co_return std::vector<ServicePtr>(); }
  Task<Result<TrustBundles>> trustBundles() override {
    if (!bundles) co_return fail(Code::kUnimplemented, "", "the API server has no ClusterTrustBundles");
    co_return *bundles;
  }
  Task<Result<Token>> token(core::Pod pod, std::string audience, std::chrono::seconds life) override {
    tokenRequests.push_back(pod.metadata().name() + " " + audience + " " + std::to_string(life.count()));
    if (down) co_return fail(*down);
    Token token;
    token.text = tokenText;
    token.expires = tokenExpires;
    token.renew = tokenExpires - life / 5;
    co_return token;
  }

 private:
  template <class Object>
  Result<std::shared_ptr<const Object>> find(const std::map<std::string, Object>& objects, const std::string& kind,
                                             const std::string& ns, const std::string& name) {
    if (down) return fail(*down);
    auto object = objects.find(ns + "/" + name);
    if (object == objects.end()) return fail(Code::kNotFound, "", kind + " \"" + name + "\" not found");
    return std::make_shared<const Object>(object->second);
  }
};

}  // namespace cubelet::objects
