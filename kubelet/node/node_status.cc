#include "kubelet/node/node_status.h"

#include <algorithm>
#include <utility>

#include "kubelet/node/well_known.h"

namespace cubelet::node {
namespace {

using Quantities = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

std::vector<Address> addressesOf(const core::NodeStatus& status) {
  std::vector<Address> addresses;
  for (const core::NodeAddress& one : status.addresses()) addresses.push_back({one.type(), one.address()});
  return addresses;
}

void setAddresses(core::NodeStatus& status, const std::vector<Address>& addresses) {
  status.clear_addresses();
  for (const Address& one : addresses) {
    core::NodeAddress& added = *status.add_addresses();
    added.set_type(one.type);
    added.set_address(one.address);
  }
}

void setQuantities(Quantities& into, const ResourceList& list) {
  into.clear();
  for (const auto& [name, amount] : list) into[name].set_string(amount);
}

// Resources that others have entered (extended ones) stay; huge pages of a size that the kernel no longer has go.
void setResources(core::NodeStatus& status, const ResourceSettings& settings, const ResourceList& own,
                  const devices::Amounts& devices) {
  ResourceList capacity = own;
  for (const auto& [name, amount] : status.capacity())
    if (!isHugePages(name)) capacity.emplace(name, amount.string());
  setQuantities(*status.mutable_capacity(), capacity);
  setQuantities(*status.mutable_allocatable(), allocatableOf(capacity, settings));
  // Of what a plug-in has had, "0" stays: the resource is known here, there is none of it (SRV-14).
  for (const auto& [name, amount] : devices) {
    (*status.mutable_capacity())[name].set_string(std::to_string(amount.capacity));
    (*status.mutable_allocatable())[name].set_string(std::to_string(amount.allocatable));
  }
}

void setIfKnown(const std::string& value, std::string* field) {
  if (!value.empty()) *field = value;
}

void setNodeInfo(core::NodeSystemInfo& info, const NodeSettings& settings, const NodeFacts& facts) {
  setIfKnown(facts.machine.machineId, info.mutable_machineid());
  setIfKnown(facts.machine.systemUuid, info.mutable_systemuuid());
  setIfKnown(facts.machine.bootId, info.mutable_bootid());
  setIfKnown(facts.machine.kernelVersion, info.mutable_kernelversion());
  setIfKnown(facts.machine.osImage, info.mutable_osimage());
  setIfKnown(facts.machine.operatingSystem, info.mutable_operatingsystem());
  setIfKnown(facts.machine.architecture, info.mutable_architecture());
  setIfKnown(settings.kubeletVersion, info.mutable_kubeletversion());
  info.clear_kubeproxyversion();
  if (!facts.runtime.name.empty()) info.set_containerruntimeversion(facts.runtime.name + "://" + facts.runtime.version);
  info.clear_swap();
  if (facts.machine.swapBytes > 0) info.mutable_swap()->set_capacity(facts.machine.swapBytes);
}

template <class Field, class Items>
void replaceAll(Field* field, const Items& items) {
  field->Clear();
  for (const auto& item : items) *field->Add() = item;
}

void setRuntime(core::NodeStatus& status, const RuntimeFacts& runtime) {
  if (runtime.images) replaceAll(status.mutable_images(), *runtime.images);
  if (!runtime.readyAt) return;
  replaceAll(status.mutable_runtimehandlers(), runtime.handlers);
  status.clear_features();
  if (runtime.supplementalGroupsPolicy)
    status.mutable_features()->set_supplementalgroupspolicy(*runtime.supplementalGroupsPolicy);
}

void setVolumesInUse(core::NodeStatus& status, const NodeSettings& settings, const NodeFacts& facts) {
  if (!settings.controllerAttaches || !facts.volumesInUse) return;
  std::vector<std::string> volumes = *facts.volumesInUse;
  std::ranges::sort(volumes);
  replaceAll(status.mutable_volumesinuse(), volumes);
}

void setOrErase(google::protobuf::Map<std::string, std::string>& map, const std::string& key,
                const std::string& value) {
  if (value.empty())
    map.erase(key);
  else
    map[key] = value;
}

std::string missingCapacity(const NodeSettings& settings, const MachineFacts& machine) {
  const ResourceList own = capacityOf(machine, settings.resources);
  std::string missing;
  for (const char* name : {"cpu", "memory", "pods", "ephemeral-storage"}) {
    const bool needed = settings.resources.countsStorage || std::string_view(name) != "ephemeral-storage";
    if (needed && !own.contains(name)) missing.append(missing.empty() ? "" : ", ").append(name);
  }
  return missing;
}

}  // namespace

std::vector<std::string> notReadyCauses(const NodeSettings& settings, const NodeFacts& facts, TimePoint now) {
  std::vector<std::string> causes = runtimeCauses(facts.runtime, now);
  if (!facts.storageProblem.empty()) causes.push_back(facts.storageProblem);
  if (facts.shuttingDown) causes.emplace_back("node is shutting down");
  if (const std::string missing = missingCapacity(settings, facts.machine); !missing.empty())
    causes.push_back("missing node capacity for resources: " + missing);
  return causes;
}

WantedNode wantedNode(core::Node stored, const NodeSettings& settings, const NodeFacts& facts, TimePoint now,
                      WallTime wallNow) {
  WantedNode wanted{std::move(stored), ""};
  k8s::meta::v1::ObjectMeta& metadata = *wanted.node.mutable_metadata();
  for (const char* label : {kOsLabel, kArchLabel})
    (*metadata.mutable_labels())[label] =
        std::string_view(label) == kOsLabel ? facts.machine.operatingSystem : facts.machine.architecture;
  setOrErase(*metadata.mutable_annotations(), kProvidedNodeIpAnnotation, providedNodeIp(settings.addresses));

  core::NodeStatus& status = *wanted.node.mutable_status();
  Result<std::vector<Address>> addresses =
      chooseAddresses(settings.addresses, facts.network, facts.resolved, addressesOf(status));
  if (addresses)
    setAddresses(status, *addresses);
  else
    wanted.addressProblem = addresses.error().message;
  setResources(status, settings.resources, capacityOf(facts.machine, settings.resources), facts.devices);
  setNodeInfo(*status.mutable_nodeinfo(), settings, facts);
  status.mutable_daemonendpoints()->mutable_kubeletendpoint()->set_port(settings.serverPort);
  setRuntime(status, facts.runtime);
  setVolumesInUse(status, settings, facts);
  replaceAll(status.mutable_declaredfeatures(), settings.declaredFeatures);
  setOwnConditions(status, facts.pressure, notReadyCauses(settings, facts, now), wallNow);
  return wanted;
}

}  // namespace cubelet::node
