// One pod as its worker knows it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/images/images.h"
#include "kubelet/plan/plan_pod.h"
#include "kubelet/podconfig/user_namespace.h"
#include "kubelet/sync/runtime_handler.h"
#include "kubelet/volumes/pod_volumes.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::sync {

namespace core = ::k8s::core::v1;

// How far one image of a container is.
struct ImageState {
  bool pulling = false;
  std::optional<images::LocalImage> local;  // to be used by the next start
  bool told = false;                        // the instance that starts next has its event of it (CST-10)
  // Pull back-off per pod and image (CFG-20).
  Duration backoff{0};
  WallTime notBefore;
  std::string lastError;
};

// How far one volume is.
struct VolumeState {
  std::optional<std::string> path;  // on the host, once it is ready
  bool trying = false;
  WallTime since;  // when it was first tried
  // After a failure (VOL-3).
  std::string failure;
  bool notProcessed = false;  // it could not even be planned
  Duration backoff{0};
  WallTime notBefore;
  std::shared_ptr<volumes::OwnershipWalk> walk;  // while it is tried
};

struct PodState {
  core::Pod pod;  // uid, name and namespace only, when the object is unknown
  bool objectKnown = true;
  plan::PodMemory memory;
  std::map<std::string, ImageState> images;               // by WantedImage::key
  std::map<std::string, VolumeState> volumeStates;        // by name, of those that were tried
  std::optional<volumes::PodVolumes::HostPaths> volumes;  // once all are ready
  std::optional<RuntimeHandler> handler;                  // once it is known
  std::optional<podconfig::IdRange> users;                // of a pod with hostUsers: false, once they are known
  std::uint64_t objectChanges = 0;                        // of ConfigMaps and Secrets that the pod refers to
  bool inCgroup = false;                                  // its cgroup is there, or was decided to be done without

  const std::string& uid() const { return pod.metadata().uid(); }
  std::string ref() const { return pod.metadata().namespace_() + "/" + pod.metadata().name(); }
};

struct Context;
// The address that probes and hooks ask by default: the sandbox's, or the node's for host network. "" when there is
// none.
std::string podIp(const Context& context, const PodState& state);

// Null when the pod has no container of that name; ephemeral ones are no core::Container.
const core::Container* findContainer(const core::Pod& pod, const std::string& name);
// The container of that name, whatever its kind.
std::optional<core::Container> containerNamed(const core::Pod& pod, const std::string& name);

// An image that a container needs: its own, or that of an image volume which it mounts (CFG-24).
struct WantedImage {
  std::string key;  // the container's name, or "volume/" and the volume's
  std::string container;
  std::string volume;  // empty: the container's own image
  std::string image;
  std::string policy;
};
// The container's own first. Empty when there is no such container.
std::vector<WantedImage> wantedImages(const core::Pod& pod, const std::string& container);
// The targetContainerName of an ephemeral container; empty for others, and without one.
std::string targetOf(const core::Pod& pod, const std::string& name);

}  // namespace cubelet::sync
