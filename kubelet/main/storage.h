// Storage: the CSI drivers of this node and their volumes, wired together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/rpc/channel.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "csi/plugins/connector.h"
#include "csi/plugins/plugins.h"
#include "csi/volumes/host.h"
#include "csi/volumes/volumes.h"

namespace cubelet {

// Loop thread only.
class Storage {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;
    rpc::Pump& pump;
  };
  struct Options {
    std::string root;
    std::string nodeName;
    csi::DriverAnnouncer* announcer = nullptr;  // null: there is no cluster to tell
    csi::OtherPlugins* otherPlugins = nullptr;  // null: plug-ins that are no CSI drivers are refused
  };
  struct Hooks {
    std::function<void()> driverCame;      // what has waited for it may be tried again
    std::function<void()> volumesChanged;  // volumes().inUse() and all() may be others
    // UIDs of all pods, also of those that wind down; nothing while not all of them are known.
    std::function<std::optional<std::set<std::string>>()> pods;
  };
  Storage(Services services, Options options, Hooks hooks);

  // Reads the journal and begins to watch for drivers. Before the first pod.
  Result<void> start();
  // Hooks::pods answers from now on.
  void podsKnown() { wake_.ring(); }
  // The node has a CSINode: its drivers can be told.
  void clusterReady() { plugins_.announceAgain(); }
  Task<void> close();

  struct Check {
    std::vector<csi::Finding> found;
    std::vector<csi::Finding> repaired;  // was found, and is gone
  };
  // Compares what is noted with what is there. kUnavailable: not all pods are known.
  Task<Result<Check>> check(bool repair);

  csi::Volumes& volumes() { return volumes_; }
  const csi::Volumes& volumes() const { return volumes_; }
  csi::Drivers& drivers() { return registered_; }

 private:
  // Waits a moment for a driver that has not registered: it may just be starting, as the agent is.
  class Registered final : public csi::Drivers {
   public:
    Registered(csi::Plugins& plugins, Clock& clock) : plugins_(plugins), clock_(clock) {}
    Task<Result<std::shared_ptr<csi::NodeService>>> find(std::string driver) override;
    void askAgain(const std::string& driver) override { plugins_.askAgain(driver); }

   private:
    csi::Plugins& plugins_;
    Clock& clock_;
  };

  Task<void> watchDrivers();
  Task<void> tidy();
  void volumesChanged();

  Services services_;
  Options options_;
  Hooks hooks_;
  csi::GrpcConnector connector_;
  csi::Plugins plugins_;
  Registered registered_;
  csi::SystemHost host_;
  csi::Volumes volumes_;
  bool backingOff_ = false;  // tidy() waits after a failure
  bool settled_ = false;     // what no pod had when all pods became known is gone
  Wake wake_;                // of tidy()
  TaskGroup tasks_;
};

}  // namespace cubelet
