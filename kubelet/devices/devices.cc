#include "kubelet/devices/devices.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "kubelet/devices/registration_rules.h"

namespace cubelet::devices {

Devices::Devices(Services services, std::string directory, std::function<void()> changed)
    : changed_(std::move(changed)),
      file_({.loop = services.loop, .clock = services.clock, .pool = services.pool},
            joinPath(directory, kCheckpointFile), [this] { return toText(checkpoint()); }),
      plugins_(services.loop, services.clock, services.pump, std::move(directory), [this] {
        file_.saveSoon();
        changed_();
      }) {}

Result<void> Devices::start() {
  load();
  return plugins_.start();
}

Task<Result<void>> Devices::add(std::string resource, std::vector<std::string> versions, std::string socket) {
  if (Result<void> known = check(resource, versions); !known) co_return known;
  Result<void> added = co_await plugins_.add(std::move(resource), std::move(socket));
  co_return added;
}

Task<void> Devices::close() {
  co_await plugins_.close();
  co_await file_.close();
}

// A file that cannot be read must not stop containers that run (REC-6): they keep what they have, only nobody knows.
void Devices::load() {
  Result<std::string> text = file_.read();
  if (!text && text.error().code == Code::kNotFound) return;
  Result<Checkpoint> noted = text ? fromText(*text) : Result<Checkpoint>(fail(text.error()));
  if (!noted) {
    log::error("which pods have which devices cannot be read; they may be given to others, too",
               {{"file", kCheckpointFile}, {"error", noted.error().message}});
    return;
  }
  for (const auto& [resource, ids] : noted->registered) plugins_.remember(resource, ids);
  for (const auto& [place, allocation] : noted->allocations)
    if (!plugins_.inventory().contains(place.resource)) plugins_.remember(place.resource, {});
  allocations_ = std::move(noted->allocations);
}

Checkpoint Devices::checkpoint() const {
  Checkpoint now;
  now.allocations = allocations_;
  for (const auto& [name, resource] : inventory())
    for (const auto& [id, device] : resource.devices) now.registered[name].insert(id);
  return now;
}

std::map<std::string, std::int64_t> Devices::admissible() const {
  std::map<std::string, std::int64_t> out;
  for (const auto& [name, amount] : amounts())
    out[name] = std::max(amount.allocatable, static_cast<std::int64_t>(inUse(allocations_, name).size()));
  return out;
}

bool Devices::isLacking(const core::Pod& pod) const {
  return !openDemands(pod, inventory(), allocations_).empty();
}

Task<Result<void>> Devices::reserve(core::Pod pod) {
  std::vector<Place> given;
  const std::vector<Demand> demands = openDemands(pod, inventory(), allocations_);
  for (const Demand& demand : demands) {
    Result<void> done = co_await give(pod, demand);
    if (done) {
      given.push_back({pod.metadata().uid(), demand.container, demand.resource});
      continue;
    }
    for (const Place& place : given) allocations_.erase(place);
    co_return done;
  }
  file_.saveSoon();
  changed_();
  co_return Result<void>();
}

Task<Result<void>> Devices::give(core::Pod pod, Demand demand) {
  Result<Offer> offer = offerFor(pod, demand, inventory(), allocations_);
  if (!offer) co_return fail(offer.error());
  const Plugins::PluginPtr plugin = plugins_.find(demand.resource);
  const bool isAChoice = offer->isOpen() && offer->given.size() + offer->available.size() > offer->count;
  Ids preferred;
  if (plugin && isAChoice && plugin->options.get_preferred_allocation_available()) {
    Offer asked = *offer;
    Result<Ids> answer = co_await plugin->client.preferred(std::move(asked));
    if (answer)
      preferred = std::move(*answer);
    else
      log::warning("a device plug-in does not say which devices it prefers",
                   {{"resource", demand.resource}, {"error", answer.error().message}});
    // Others may have been given theirs meanwhile.
    offer = offerFor(pod, demand, inventory(), allocations_);
    if (!offer) co_return fail(offer.error());
  }
  allocations_[{pod.metadata().uid(), demand.container, demand.resource}] =
      allocationOf(choose(*offer, preferred), inventory().at(demand.resource));
  co_return Result<void>();
}

void Devices::askAgain(const std::string& uid) {
  for (auto& [place, allocation] : allocations_)
    if (place.pod == uid) allocation.response.reset();
}

Task<Result<wire::ContainerAllocateResponse>> Devices::prepare(core::Pod pod, core::Container container) {
  wire::ContainerAllocateResponse all;
  const std::vector<Demand> demands = demandsOf(container, inventory());
  for (const Demand& demand : demands) {
    Result<wire::ContainerAllocateResponse> one = co_await prepareOne(pod, demand);
    if (!one) co_return fail(one.error());
    mergeInto(all, *one);
  }
  if (demands.empty()) co_return all;
  Result<void> saved = co_await file_.save();
  if (!saved) co_return fail(saved.error());
  const bool held = std::ranges::all_of(demands, [&](const Demand& demand) {
    return allocations_.contains({pod.metadata().uid(), demand.container, demand.resource});
  });
  if (!held) co_return fail(Code::kCancelled, "", "the pod has given its devices back");
  co_return all;
}

Task<Result<wire::ContainerAllocateResponse>> Devices::prepareOne(core::Pod pod, Demand demand) {
  const Place place{pod.metadata().uid(), demand.container, demand.resource};
  // Admitted before its plug-in had registered for the first time.
  if (!allocations_.contains(place)) {
    Result<void> given = co_await give(std::move(pod), demand);
    if (!given) co_return fail(given.error());
    changed_();
  }
  if (!allocations_[place].response) {
    Result<void> asked = co_await allocate(place);
    if (!asked) co_return fail(asked.error());
  }
  const Allocation allocation = allocations_[place];
  const Plugins::PluginPtr plugin = plugins_.find(demand.resource);
  if (plugin && plugin->options.pre_start_required()) {
    Result<void> started = co_await plugin->client.preStart(allocation.ids());
    if (!started) co_return fail(started.error());
  }
  co_return *allocation.response;
}

Task<Result<void>> Devices::allocate(Place place) {
  const Ids ids = allocations_[place].ids();
  const Plugins::PluginPtr plugin = plugins_.find(place.resource);
  if (!plugin)
    co_return fail(Code::kUnavailable, "",
                   "the device plug-in of " + place.resource + " has not registered yet: the container waits for it");
  const Ids healthy = healthyOf(inventory().at(place.resource));
  if (!std::ranges::includes(healthy, ids))
    co_return fail(
        Code::kUnavailable, "",
        "previously allocated devices are no longer healthy; cannot allocate unhealthy devices " + place.resource);
  Result<wire::ContainerAllocateResponse> response = co_await plugin->client.allocate(ids);
  if (!response) co_return fail(response.error());
  const auto held = allocations_.find(place);
  if (held == allocations_.end() || held->second.ids() != ids)
    co_return fail(Code::kCancelled, "", "the pod has given its devices back");
  held->second.response = std::move(*response);
  co_return Result<void>();
}

void Devices::release(const std::string& uid) {
  if (std::erase_if(allocations_, [&](const auto& one) { return one.first.pod == uid; }) == 0) return;
  file_.saveSoon();
  changed_();
}

void Devices::keepOnly(const std::set<std::string>& uids) {
  const auto isNobodys = [&](const auto& one) { return !uids.contains(one.first.pod); };
  if (std::erase_if(allocations_, isNobodys) == 0) return;
  file_.saveSoon();
  changed_();
}

}  // namespace cubelet::devices
