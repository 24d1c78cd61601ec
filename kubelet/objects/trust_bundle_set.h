// TrustBundleSet: the ClusterTrustBundles of the cluster, while a pod uses one.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/objects/objects.h"

namespace cubelet::objects {

// One watch for all of them, in the best version that the server has: v1, v1beta1 or v1alpha1. It begins with the first
// question and ends with the last pod. Which version that is, is found out by asking for each; a server that has none
// is asked again with the next question. Loop thread only.
class TrustBundleSet {
 public:
  // References must outlive this object. `random` is uniform in [0, 1). `changed` is called when one of them changes
  // after it has been answered.
  TrustBundleSet(Loop& loop, apiserver::ApiClient& client, std::function<double()> random,
                 std::function<void()> changed);
  ~TrustBundleSet();

  void addUser(const std::string& podUid) { users_.insert(podUid); }
  void dropUser(const std::string& podUid);

  // kInvalid: no pod uses any. kUnimplemented: the server has none of the versions.
  Task<Result<TrustBundles>> get();

  void retryNow();
  Task<void> close();
  bool watching() const { return watch_ != nullptr; }

  // The watch, of whichever version.
  class Watch {
   public:
    virtual ~Watch() = default;
    virtual bool read() const = 0;
    virtual bool overdue() const = 0;
    virtual Task<void> firstRead() = 0;
    virtual TrustBundles bundles() const = 0;
    virtual const Error* lastError() const = 0;
    virtual void retryNow() = 0;
    virtual Task<void> stop() = 0;
  };

 private:
  Task<Result<void>> open();

  Loop& loop_;
  apiserver::ApiClient& client_;
  std::function<double()> random_;
  std::function<void()> changed_;
  std::set<std::string> users_;  // UIDs of pods
  std::shared_ptr<Watch> watch_;
  bool answered_ = false;  // somebody has been told something
  TaskGroup ending_;
};

}  // namespace cubelet::objects
