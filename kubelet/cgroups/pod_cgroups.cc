#include "kubelet/cgroups/pod_cgroups.h"

#include <numeric>

#include "base/log.h"
#include "kubelet/cgroups/cpu.h"

namespace cubelet::cgroups {
namespace {

// systemd answers within this, or the call is given up.
constexpr Duration kDriverDeadline = std::chrono::seconds(60);
// As upstream: usage may go down when pods are evicted.
constexpr Duration kEnforceAgain = std::chrono::minutes(1);
// A killed process is gone within milliseconds. RES-21: five tries.
constexpr int kRemoveTries = 5;
constexpr Duration kFirstRemovePause = std::chrono::milliseconds(10);

}  // namespace

PodCgroups::PodCgroups(Loop& loop, Clock& clock, BlockingPool& blocking, Tree& tree, SystemdBus& bus,
                       DriverKind configured, PodCgroupsOptions options, Hooks hooks)
    : loop_(loop),
      clock_(clock),
      blocking_(blocking),
      tree_(tree),
      bus_(bus),
      configured_(configured),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      tasks_(loop) {}

// Files of cgroups answer at once, so they are written where we are; systemd is another program and may hang.
template <class T>
Task<Result<T>> PodCgroups::onDriver(std::string doing, std::function<Result<T>(Driver&)> fn) {
  Semaphore::Permit permit = co_await driving_.acquire();
  if (driver_->kind() == DriverKind::kCgroupfs) co_return fn(*driver_);
  std::function<Result<T>()> call = [driver = driver_, fn = std::move(fn)] { return fn(*driver); };
  co_return co_await blocking_.run<T>(std::move(doing), kDriverDeadline, std::move(call));
}

Error PodCgroups::withAdvice(const Error& error) const {
  Error out = error;
  out.message +=
      "; pods need a cgroup file system below /sys/fs/cgroup that this agent may write to (or set cgroupsPerQOS: false "
      "and enforceNodeAllocatable: [none])";
  return out;
}

Task<Result<void>> PodCgroups::start() {
  if (!enabled() || started_) co_return Result<void>();
  Semaphore::Permit permit = co_await starting_.acquire();
  if (started_) co_return Result<void>();
  Result<void> found = co_await findDriver();
  if (!found) co_return found;
  Result<void> made = co_await makeNode();
  if (!made) co_return fail(withAdvice(made.error()));
  started_ = true;
  log::info("cgroups are ready", {{"driver", driver_->kind() == DriverKind::kSystemd ? "systemd" : "cgroupfs"},
                                  {"pods", pathOf(nodeCgroup(options_.root), driver_->kind())}});
  tasks_.spawn("node limits", enforce());
  co_return Result<void>();
}

Task<Result<void>> PodCgroups::findDriver() {
  if (driver_) co_return Result<void>();
  Result<std::optional<DriverKind>> asked = co_await hooks_.askDriver();
  if (!asked) co_return fail(asked.error().within("ask the runtime for its cgroup driver"));
  const DriverKind kind = asked->value_or(configured_);
  if (kind != configured_)
    log::notice("the runtime's cgroup driver is used, not the configured one",
                {{"driver", kind == DriverKind::kSystemd ? "systemd" : "cgroupfs"}});
  Result<CgroupFiles> files = CgroupFiles::find(tree_);
  if (!files) co_return fail(withAdvice(files.error()));
  driver_ =
      kind == DriverKind::kSystemd ? makeSystemdDriver(std::move(*files), bus_) : makeCgroupfsDriver(std::move(*files));
  co_return Result<void>();
}

// Limits of all pods together are set later: they may fail on a node with pods, and pods can run without them.
Task<Result<void>> PodCgroups::makeNode() {
  Values node;
  node.cpuShares = options_.node.cpuShares;  // a cgroup's default would be a single processor's share
  const CgroupName name = nodeCgroup(options_.root);
  const CgroupName bestEffort = qosCgroup(options_.root, QosClass::kBestEffort);
  const Values bestEffortHas = bestEffortValues(options_.rules);
  std::function<Result<void>(Driver&)> make = [=](Driver& driver) -> Result<void> {
    if (Result<void> made = driver.apply(name, node); !made) return made;
    return driver.apply(bestEffort, bestEffortHas);
  };
  Result<void> made = co_await onDriver<void>("make the cgroups of the node", std::move(make));
  if (!made) co_return made;
  co_return co_await applyClass();
}

Task<void> PodCgroups::enforce() {
  bool again = false;
  std::vector<ReservedCgroup> all = options_.reserved;
  all.insert(all.begin(), {"pods", nodeCgroup(options_.root), options_.node});
  for (ReservedCgroup& one : all) {
    const bool ofPods = &one == &all.front();
    std::function<Result<void>(Driver&)> apply = [one, ofPods](Driver& driver) -> Result<void> {
      Result<bool> there = driver.exists(one.name);
      if (!there) return fail(there.error());
      if (!*there && !ofPods)
        return fail(Code::kNotFound, "", "there is no cgroup " + pathOf(one.name, driver.kind()) + ": make it first");
      return driver.apply(one.name, one.values);
    };
    Result<void> applied = co_await onDriver<void>("limit " + one.what, std::move(apply));
    if (applied) {
      hooks_.enforced(ofPods ? "Updated Node Allocatable limit across pods"
                             : "Updated limits on " + one.what + " cgroup " + pathOf(one.name, driver_->kind()));
    } else {
      again = true;
      hooks_.enforced(
          std::unexpected(applied.error().within(ofPods ? "Failed to update Node Allocatable Limits"
                                                        : "Failed to enforce limits of the " + one.what + " cgroup")));
    }
  }
  if (again) enforceAgain_ = clock_.after(kEnforceAgain, [this] { tasks_.spawn("node limits", enforce()); });
}

// RES-13.
Task<Result<void>> PodCgroups::applyClass() {
  const std::int64_t sum = std::accumulate(burst_.begin(), burst_.end(), std::int64_t{0},
                                           [](std::int64_t total, const auto& pod) { return total + pod.second; });
  const Values values = burstableValues(sum, options_.rules);
  if (classShares_ == values.cpuShares) co_return Result<void>();
  const CgroupName name = qosCgroup(options_.root, QosClass::kBurstable);
  std::function<Result<void>(Driver&)> apply = [=](Driver& driver) { return driver.apply(name, values); };
  Result<void> applied = co_await onDriver<void>("update the class of Burstable pods", std::move(apply));
  if (applied) classShares_ = values.cpuShares;
  co_return applied;
}

Task<void> PodCgroups::refreshClass() {
  Result<void> applied = co_await applyClass();
  if (!applied) log::warning("cannot update the class of Burstable pods", {{"error", applied.error().message}});
}

Task<Result<void>> PodCgroups::add(core::Pod pod) {
  if (!enabled()) co_return Result<void>();
  const std::string uid = pod.metadata().uid();
  if (!isUsableUid(uid))
    co_return fail(Code::kInvalid, "", "the pod's UID \"" + uid + "\" cannot be part of a cgroup's name");
  Result<void> ready = co_await start();
  if (!ready) co_return ready;
  if (const std::int64_t milli = burstableMilliCpu(pod); milli > 0) burst_[uid] = milli;
  co_await refreshClass();
  const CgroupName name = nameOf(pod);
  const Values values = podValues(pod, options_.rules);
  std::function<Result<void>(Driver&)> apply = [=](Driver& driver) { return driver.apply(name, values); };
  Result<void> applied = co_await onDriver<void>("make the cgroup of pod " + uid, std::move(apply));
  if (!applied) co_return fail(withAdvice(applied.error()));
  co_return applied;
}

Task<Result<bool>> PodCgroups::adopt(core::Pod pod) {
  if (!enabled()) co_return true;
  Result<void> ready = co_await start();
  if (!ready) co_return fail(ready.error());
  const CgroupName name = nameOf(pod);
  std::function<Result<bool>(Driver&)> look = [=](Driver& driver) { return driver.exists(name); };
  Result<bool> there = co_await onDriver<bool>("look at the cgroup of a pod", std::move(look));
  if (!there || !*there) co_return there;
  if (const std::int64_t milli = burstableMilliCpu(pod); milli > 0) burst_[pod.metadata().uid()] = milli;
  co_await refreshClass();
  co_return true;
}

Task<Result<void>> PodCgroups::resize(core::Pod pod, Values values) {
  if (!enabled()) co_return Result<void>();
  Result<void> ready = co_await start();
  if (!ready) co_return ready;
  const std::string uid = pod.metadata().uid();
  if (const std::int64_t milli = burstableMilliCpu(pod); milli > 0) burst_[uid] = milli;
  co_await refreshClass();
  const CgroupName name = nameOf(pod);
  std::function<Result<void>(Driver&)> apply = [=](Driver& driver) { return driver.apply(name, values); };
  co_return co_await onDriver<void>("resize the cgroup of pod " + uid, std::move(apply));
}

Task<std::optional<std::int64_t>> PodCgroups::memoryInUse(core::Pod pod) {
  Task<std::optional<std::int64_t>> read =
      amountOf(nameOf(pod), "memory of pod " + pod.metadata().uid(), &Driver::memoryInUse);
  co_return co_await std::move(read);
}

Task<std::optional<std::int64_t>> PodCgroups::processesIn(core::Pod pod) {
  Task<std::optional<std::int64_t>> read =
      amountOf(nameOf(pod), "number of processes of pod " + pod.metadata().uid(), &Driver::processesIn);
  co_return co_await std::move(read);
}

Task<std::optional<NodeMemory>> PodCgroups::nodeMemory() {
  if (options_.node.memoryMax.value_or(0) <= 0) co_return std::nullopt;
  Task<std::optional<std::int64_t>> read =
      amountOf(nodeCgroup(options_.root), "memory of all pods", &Driver::memoryInUse);
  const std::optional<std::int64_t> inUse = co_await std::move(read);
  if (!inUse) co_return std::nullopt;
  co_return NodeMemory{.inUse = *inUse, .limit = *options_.node.memoryMax};
}

Task<std::optional<std::int64_t>> PodCgroups::amountOf(CgroupName name, std::string what,
                                                       Result<std::int64_t> (Driver::*read)(const CgroupName&)) {
  if (!enabled() || !started_) co_return std::nullopt;
  std::function<Result<std::int64_t>(Driver&)> ask = [=](Driver& driver) { return (driver.*read)(name); };
  Result<std::int64_t> amount = co_await onDriver<std::int64_t>("read the " + what, std::move(ask));
  if (amount) co_return *amount;
  log::debug(1, "cannot read an amount of a cgroup", {{"amount", what}, {"error", amount.error().message}});
  co_return std::nullopt;
}

void PodCgroups::release(const std::string& uid) {
  if (burst_.erase(uid) > 0) tasks_.spawn("class of Burstable pods", refreshClass());
}

Task<void> PodCgroups::slowDown(std::string uid) {
  if (!enabled() || !started_ || !isUsableUid(uid)) co_return;
  std::function<Result<void>(Driver&)> apply = [uid, root = options_.root](Driver& driver) -> Result<void> {
    Values least;
    least.cpuShares = kMinShares;
    for (QosClass qos : kQosClasses) {
      const CgroupName name = podCgroup(root, qos, uid);
      Result<bool> there = driver.exists(name);
      if (!there) return fail(there.error());
      if (!*there) continue;
      if (Result<void> applied = driver.apply(name, least); !applied) return applied;
    }
    return {};
  };
  Result<void> applied = co_await onDriver<void>("slow down pod " + uid, std::move(apply));
  if (!applied)
    log::debug(1, "cannot slow down what is left of a pod", {{"uid", uid}, {"error", applied.error().message}});
}

Task<bool> PodCgroups::endContainer(std::string uid, std::string containerId) {
  if (!enabled() || !started_ || !isUsableUid(uid) || containerId.empty()) co_return false;
  std::function<Result<bool>(Driver&)> kill = [uid, containerId, root = options_.root](Driver& driver) -> Result<bool> {
    bool any = false;
    for (QosClass qos : kQosClasses) {
      Result<bool> killed = driver.killContainer(podCgroup(root, qos, uid), containerId);
      if (!killed) return killed;
      any = any || *killed;
    }
    return any;
  };
  Result<bool> ended = co_await onDriver<bool>("end container " + containerId, std::move(kill));
  if (ended) co_return *ended;
  log::warning("cannot end what may run of a container that the runtime has given up",
               {{"uid", uid}, {"id", containerId}, {"error", ended.error().message}});
  co_return false;
}

Task<Result<void>> PodCgroups::tryRemove(std::string uid) {
  std::function<Result<void>(Driver&)> remove = [uid, root = options_.root](Driver& driver) -> Result<void> {
    for (QosClass qos : kQosClasses)
      if (Result<void> removed = driver.remove(podCgroup(root, qos, uid)); !removed) return removed;
    return {};
  };
  co_return co_await onDriver<void>("remove the cgroup of pod " + uid, std::move(remove));
}

Task<Result<void>> PodCgroups::remove(std::string uid) {
  release(uid);
  if (!enabled() || !isUsableUid(uid)) co_return Result<void>();
  Result<void> ready = co_await start();
  if (!ready) co_return ready;
  std::function<bool(const std::string&)> never = [](const std::string&) { return false; };
  co_return co_await removeUnless(std::move(uid), std::move(never));
}

// A pod may come back between two tries.
Task<Result<void>> PodCgroups::removeUnless(std::string uid, std::function<bool(const std::string& uid)> isKnown) {
  Duration pause = kFirstRemovePause;
  for (int tries = 1;; ++tries, pause *= 2) {
    if (isKnown(uid)) co_return Result<void>();
    Result<void> removed = co_await tryRemove(uid);
    if (removed || removed.error().code != Code::kUnavailable || tries == kRemoveTries) co_return removed;
    co_await clock_.sleep(pause);
  }
}

Task<void> PodCgroups::removeOrphans(std::function<bool(const std::string& uid)> isKnown) {
  if (!enabled()) co_return;
  Result<void> ready = co_await start();
  if (!ready) co_return;  // told by whoever needs it
  for (QosClass qos : kQosClasses) {
    const CgroupName name = qosCgroup(options_.root, qos);
    std::function<Result<std::vector<std::string>>(Driver&)> list = [=](Driver& driver) {
      return driver.podUids(name);
    };
    Result<std::vector<std::string>> uids =
        co_await onDriver<std::vector<std::string>>("list the cgroups of pods", std::move(list));
    if (!uids) {
      log::warning("cannot look for left-over cgroups", {{"error", uids.error().message}});
      co_return;
    }
    for (const std::string& uid : *uids) {
      if (isKnown(uid)) continue;
      log::notice("removing the cgroup of a pod that nobody knows", {{"uid", uid}});
      Result<void> removed = co_await removeUnless(uid, isKnown);
      if (!removed)
        log::warning("cannot remove a left-over cgroup", {{"uid", uid}, {"error", removed.error().message}});
    }
  }
}

CgroupName PodCgroups::nameOf(const core::Pod& pod) const {
  return podCgroup(options_.root, qosClassOf(pod), pod.metadata().uid());
}

std::string PodCgroups::allPods() const {
  return enabled() ? pathOf(nodeCgroup(options_.root), driver_ ? driver_->kind() : configured_) : "";
}

std::string PodCgroups::parentOf(const core::Pod& pod) const {
  const DriverKind kind = driver_ ? driver_->kind() : configured_;
  if (enabled()) return pathOf(nameOf(pod), kind);
  return options_.root.empty() ? "" : pathOf(options_.root, kind);
}

}  // namespace cubelet::cgroups
