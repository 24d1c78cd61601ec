// Objects: what pods refer to in the API server, apart from themselves: ConfigMaps, Secrets, claims, Services, tokens.
// A standalone node has some of them as files (staticpods/objects).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/node.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::objects {

namespace core = ::k8s::core::v1;

using ConfigMapPtr = std::shared_ptr<const core::ConfigMap>;
using SecretPtr = std::shared_ptr<const core::Secret>;
using ServicePtr = std::shared_ptr<const core::Service>;
using ClaimPtr = std::shared_ptr<const core::PersistentVolumeClaim>;
using PersistentVolumePtr = std::shared_ptr<const core::PersistentVolume>;
using RuntimeClassPtr = std::shared_ptr<const ::k8s::node::v1::RuntimeClass>;
using CsiDriverPtr = std::shared_ptr<const ::k8s::storage::v1::CSIDriver>;

struct Token {
  std::string text;  // a secret
  WallTime expires;  // as the server says
  WallTime renew;    // ask again then: a question from that time on brings a new one
};

// A ClusterTrustBundle, of whichever version the server has.
struct TrustBundle {
  std::string name;
  std::map<std::string, std::string> labels;
  std::string signer;  // empty: none
  std::string pem;
};
using TrustBundles = std::vector<TrustBundle>;
// What onChange() names, with an empty `ns`, when one of them has changed.
inline constexpr char kTrustBundles[] = "clustertrustbundles.certificates.k8s.io";

// Loop thread only.
class Objects {
 public:
  Objects() = default;
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  virtual ~Objects() = default;

  // A pod of this node, and the end of one. An object that no pod uses is not watched (surface 4.3). use() may be
  // repeated, also with other content.
  virtual void use(const core::Pod& pod) = 0;
  virtual void release(const std::string& podUid) = 0;

  // The object as the API server has it now or had it when it was last reached. kNotFound (`configmap "settings" not
  // found`) when it has none; kTimedOut or kUnavailable when it was never read and the server does not answer; kInvalid
  // when no pod in use refers to it. The first question for an object waits for its first read, at most 10 s; later
  // ones within these 10 s wait with it, those after them do not wait any more.
  virtual Task<Result<ConfigMapPtr>> configMap(std::string ns, std::string name) = 0;
  virtual Task<Result<SecretPtr>> secret(std::string ns, std::string name) = 0;
  // The class that a pod in use names (RTC-1). kNotFound: `runtimeclass.node.k8s.io "gvisor" not found`.
  virtual Task<Result<RuntimeClassPtr>> runtimeClass(std::string name) = 0;
  // A claim as it is at this moment, and the volume that it is bound to. Errors are the server's own, for example
  // kNotFound: `persistentvolumeclaims "data" not found`. What a claim that was asked for still lacks, existence
  // included, is told by onChange() when it comes.
  virtual Task<Result<ClaimPtr>> claim(std::string ns, std::string name) = 0;
  virtual Task<Result<PersistentVolumePtr>> persistentVolume(std::string name) = 0;
  // What a CSI driver wants to be told, as it is at this moment; null when nobody has said so.
  virtual Task<Result<CsiDriverPtr>> csiDriver(std::string name) = 0;
  // A Secret that a persistent volume names, of whatever namespace, as it is at this moment. No pod has to refer to it.
  virtual Task<Result<SecretPtr>> secretOfVolume(std::string ns, std::string name) = 0;
  // All services of the cluster, for the environment of containers (CFG-6). Waits as the others do.
  virtual Task<Result<std::vector<ServicePtr>>> services() = 0;
  // What is known of them now, for pods that must not wait; empty before the first read. They are watched from then on.
  virtual std::vector<ServicePtr> knownServices() { return {}; }
  // All bundles of trust anchors of the cluster (CMS-10), for pods that refer to one; waits as the others do.
  // kUnimplemented: there is no API server, or it does not have them.
  virtual Task<Result<TrustBundles>> trustBundles() {
    co_return fail(Code::kUnimplemented, "", "this node has no API server to get a clusterTrustBundle from");
  }
  // A token of the pod's service account that is bound to the pod. Kept and renewed as upstream's token manager does:
  // a kept one is answered until it is due to be renewed (80 % of its life, or 24 h), and past that for as long as it
  // is valid and the server does not give a new one. An empty audience: the server's own.
  virtual Task<Result<Token>> token(core::Pod pod, std::string audience, std::chrono::seconds life) = 0;

  // `fn` is called after a ConfigMap, Secret, claim or RuntimeClass (its `ns` is empty) in use has changed, appeared or
  // gone (on a standalone node a CSIDriver, too), also when its first read comes after a question had to be answered
  // without it. One function; a later one takes the place of the one before.
  virtual void onChange(std::function<void(const std::string& ns, const std::string& name)> fn) = 0;
};

}  // namespace cubelet::objects
