#include "kubelet/objects/object_cache.h"

#include <utility>

namespace cubelet::objects {
namespace {

std::unexpected<Error> ended() {
  return fail(Code::kCancelled, "", "the agent ends");
}

}  // namespace

template <class T>
ObjectSet<T>::Setup ObjectCache::setUp(apiserver::Resource resource, std::string kind) {
  return {.loop = loop_,
          .client = client_,
          .resource = resource,
          .kind = std::move(kind),
          .random = random_,
          .changed = [this](const std::string& ns, const std::string& name) { changed_(ns, name); }};
}

ObjectCache::ObjectCache(Loop& loop, apiserver::ApiClient& client, std::function<double()> random)
    : loop_(loop),
      client_(client),
      random_(std::move(random)),
      configMaps_(setUp<core::ConfigMap>(apiserver::kConfigMaps, "configmap")),
      secrets_(setUp<core::Secret>(apiserver::kSecrets, "secret")),
      runtimeClasses_(setUp<::k8s::node::v1::RuntimeClass>(apiserver::kRuntimeClasses, "runtimeclass.node.k8s.io")),
      claims_(loop, client, random_, [this](const std::string& ns, const std::string& name) { changed_(ns, name); }),
      trustBundles_(loop, client, random_, [this] { changed_("", kTrustBundles); }),
      tokens_(client, random_) {}

void ObjectCache::use(const core::Pod& pod) {
  const std::string& uid = pod.metadata().uid();
  Used now{pod.metadata().namespace_(), referencesOf(pod)};
  for (const std::string& name : now.references.configMaps) configMaps_.addUser(now.ns, name, uid);
  for (const std::string& name : now.references.secrets) secrets_.addUser(now.ns, name, uid);
  for (const std::string& name : now.references.claims) claims_.addUser(now.ns, name, uid);
  if (!now.references.runtimeClass.empty()) runtimeClasses_.addUser("", now.references.runtimeClass, uid);
  if (now.references.trustBundles)
    trustBundles_.addUser(uid);
  else
    trustBundles_.dropUser(uid);
  const Used before = std::exchange(pods_[uid], now);
  // After the new ones: what both name is watched on.
  for (const std::string& name : before.references.configMaps)
    if (!now.references.configMaps.contains(name)) configMaps_.dropUser(before.ns, name, uid);
  for (const std::string& name : before.references.secrets)
    if (!now.references.secrets.contains(name)) secrets_.dropUser(before.ns, name, uid);
  for (const std::string& name : before.references.claims)
    if (!now.references.claims.contains(name)) claims_.dropUser(before.ns, name, uid);
  if (before.references.runtimeClass != now.references.runtimeClass)
    runtimeClasses_.dropUser("", before.references.runtimeClass, uid);
}

void ObjectCache::release(const std::string& podUid) {
  tokens_.forget(podUid);
  auto pod = pods_.find(podUid);
  if (pod == pods_.end()) return;
  const Used used = std::move(pod->second);
  pods_.erase(pod);
  for (const std::string& name : used.references.configMaps) configMaps_.dropUser(used.ns, name, podUid);
  for (const std::string& name : used.references.secrets) secrets_.dropUser(used.ns, name, podUid);
  for (const std::string& name : used.references.claims) claims_.dropUser(used.ns, name, podUid);
  runtimeClasses_.dropUser("", used.references.runtimeClass, podUid);
  trustBundles_.dropUser(podUid);
}

Task<Result<ConfigMapPtr>> ObjectCache::configMap(std::string ns, std::string name) {
  if (closed_) co_return ended();
  Result<ConfigMapPtr> object = co_await configMaps_.get(std::move(ns), std::move(name));
  co_return object;
}

Task<Result<SecretPtr>> ObjectCache::secret(std::string ns, std::string name) {
  if (closed_) co_return ended();
  Result<SecretPtr> object = co_await secrets_.get(std::move(ns), std::move(name));
  co_return object;
}

Task<Result<ClaimPtr>> ObjectCache::claim(std::string ns, std::string name) {
  if (closed_) co_return ended();
  Result<ClaimPtr> claim = co_await claims_.get(std::move(ns), std::move(name));
  co_return claim;
}

Task<Result<PersistentVolumePtr>> ObjectCache::persistentVolume(std::string name) {
  if (closed_) co_return ended();
  Result<PersistentVolumePtr> volume = co_await claims_.volume(std::move(name));
  co_return volume;
}

Task<Result<RuntimeClassPtr>> ObjectCache::runtimeClass(std::string name) {
  if (closed_) co_return ended();
  Result<RuntimeClassPtr> object = co_await runtimeClasses_.get("", std::move(name));
  co_return object;
}

Task<Result<CsiDriverPtr>> ObjectCache::csiDriver(std::string name) {
  if (closed_) co_return ended();
  auto call = client_.get<::k8s::storage::v1::CSIDriver>(apiserver::kCsiDrivers.object("", name));
  Result<::k8s::storage::v1::CSIDriver> found = co_await std::move(call);
  if (found) co_return std::make_shared<const ::k8s::storage::v1::CSIDriver>(std::move(*found));
  if (found.error().code == Code::kNotFound) co_return CsiDriverPtr();
  co_return fail(found.error());
}

Task<Result<SecretPtr>> ObjectCache::secretOfVolume(std::string ns, std::string name) {
  if (closed_) co_return ended();
  auto call = client_.get<core::Secret>(apiserver::kSecrets.object(ns, name));
  Result<core::Secret> found = co_await std::move(call);
  if (!found) co_return fail(found.error().within("read secret " + ns + "/" + name));
  co_return std::make_shared<const core::Secret>(std::move(*found));
}

void ObjectCache::watchServices() {
  if (services_ || closed_) return;
  apiserver::ReflectorOptions options;
  options.resource = apiserver::kServices;
  options.random = random_;
  services_ = std::make_shared<Watched<core::Service>>(loop_, client_, std::move(options), [] {});
}

Task<Result<std::vector<ServicePtr>>> ObjectCache::services() {
  watchServices();
  if (closed_) co_return ended();
  std::shared_ptr<Watched<core::Service>> services = services_;
  co_await services->firstRead();
  if (closed_) co_return ended();
  // kUnavailable: those who ask may come again soon, it costs nothing.
  if (!services->read())
    co_return fail(Code::kUnavailable, "", "services have not yet been read at least once, cannot construct envvars");
  co_return services->objects().objects();
}

std::vector<ServicePtr> ObjectCache::knownServices() {
  watchServices();
  return services_ ? services_->objects().objects() : std::vector<ServicePtr>();
}

Task<Result<TrustBundles>> ObjectCache::trustBundles() {
  if (closed_) co_return ended();
  Result<TrustBundles> bundles = co_await trustBundles_.get();
  co_return bundles;
}

Task<Result<Token>> ObjectCache::token(core::Pod pod, std::string audience, std::chrono::seconds life) {
  if (closed_) co_return ended();
  Result<Token> token = co_await tokens_.get(std::move(pod), std::move(audience), life);
  co_return token;
}

void ObjectCache::onChange(std::function<void(const std::string& ns, const std::string& name)> fn) {
  changed_ = std::move(fn);
}

void ObjectCache::retryNow() {
  configMaps_.retryNow();
  secrets_.retryNow();
  runtimeClasses_.retryNow();
  claims_.retryNow();
  trustBundles_.retryNow();
  if (services_) services_->retryNow();
}

Task<void> ObjectCache::close() {
  closed_ = true;
  if (services_) co_await services_->stop();
  co_await configMaps_.close();
  co_await secrets_.close();
  co_await runtimeClasses_.close();
  co_await claims_.close();
  co_await trustBundles_.close();
}

}  // namespace cubelet::objects
