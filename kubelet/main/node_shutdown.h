// NodeShutdown: graceful node shutdown, wired to logind and to the pods of this node.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "kubelet/config/load.h"
#include "kubelet/events/recorder.h"
#include "kubelet/shutdown/shutdown_manager.h"
#include "kubelet/shutdown/system_logind.h"
#include "kubelet/sync/sync_loop.h"

namespace cubelet {

// Loop thread only.
class NodeShutdown {
 public:
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    events::EventRecorder& events;
    sync::SyncLoop& sync;
  };
  struct Hooks {
    std::function<void(bool)> changed;                            // the node goes down, or no longer
    std::function<bool(const std::string& uid)> statusIsAwaited;  // the API server is about to be told it
  };
  NodeShutdown(Services services, const config::Effective& effective, Hooks hooks);

  // Until cancelled, then close().
  Task<void> run() { return manager_.run(); }
  Task<void> close() { return manager_.close(); }

  // A pod, or what the API server knows of it, is another one.
  void podsChanged() { manager_.podsChanged(); }
  bool shuttingDown() const { return manager_.shuttingDown(); }
  const shutdown::ShutdownTimes& times() const { return manager_.times(); }

 private:
  shutdown::ShutdownManager::Hooks managerHooks(const std::string& nodeName, Hooks hooks);

  Services services_;
  shutdown::SystemLogind logind_;
  shutdown::ShutdownManager manager_;
};

}  // namespace cubelet
