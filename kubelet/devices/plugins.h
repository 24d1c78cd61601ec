// Plugins: the device plug-ins that have registered, and what they have to offer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/rpc/channel.h"
#include "base/rpc/server.h"
#include "base/task_group.h"
#include "kubelet/devices/plugin_client.h"

namespace cubelet::devices {

// Serves Registration on <directory>/kubelet.sock and follows the list of each plug-in. Plug-ins take a new socket for
// a restart of the agent and register again. A plug-in whose stream ends is gone until it registers: its devices are
// unhealthy, and forgotten after kGrace. Loop thread only; what is given by reference must outlive this object.
class Plugins {
 public:
  static constexpr Duration kGrace = std::chrono::minutes(5);

  struct Plugin {
    std::string socket;
    PluginClient client;
    wire::DevicePluginOptions options;
    std::unique_ptr<DeviceStream> stream;  // null: another one has taken its place
  };
  using PluginPtr = std::shared_ptr<Plugin>;

  // `changed`: inventory() is another one.
  Plugins(Loop& loop, Clock& clock, rpc::Pump& pump, std::string directory, std::function<void()> changed);

  // What an earlier run of the agent knew: unhealthy until its plug-in registers. Before start().
  void remember(const std::string& resource, const Ids& ids);
  // Removes the sockets in the directory, makes our own and begins to serve.
  Result<void> start();
  Task<void> close();

  // A plug-in that somebody else has found serves at `socket`, an absolute path; check() has nothing against it. It is
  // the resource's from now on.
  Task<Result<void>> add(std::string resource, std::string socket);
  // That socket is gone, and with it the plug-in that was there.
  void remove(const std::string& socket);

  const Inventory& inventory() const { return inventory_; }
  // Null: it has not registered, or is gone.
  PluginPtr find(const std::string& resource) const;

 private:
  Result<void> removeSockets() const;
  Task<Result<std::string>> registered(std::string request);
  Task<void> follow(std::string resource, PluginPtr plugin);
  void lost(const std::string& resource);
  void forgetLater(const std::string& resource);
  void forget(std::string resource);

  Clock& clock_;
  rpc::Pump& pump_;
  std::string directory_;
  std::function<void()> changed_;
  rpc::Server server_;
  Inventory inventory_;
  std::map<std::string, PluginPtr> plugins_;  // by resource
  std::map<std::string, Timer> grace_;        // of those that are gone
  TaskGroup tasks_;
};

}  // namespace cubelet::devices
