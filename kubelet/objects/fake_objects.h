// FakeObjects: for tests, what pods refer to, in memory. Answers at once unless told otherwise.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/objects/objects.h"

namespace cubelet::objects {

class FakeObjects final : public Objects {
 public:
  using Key = std::pair<std::string, std::string>;  // namespace, name

  void put(core::ConfigMap object) { store(configMaps, std::move(object)); }
  void put(core::Secret object) { store(secrets, std::move(object)); }
  void put(core::PersistentVolumeClaim object) { store(claims, std::move(object)); }
  void put(core::PersistentVolume object) { store(persistentVolumes, std::move(object)); }
  void put(::k8s::node::v1::RuntimeClass object) { store(runtimeClasses, std::move(object)); }
  void put(::k8s::storage::v1::CSIDriver object) { store(csiDrivers, std::move(object)); }
  void remove(const std::string& ns, const std::string& name) {
    configMaps.erase({ns, name});
    secrets.erase({ns, name});
    claims.erase({ns, name});
    if (changed) changed(ns, name);
  }

  void use(const core::Pod& pod) override { used.insert(pod.metadata().uid()); }
  void release(const std::string& podUid) override { used.erase(podUid); }
  Task<Result<ConfigMapPtr>> configMap(std::string ns, std::string name) override {
    ++questions;
    Result<ConfigMapPtr> found = find(configMaps, "configmap", ns, name);
    if (onQuestion) std::exchange(onQuestion, nullptr)();
    co_return found;
  }
  Task<Result<SecretPtr>> secret(std::string ns, std::string name) override {
    ++questions;
    Result<SecretPtr> found = find(secrets, "secret", ns, name);
    co_return found;
  }
  Task<Result<ClaimPtr>> claim(std::string ns, std::string name) override {
    Result<ClaimPtr> found = find(claims, "persistentvolumeclaims", ns, name);
    if (onQuestion) std::exchange(onQuestion, nullptr)();
    co_return found;
  }
  Task<Result<PersistentVolumePtr>> persistentVolume(std::string name) override {
    Result<PersistentVolumePtr> found = find(persistentVolumes, "persistentvolumes", "", name);
    co_return found;
  }
  Task<Result<RuntimeClassPtr>> runtimeClass(std::string name) override {
    Result<RuntimeClassPtr> found = find(runtimeClasses, "runtimeclass.node.k8s.io", "", name);
    co_return found;
  }
  Task<Result<CsiDriverPtr>> csiDriver(std::string name) override {
    if (down) co_return fail(*down);
    auto found = csiDrivers.find({"", name});
    co_return found == csiDrivers.end() ? CsiDriverPtr() : found->second;
  }
  Task<Result<SecretPtr>> secretOfVolume(std::string ns, std::string name) override {
    Result<SecretPtr> found = find(secrets, "secrets", ns, name);
    co_return found;
  }
  Task<Result<std::vector<ServicePtr>>> services() override {
    if (!serviceList)
      co_return fail(Code::kUnavailable, "", "services have not yet been read at least once, cannot construct envvars");
    co_return *serviceList;
  }
  std::vector<ServicePtr> knownServices() override { return serviceList.value_or(std::vector<ServicePtr>()); }
  Task<Result<Token>> token(core::Pod pod, std::string audience, std::chrono::seconds life) override {
    if (down) co_return fail(*down);
    Token token;
    token.text = pod.metadata().uid() + "/" + audience + "/" + std::to_string(life.count());
    co_return token;
  }
  void onChange(std::function<void(const std::string& ns, const std::string& name)> fn) override {
    changed = std::move(fn);
  }

  std::map<Key, ConfigMapPtr> configMaps;
  std::map<Key, SecretPtr> secrets;
  std::map<Key, ClaimPtr> claims;
  std::map<Key, PersistentVolumePtr> persistentVolumes;
  std::map<Key, RuntimeClassPtr> runtimeClasses;
  std::map<Key, CsiDriverPtr> csiDrivers;
  std::optional<std::vector<ServicePtr>> serviceList = std::vector<ServicePtr>();  // nothing: not read yet
  std::optional<Error> down;                                                       // every question fails with it
  std::set<std::string> used;                                                      // UIDs of pods
  std::function<void()> onQuestion;  // called once, when the answer about a ConfigMap or claim is on its way
  int questions = 0;                 // for ConfigMaps and Secrets
  std::function<void(const std::string& ns, const std::string& name)> changed;

 private:
  template <class T>
  void store(std::map<Key, std::shared_ptr<const T>>& into, T object) {
    const Key key(object.metadata().namespace_(), object.metadata().name());
    into[key] = std::make_shared<const T>(std::move(object));
    if (changed) changed(key.first, key.second);
  }
  template <class T>
  Result<std::shared_ptr<const T>> find(const std::map<Key, std::shared_ptr<const T>>& in, const std::string& kind,
                                        const std::string& ns, const std::string& name) const {
    if (down) return fail(*down);
    auto found = in.find({ns, name});
    if (found == in.end()) return fail(Code::kNotFound, "NotFound", kind + " \"" + name + "\" not found");
    return found->second;
  }
};

}  // namespace cubelet::objects
