#include "kubelet/main/node_shutdown.h"

#include <utility>

namespace cubelet {

NodeShutdown::NodeShutdown(Services services, const config::Effective& effective, Hooks hooks)
    : services_(services),
      logind_(services.loop, services.clock),
      manager_(services.loop, services.clock, logind_, shutdown::groupTimes(effective.config),
               shutdown::shutdownTimesFile(effective.commandLine.rootDir),
               managerHooks(effective.nodeName, std::move(hooks))) {}

shutdown::ShutdownManager::Hooks NodeShutdown::managerHooks(const std::string& nodeName, Hooks hooks) {
  shutdown::ShutdownManager::Hooks out;
  out.pods = [this] { return services_.sync.unendedPods(); };
  out.end = [this](const std::string& uid, Duration grace) {
    services_.sync.shutDown(
        uid, {.reason = shutdown::kTerminated, .message = shutdown::kTerminatedMessage, .disruption = true}, grace);
  };
  out.isEnding = [this, awaited = std::move(hooks.statusIsAwaited)](const std::string& uid) {
    return !services_.sync.hasLetGo(uid) || awaited(uid);
  };
  out.shuttingDown = std::move(hooks.changed);
  out.event = [this, nodeName](std::string_view message) {
    services_.events.normal(events::nodeRef(nodeName, nodeName), "Shutdown", std::string(message));
  };
  return out;
}

}  // namespace cubelet
