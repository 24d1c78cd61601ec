#include "kubelet/objects/trust_bundle_set.h"

#include <utility>

#include "kubelet/objects/watched.h"
#include "proto/k8s/certificates.pb.h"
#include "proto/k8s/certificates_v1alpha1.pb.h"
#include "proto/k8s/certificates_v1beta1.pb.h"

namespace cubelet::objects {
namespace {

namespace certificates = ::k8s::certificates;

apiserver::Resource resourceOf(std::string_view version) {
  return {"certificates.k8s.io", version, "clustertrustbundles", false};
}

template <class T>
class WatchOf final : public TrustBundleSet::Watch {
 public:
  WatchOf(Loop& loop, apiserver::ApiClient& client, apiserver::ReflectorOptions options, std::function<void()> news)
      : watched_(std::make_shared<Watched<T>>(loop, client, std::move(options), std::move(news))) {}

  bool read() const override { return watched_->read(); }
  bool overdue() const override { return watched_->overdue(); }
  Task<void> firstRead() override { return watched_->firstRead(); }
  const Error* lastError() const override { return watched_->lastError(); }
  void retryNow() override { watched_->retryNow(); }
  Task<void> stop() override { return watched_->stop(); }
  TrustBundles bundles() const override {
    TrustBundles all;
    for (const std::shared_ptr<const T>& object : watched_->objects().objects()) {
      const auto& labels = object->metadata().labels();
      all.push_back({object->metadata().name(),
                     {labels.begin(), labels.end()},
                     object->spec().signername(),
                     object->spec().trustbundle()});
    }
    return all;
  }

 private:
  std::shared_ptr<Watched<T>> watched_;
};

// kNotFound: the server does not have this version.
template <class List>
Task<Result<void>> probe(apiserver::ApiClient* client, std::string version) {
  auto call = client->get<List>(apiserver::withQuery(resourceOf(version).collection(), {{"limit", "1"}}));
  Result<List> some = co_await std::move(call);
  if (!some) co_return fail(some.error());
  co_return Result<void>();
}

using Probe = Task<Result<void>> (*)(apiserver::ApiClient*, std::string);
using Make = std::shared_ptr<TrustBundleSet::Watch> (*)(Loop&, apiserver::ApiClient&, apiserver::ReflectorOptions,
                                                        std::function<void()>);
struct Version {
  std::string_view name;
  Probe probe;
  Make make;
};

template <class T, class List>
constexpr Version versionOf(std::string_view name) {
  return {name, &probe<List>,
          [](Loop& loop, apiserver::ApiClient& client, apiserver::ReflectorOptions options,
             std::function<void()> news) -> std::shared_ptr<TrustBundleSet::Watch> {
            return std::make_shared<WatchOf<T>>(loop, client, std::move(options), std::move(news));
          }};
}

constexpr Version kVersions[] = {
    versionOf<certificates::v1::ClusterTrustBundle, certificates::v1::ClusterTrustBundleList>("v1"),
    versionOf<certificates::v1beta1::ClusterTrustBundle, certificates::v1beta1::ClusterTrustBundleList>("v1beta1"),
    versionOf<certificates::v1alpha1::ClusterTrustBundle, certificates::v1alpha1::ClusterTrustBundleList>("v1alpha1"),
};

Task<void> end(std::shared_ptr<TrustBundleSet::Watch> watch) {
  co_await watch->stop();
}

}  // namespace

TrustBundleSet::TrustBundleSet(Loop& loop, apiserver::ApiClient& client, std::function<double()> random,
                               std::function<void()> changed)
    : loop_(loop), client_(client), random_(std::move(random)), changed_(std::move(changed)), ending_(loop) {}

TrustBundleSet::~TrustBundleSet() = default;

void TrustBundleSet::dropUser(const std::string& podUid) {
  if (users_.erase(podUid) == 0 || !users_.empty() || !watch_) return;
  ending_.spawn("end of a watch", end(std::exchange(watch_, nullptr)));
  answered_ = false;
}

Task<Result<TrustBundles>> TrustBundleSet::get() {
  for (;;) {
    // Looked at again after each wait: the last user may have gone.
    if (users_.empty()) co_return fail(Code::kInvalid, "", "clusterTrustBundles are not registered for any pod");
    if (!watch_) {
      Result<void> opened = co_await open();
      if (!opened) co_return fail(opened.error());
      continue;
    }
    if (watch_->read() || watch_->overdue()) break;
    std::shared_ptr<Watch> watch = watch_;
    co_await watch->firstRead();
  }
  answered_ = true;
  if (watch_->read()) co_return watch_->bundles();
  std::string message = "failed to sync clustertrustbundle cache: timed out waiting for the condition";
  if (const Error* error = watch_->lastError()) message += ": " + error->message;
  co_return fail(Code::kTimedOut, "", std::move(message));
}

Task<Result<void>> TrustBundleSet::open() {
  for (const Version& version : kVersions) {
    auto call = version.probe(&client_, std::string(version.name));
    Result<void> there = co_await std::move(call);
    if (watch_ || users_.empty()) co_return Result<void>();  // others were faster, or nobody waits any more
    if (there) {
      apiserver::ReflectorOptions options;
      options.resource = resourceOf(version.name);
      options.random = random_;
      watch_ = version.make(loop_, client_, std::move(options), [this] {
        if (answered_) changed_();
      });
      co_return Result<void>();
    }
    if (there.error().code != Code::kNotFound) co_return fail(there.error().within("look for ClusterTrustBundles"));
  }
  co_return fail(
      Code::kUnimplemented, "",
      "the API server has no ClusterTrustBundles: certificates.k8s.io/v1, v1beta1 or v1alpha1 must be enabled");
}

void TrustBundleSet::retryNow() {
  if (watch_) watch_->retryNow();
}

Task<void> TrustBundleSet::close() {
  users_.clear();
  if (watch_) ending_.spawn("end of a watch", end(std::exchange(watch_, nullptr)));
  co_await ending_.join();
}

}  // namespace cubelet::objects
