#include "csi/plugins/plugins.h"

#include <algorithm>
#include <sys/inotify.h>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "base/backoff.h"
#include "base/files.h"
#include "base/log.h"

namespace cubelet::csi {
namespace {

constexpr std::uint32_t kChanges =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

constexpr Duration kShortestPeriod = std::chrono::seconds(10);

// Of upstream's operations that have failed (VOL-3).
Backoff makeBackoff() {
  return Backoff({.initial = std::chrono::milliseconds(500), .cap = std::chrono::seconds(122)});
}

Task<void> withdraw(DriverAnnouncer* announcer, std::string driver) {
  Result<void> done = co_await announcer->withdraw(driver);
  if (!done) log::warning("CSI driver not withdrawn", {{"driver", driver}, {"error", done.error().message}});
}

DriverFacts factsOf(const std::string& driver, const v1::NodeGetInfoResponse& info) {
  DriverFacts facts{driver, info.node_id(), info.max_volumes_per_node(), {}};
  for (const auto& [key, value] : info.accessible_topology().segments()) facts.topology[key] = value;
  return facts;
}

}  // namespace

Plugins::Plugins(Loop& loop, Clock& clock, Connector& connector, DriverAnnouncer* announcer, Options options)
    : loop_(loop),
      clock_(clock),
      connector_(connector),
      announcer_(announcer),
      options_(std::move(options)),
      withdrawals_(loop) {}

Plugins::~Plugins() = default;

Task<Result<void>> Plugins::run() {
  if (auto made = makeDirectories(options_.directory, 0750); !made) co_return made;
  Result<Inotify> inotify = Inotify::create(loop_);
  if (!inotify) co_return fail(inotify.error());
  inotify_.emplace(std::move(*inotify));

  std::exception_ptr cancelled;
  Result<void> ended;
  try {
    for (;;) {
      ended = look();
      if (!ended) break;
      Result<std::vector<InotifyEvent>> events = co_await inotify_->next();
      if (!events) {
        ended = fail(events.error());
        break;
      }
      co_await reap();
    }
  } catch (...) {
    cancelled = std::current_exception();
  }
  // Also a cancelled task waits for those that it has started.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  for (auto& [socket, watched] : watched_) ended_.push_back(std::move(watched.task));
  watched_.clear();
  co_await reap();
  co_await withdrawals_.close();
  if (cancelled) std::rethrow_exception(cancelled);
  co_return ended;
}

Task<void> Plugins::reap() {
  while (!ended_.empty()) {
    std::unique_ptr<TaskGroup> group = std::move(ended_.front());
    ended_.pop_front();
    co_await group->close();
  }
}

Result<void> Plugins::look() {
  Result<SocketScan> scan = scanSockets(options_.directory);
  if (!scan) return fail(scan.error());
  // A directory may have got a socket between the scan and the watch on it.
  for (bool again = true; again;) {
    for (const std::string& directory : scan->directories)
      if (auto watch = inotify_->add(directory, kChanges); !watch && directory == options_.directory)
        return fail(watch.error());
    Result<SocketScan> second = scanSockets(options_.directory);
    if (!second) return fail(second.error());
    again = second->directories != scan->directories;
    scan = std::move(second);
  }

  for (auto at = watched_.begin(); at != watched_.end();) {
    auto found = scan->sockets.find(at->first);
    if (found != scan->sockets.end() && found->second == at->second.identity) {
      ++at;
      continue;
    }
    drop(at->first);
    at->second.task->cancel();
    ended_.push_back(std::move(at->second.task));
    at = watched_.erase(at);
  }
  for (const auto& [socket, identity] : scan->sockets) {
    if (watched_.contains(socket)) continue;
    Watched& watched = watched_[socket];
    watched.identity = identity;
    watched.task = std::make_unique<TaskGroup>(loop_);
    watched.task->spawn("plugin " + socket, lookAfter(socket));
  }
  return {};
}

Task<void> Plugins::lookAfter(std::string socket) {
  Backoff backoff = makeBackoff();
  for (;;) {
    Result<void> registered = co_await registerOnce(socket);
    pluginregistration::RegistrationStatus status;
    status.set_plugin_registered(registered.has_value());
    if (!registered) {
      status.set_error(registered.error().message);
      log::warning("plugin not registered", {{"socket", socket}, {"error", registered.error().message}});
    }
    Result<void> told = co_await connector_.tell(socket, status);
    if (!told) log::debug(2, "plugin not told", {{"socket", socket}, {"error", told.error().message}});
    if (registered) co_return;
    co_await clock_.sleep(backoff.next());
  }
}

Task<Result<void>> Plugins::registerOnce(std::string socket) {
  Result<pluginregistration::PluginInfo> info = co_await connector_.info(socket);
  if (!info) co_return fail(info.error().within("ask the plugin at " + socket + " who it is"));
  Result<void> registered;
  if (options_.others != nullptr && options_.others->takes(info->type()))
    registered = co_await options_.others->add(std::move(*info), socket);
  else
    registered = co_await registerDriver(std::move(*info), socket);
  co_return registered;
}

Task<Result<void>> Plugins::registerDriver(pluginregistration::PluginInfo info, std::string socket) {
  Result<Offer> offer = readOffer(info, socket);
  if (!offer) co_return fail(offer.error());
  if (auto may = mayTake(*offer); !may) co_return fail(may.error());

  Result<std::shared_ptr<NodeService>> node = connector_.node(offer->endpoint);
  if (!node) co_return fail(node.error());
  std::shared_ptr<NodeService> service = *node;
  Result<v1::NodeGetInfoResponse> answer = co_await service->nodeInfo();
  if (!answer) co_return fail(answer.error().within("driver " + offer->driver));
  if (answer->node_id().empty())
    co_return fail(Code::kInvalid, "", "driver " + offer->driver + ": NodeGetInfo answers no node_id");
  const DriverFacts facts = factsOf(offer->driver, *answer);
  // Another plugin may have taken the name meanwhile.
  if (auto may = mayTake(*offer); !may) co_return fail(may.error());
  take(*offer, facts, std::move(service));
  log::info("CSI driver registered", {{"driver", offer->driver}, {"socket", socket}});
  if (announcer_ == nullptr) co_return Result<void>();

  Result<void> announced = co_await announcer_->announce(facts);
  if (announced) {
    startLearning(offer->driver, socket);
    co_return Result<void>();
  }
  if (!isRetryable(announced.error().code)) {
    drop(socket);
    co_return fail(announced.error().within("driver " + offer->driver));
  }
  log::warning("CSI driver not announced", {{"driver", offer->driver}, {"error", announced.error().message}});
  startAnnouncing(socket, facts, false);
  co_return Result<void>();
}

// A plugin that was killed leaves its socket behind, and may come back on another one: a socket that nobody serves
// holds no name.
Result<void> Plugins::mayTake(const Offer& offer) {
  auto held = held_.find(offer.driver);
  if (held == held_.end()) return {};
  const Offer& holder = held->second.driver.offer;
  Result<void> may = mayTakeName(holder, offer);
  if (may || connector_.isServed(holder.socket)) return may;
  log::info("CSI driver has left its socket", {{"driver", holder.driver}, {"socket", holder.socket}});
  return {};
}

void Plugins::announceAgain() {
  if (announcer_ == nullptr) return;
  for (const auto& [name, held] : held_) startAnnouncing(held.driver.offer.socket, held.driver.facts, true);
}

void Plugins::askAgain(const std::string& driver) {
  auto held = held_.find(driver);
  if (held == held_.end()) return;
  const std::string& socket = held->second.driver.offer.socket;
  if (auto watched = watched_.find(socket); watched != watched_.end())
    watched->second.task->spawn("facts of " + driver, readFacts(driver, socket, held->second.node));
}

void Plugins::startLearning(const std::string& driver, const std::string& socket) {
  if (auto watched = watched_.find(socket); watched != watched_.end())
    watched->second.task->spawn("period of " + driver, learnPeriod(driver, socket));
}

Task<void> Plugins::learnPeriod(std::string driver, std::string socket) {
  Result<Duration> period = co_await announcer_->refreshPeriod(driver);
  auto held = held_.find(driver);
  if (held == held_.end() || held->second.driver.offer.socket != socket) co_return;
  if (!period) {
    log::debug(1, "it is not known how often a CSI driver is to be asked", {{"error", period.error().message}});
    co_return;
  }
  held->second.refreshEvery = *period > Duration(0) ? std::max(*period, kShortestPeriod) : Duration(0);
  armRefresh(driver);
}

void Plugins::armRefresh(const std::string& driver) {
  Held& held = held_.at(driver);
  held.refresh.cancel();
  if (held.refreshEvery == Duration(0)) return;
  held.refresh = clock_.after(held.refreshEvery, [this, driver] {
    armRefresh(driver);  // also if the driver does not answer this time
    askAgain(driver);
  });
}

Task<void> Plugins::readFacts(std::string driver, std::string socket, std::shared_ptr<NodeService> node) {
  Result<v1::NodeGetInfoResponse> answer = co_await node->nodeInfo();
  auto held = held_.find(driver);
  if (held == held_.end() || held->second.driver.offer.socket != socket) co_return;
  if (!answer) {
    log::warning("CSI driver does not say what the node can have",
                 {{"driver", driver}, {"error", answer.error().message}});
    co_return;
  }
  held->second.driver.facts = factsOf(driver, *answer);
  if (announcer_ != nullptr) startAnnouncing(socket, held->second.driver.facts, true);
}

void Plugins::startAnnouncing(const std::string& socket, const DriverFacts& facts, bool now) {
  auto watched = watched_.find(socket);
  if (watched == watched_.end()) return;
  std::shared_ptr<Wake>& news = watched->second.announcing;
  if (!news) {
    news = std::make_shared<Wake>(clock_);
    watched->second.task->spawn("announce " + facts.name, keepAnnouncing(socket, facts, news));
  }
  if (now) news->ring();
}

Task<void> Plugins::keepAnnouncing(std::string socket, DriverFacts facts, std::shared_ptr<Wake> news) {
  Backoff backoff = makeBackoff();
  for (;;) {
    const TimePoint due = clock_.now() + backoff.next();
    const bool rung = co_await news->waitUntil(due);
    if (rung) backoff.reset();
    auto held = held_.find(facts.name);
    const bool ours = held != held_.end() && held->second.driver.offer.socket == socket;
    Result<void> announced;
    if (ours) {
      facts = held->second.driver.facts;  // may be newer ones
      announced = co_await announcer_->announce(facts);
      if (announced) startLearning(facts.name, socket);
    }
    if (announced && !news->rung()) {
      if (auto watched = watched_.find(socket); watched != watched_.end() && watched->second.announcing == news)
        watched->second.announcing.reset();
      co_return;
    }
    if (announced) continue;
    log::warning("CSI driver not announced", {{"driver", facts.name}, {"error", announced.error().message}});
  }
}

void Plugins::take(const Offer& offer, DriverFacts facts, std::shared_ptr<NodeService> node) {
  held_.insert_or_assign(offer.driver,
                         Held{{offer, std::move(facts), clock_.wallNow()}, std::move(node), Duration(0), Timer()});
  for (const Waiter& waiter : waiters_)
    if (waiter.driver == offer.driver) waiter.wake->ring();
  options_.registered(offer.driver);
}

void Plugins::drop(const std::string& socket) {
  if (options_.others != nullptr) options_.others->remove(socket);
  for (auto held = held_.begin(); held != held_.end(); ++held) {
    if (held->second.driver.offer.socket != socket) continue;
    const std::string driver = held->first;
    held_.erase(held);
    log::info("CSI driver gone", {{"driver", driver}, {"socket", socket}});
    if (announcer_ != nullptr) {
      withdrawals_.spawn("withdraw " + driver, withdraw(announcer_, driver));
    }
    return;
  }
}

Result<std::shared_ptr<NodeService>> Plugins::find(const std::string& driver) const {
  auto held = held_.find(driver);
  if (held != held_.end()) return held->second.node;
  return fail(Code::kUnavailable, "", "driver name " + driver + " not found in the list of registered CSI drivers");
}

Task<Result<std::shared_ptr<NodeService>>> Plugins::await(std::string driver, TimePoint until) {
  struct Listed {
    Listed(std::list<Waiter>& list, Waiter waiter) : list_(list), at_(list.insert(list.end(), std::move(waiter))) {}
    ~Listed() { list_.erase(at_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    std::list<Waiter>& list_;
    std::list<Waiter>::iterator at_;
  };
  Wake wake(clock_);
  Listed listed(waiters_, Waiter{driver, &wake});
  for (;;) {
    Result<std::shared_ptr<NodeService>> found = find(driver);
    if (found || clock_.now() >= until) co_return found;
    const bool rung = co_await wake.waitUntil(until);
    (void)rung;  // either way: look again
  }
}

std::vector<Plugins::Driver> Plugins::drivers() const {
  std::vector<Driver> drivers;
  for (const auto& [name, held] : held_) drivers.push_back(held.driver);
  return drivers;
}

}  // namespace cubelet::csi
