// Devices: what containers get of the devices of plug-ins (SRV-14).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/rpc/channel.h"
#include "base/task.h"
#include "kubelet/devices/checkpoint.h"
#include "kubelet/devices/checkpoint_file.h"
#include "kubelet/devices/choose.h"
#include "kubelet/devices/plugins.h"

namespace cubelet::devices {

// Why a container waits that cannot have its devices now.
inline constexpr char kNotReady[] = "CreateContainerConfigError";

// A pod's devices are chosen when it is admitted and stay its own until it has ended, over restarts of its containers
// and of the agent; what a container needs to use them is asked for before it is made. Loop thread only.
class Devices {
 public:
  // They must outlive this object. `pool` writes the file.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;
    rpc::Pump& pump;
  };
  // `directory`: <root>/device-plugins. `changed`: amounts() or admissible() answer something else.
  Devices(Services services, std::string directory, std::function<void()> changed);

  // Reads what an earlier run has noted, then lets plug-ins register. After an error nobody can register, what was
  // noted counts all the same.
  Result<void> start();
  Task<void> close();

  // A plug-in that has registered in the directory of all plug-ins: its name is its resource, `socket` is the absolute
  // path where it serves. The error is for the plug-in: it is not taken.
  Task<Result<void>> add(std::string resource, std::vector<std::string> versions, std::string socket);
  // That socket is gone.
  void remove(const std::string& socket) { plugins_.remove(socket); }

  // For the status of the node.
  Amounts amounts() const { return amountsOf(plugins_.inventory()); }
  // What pods may use together: what is healthy, and never less than what they have already.
  std::map<std::string, std::int64_t> admissible() const;

  // The pod asks for devices and has not been given all of them.
  bool isLacking(const core::Pod& pod) const;
  // Gives the pod the devices that it lacks; all or none. kUnavailable: it cannot have them.
  Task<Result<void>> reserve(core::Pod pod);
  // Nothing of the pod runs: plug-ins are asked anew what its containers need. Their devices may have come up again
  // with the machine.
  void askAgain(const std::string& uid);
  // What the container is to be made with; for one that asks for no devices, nothing. It is noted on disk before this
  // answers. kUnavailable: try again, its plug-in or its devices are not there. kTimedOut: the disk or a plug-in does
  // not answer. kCancelled: the pod has given its devices back meanwhile.
  Task<Result<wire::ContainerAllocateResponse>> prepare(core::Pod pod, core::Container container);

  // The pod has ended, or never was.
  void release(const std::string& uid);
  // All pods are known by now: what others have had is free.
  void keepOnly(const std::set<std::string>& uids);

  const Allocations& allocations() const { return allocations_; }
  const Inventory& inventory() const { return plugins_.inventory(); }

 private:
  void load();
  Checkpoint checkpoint() const;
  Task<Result<void>> give(core::Pod pod, Demand demand);
  Task<Result<wire::ContainerAllocateResponse>> prepareOne(core::Pod pod, Demand demand);
  Task<Result<void>> allocate(Place place);

  std::function<void()> changed_;
  CheckpointFile file_;
  Plugins plugins_;
  Allocations allocations_;
};

}  // namespace cubelet::devices
