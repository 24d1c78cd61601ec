// The CSI drivers of this node: who has registered, and where they are reached.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/inotify.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "csi/plugins/connector.h"
#include "csi/plugins/driver_facts.h"
#include "csi/plugins/registration_rules.h"
#include "csi/plugins/socket_scan.h"

namespace cubelet::csi {

// Plug-ins of another type than CSIPlugin: they register in the same directory. Loop thread only.
class OtherPlugins {
 public:
  virtual ~OtherPlugins() = default;
  virtual bool takes(const std::string& type) const = 0;
  // One that registers at `socket`. An error: it is refused, told so, and tried again as drivers are.
  virtual Task<Result<void>> add(pluginregistration::PluginInfo info, std::string socket) = 0;
  // That socket is gone, whoever it was that registered there.
  virtual void remove(const std::string& socket) = 0;
};

// Watches <root>/plugins_registry (CSI-1): no polling, an event leads to one look at the whole directory. Each socket
// has a task of its own, so that a plugin that hangs costs only itself; it is tried again with back-off (500 ms,
// doubling to 2 min 2 s) as long as its socket is there. A socket that vanishes takes its driver away.
//
// Other than upstream, a driver is usable while the API server cannot be told of it: pods of a node that is cut off can
// have their volumes. Loop thread only.
class Plugins {
 public:
  struct Options {
    std::string directory;  // made when missing, 0750
    // A driver can be used from now on; called in that turn of the loop.
    std::function<void(const std::string& driver)> registered = [](const std::string&) {};
    OtherPlugins* others = nullptr;  // null: they are refused. Outlives Plugins
  };
  // `announcer` null: nobody is told. All must outlive this object.
  Plugins(Loop& loop, Clock& clock, Connector& connector, DriverAnnouncer* announcer, Options options);
  ~Plugins();

  // Until cancelled; once. An error: the directory cannot be watched.
  Task<Result<void>> run();

  // kUnavailable (CSI-17) when no such driver is registered.
  Result<std::shared_ptr<NodeService>> find(const std::string& driver) const;
  // The same, once it has registered: it answers in the turn of the loop in which the registration takes effect. After
  // `until` it is as find().
  Task<Result<std::shared_ptr<NodeService>>> await(std::string driver, TimePoint until);

  // Asks the driver about the node once more, and tells the cluster what it says. Does nothing while it is not
  // registered. Done by itself as often as the cluster wants it, which is found out after each announcement.
  void askAgain(const std::string& driver);
  // The cluster can be told now, or has to be told anew: announces every driver, without waiting for any back-off.
  void announceAgain();

  struct Driver {
    Offer offer;
    DriverFacts facts;
    WallTime since;
  };
  // By name.
  std::vector<Driver> drivers() const;

 private:
  struct Held {
    Driver driver;
    std::shared_ptr<NodeService> node;
    Duration refreshEvery{0};  // how often it is asked again by itself; zero: never
    Timer refresh;
  };
  // One socket, and the task that looks after it.
  struct Watched {
    SocketIdentity identity;
    std::unique_ptr<TaskGroup> task;
    std::shared_ptr<Wake> announcing;  // of keepAnnouncing(), while it runs
  };
  struct Waiter {
    std::string driver;
    Wake* wake;
  };

  Result<void> look();
  Task<void> reap();
  Task<void> lookAfter(std::string socket);
  Task<Result<void>> registerOnce(std::string socket);
  Task<Result<void>> registerDriver(pluginregistration::PluginInfo info, std::string socket);
  Result<void> mayTake(const Offer& offer);
  void startAnnouncing(const std::string& socket, const DriverFacts& facts, bool now);
  Task<void> learnPeriod(std::string driver, std::string socket);
  void startLearning(const std::string& driver, const std::string& socket);
  void armRefresh(const std::string& driver);
  Task<void> readFacts(std::string driver, std::string socket, std::shared_ptr<NodeService> node);
  Task<void> keepAnnouncing(std::string socket, DriverFacts facts, std::shared_ptr<Wake> news);
  void take(const Offer& offer, DriverFacts facts, std::shared_ptr<NodeService> node);
  void drop(const std::string& socket);

  Loop& loop_;
  Clock& clock_;
  Connector& connector_;
  DriverAnnouncer* announcer_;
  Options options_;
  std::optional<Inotify> inotify_;
  std::map<std::string, Watched> watched_;  // by socket
  std::map<std::string, Held> held_;        // by driver
  std::list<Waiter> waiters_;
  std::list<std::unique_ptr<TaskGroup>> ended_;  // of sockets that are gone
  TaskGroup withdrawals_;
};

}  // namespace cubelet::csi
