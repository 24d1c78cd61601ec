#include "kubelet/config/validate_resources.h"

#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/time_text.h"
#include "kubelet/api/quantity.h"
#include "kubelet/config/fields.h"
#include "kubelet/config/flag_values.h"

namespace cubelet::config {
namespace {

using namespace std::chrono_literals;

using StringMap = google::protobuf::Map<std::string, std::string>;

// Messages in the order of the keys, not of the hash table.
std::map<std::string, std::string> sorted(const StringMap& entries) {
  return {entries.begin(), entries.end()};
}

template <class Number>
bool toNumber(std::string_view text, Number& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "0-3,8", as the kernel writes lists of CPUs.
bool isCpuList(std::string_view text) {
  for (;;) {
    std::string_view part = text.substr(0, text.find(','));
    std::size_t dash = part.find('-');
    unsigned first = 0;
    unsigned last = 0;
    if (!toNumber(part.substr(0, dash), first)) return false;
    if (dash != std::string_view::npos && (!toNumber(part.substr(dash + 1), last) || last < first)) return false;
    if (part.size() == text.size()) return true;
    text.remove_prefix(part.size() + 1);
  }
}

void checkReserved(Findings& found, std::string_view field, const StringMap& reserved) {
  for (const auto& [resource, amount] : sorted(reserved)) {
    if (resource != "cpu" && resource != "memory" && resource != "ephemeral-storage" && resource != "pid")
      found.add(field, quoted(resource) + " cannot be reserved: cpu, memory, ephemeral-storage and pid can");
    else if (auto value = api::quantityMilliValue(amount); !value || *value < 0)
      found.add(field, resource + " must be a quantity that is not negative, is " + quoted(amount));
  }
}

// Which cgroup an enforcement needs.
void checkEnforcement(const KubeletConfiguration& config, const std::string& name, Findings& found) {
  constexpr std::string_view kField = "enforceNodeAllocatable";
  bool system = name == "system-reserved" || name == "system-reserved-compressible";
  bool kube = name == "kube-reserved" || name == "kube-reserved-compressible";
  if (!system && !kube && name != "pods" && name != "none") {
    found.oneOf(kField, name,
                {"none", "pods", "system-reserved", "system-reserved-compressible", "kube-reserved",
                 "kube-reserved-compressible"});
    return;
  }
  if (name == "none") {
    if (config.enforcenodeallocatable_size() > 1) found.add(kField, "none must stand alone");
    return;
  }
  if (system && config.systemreservedcgroup().empty()) found.add("systemReservedCgroup", "must be set for " + name);
  if (kube && config.kubereservedcgroup().empty()) found.add("kubeReservedCgroup", "must be set for " + name);
  if (!config.cgroupsperqos()) found.add("cgroupsPerQOS", "must be true while enforceNodeAllocatable has " + name);
}

void checkEnforcements(const KubeletConfiguration& config, Findings& found) {
  constexpr std::string_view kField = "enforceNodeAllocatable";
  std::set<std::string> seen;
  for (const std::string& name : config.enforcenodeallocatable()) {
    if (seen.insert(name).second)
      checkEnforcement(config, name, found);
    else
      found.add(kField, name + " is there twice");
  }
  for (std::string_view group : {"system-reserved", "kube-reserved"})
    if (seen.contains(std::string(group)) && seen.contains(std::string(group) + "-compressible"))
      found.add(kField, std::string(group) + " and " + std::string(group) + "-compressible exclude each other");
}

void checkReservedMemory(const KubeletConfiguration& config, Findings& found) {
  std::set<std::pair<int, std::string>> seen;
  for (const auto& reservation : config.reservedmemory()) {
    for (const auto& [type, amount] : reservation.limits()) {
      std::string what = type + " of NUMA node " + std::to_string(reservation.numanode());
      if (!isMemoryResource(type))
        found.add("reservedMemory", quoted(type) + " is not a type of memory: memory or hugepages-SIZE are");
      if (auto value = api::quantityValue(amount.string()); !value || *value <= 0)
        found.add("reservedMemory", what + " must be a quantity above zero, is " + quoted(amount.string()));
      if (!seen.emplace(reservation.numanode(), type).second) found.add("reservedMemory", what + " is there twice");
    }
  }
}

void checkCpu(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  found.oneOf("cpuManagerPolicy", config.cpumanagerpolicy(), {"none", "static"});
  auto period = std::chrono::nanoseconds(config.cpucfsquotaperiod().duration());
  if (!gates.enabled("CustomCPUCFSQuotaPeriod") && period != 100ms)
    found.add("cpuCFSQuotaPeriod", durationText(period) + " needs feature gate CustomCPUCFSQuotaPeriod");
  else if (period < 1ms || period > 1s)
    found.add("cpuCFSQuotaPeriod", "must be between 1ms and 1s, is " + durationText(period));
  if (config.reservedsystemcpus().empty()) return;
  if (!isCpuList(config.reservedsystemcpus()))
    found.add("reservedSystemCPUs", "must be a list of CPUs such as 0-1,4, is " + quoted(config.reservedsystemcpus()));
  if (!config.systemreservedcgroup().empty() || !config.kubereservedcgroup().empty())
    found.add("reservedSystemCPUs", "excludes systemReservedCgroup and kubeReservedCgroup");
}

void checkMemory(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  found.oneOf("memoryManagerPolicy", config.memorymanagerpolicy(), {"None", "Static"});
  found.oneOf("memorySwap.swapBehavior", config.memoryswap().swapbehavior(), {"", "NoSwap", "LimitedSwap"});
  double factor = config.memorythrottlingfactor();
  if (!(factor > 0 && factor <= 1))
    found.add("memoryThrottlingFactor", "must be above 0 and not above 1, is " + std::to_string(factor));
  found.oneOf("memoryReservationPolicy", config.memoryreservationpolicy(), {"None", "TieredReservation"});
  if (config.memoryreservationpolicy() == "TieredReservation" && !gates.enabled("MemoryQoS"))
    found.add("memoryReservationPolicy", "TieredReservation needs feature gate MemoryQoS");
}

void checkQosReserved(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  if (config.qosreserved().empty()) return;
  if (!gates.enabled("QOSReserved")) found.add("qosReserved", "needs feature gate QOSReserved");
  for (const auto& [resource, share] : sorted(config.qosreserved())) {
    int percent = 0;
    bool fits = share.ends_with('%') && toNumber(std::string_view(share).substr(0, share.size() - 1), percent) &&
                percent >= 0 && percent <= 100;
    if (resource != "memory" || !fits)
      found.add("qosReserved", "must be memory=N% with N from 0 to 100, is " + quoted(resource) + "=" + quoted(share));
  }
}

// ---- Eviction

bool isEvictionSignal(std::string_view name) {
  static const std::set<std::string_view> kSignals = {
      "memory.available",       "nodefs.available",   "nodefs.inodesFree",
      "imagefs.available",      "imagefs.inodesFree", "containerfs.available",
      "containerfs.inodesFree", "pid.available",      "allocatableMemory.available"};
  return kSignals.contains(name);
}

// The number of a share such as "10%"; nullopt: no share.
std::optional<double> percentOf(std::string_view text) {
  double percent = 0;
  if (!text.ends_with('%') || !toNumber(text.substr(0, text.size() - 1), percent)) return std::nullopt;
  return percent;
}

void checkSignal(Findings& found, std::string_view field, const std::string& signal) {
  if (!isEvictionSignal(signal)) found.add(field, quoted(signal) + " is no eviction signal (such as memory.available)");
}

void checkThresholds(Findings& found, std::string_view field, const StringMap& thresholds) {
  for (const auto& [signal, value] : sorted(thresholds)) {
    checkSignal(found, field, signal);
    // 0% and 100% switch a threshold off.
    auto percent = percentOf(value);
    auto amount = api::quantityValue(value);
    bool fits = percent ? *percent >= 0 && *percent <= 100 : amount && *amount > 0;
    if (!fits)
      found.add(field,
                signal + " must be a share such as 10% or a quantity above zero such as 100Mi, is " + quoted(value));
  }
}

void checkSoftEviction(const KubeletConfiguration& config, Findings& found) {
  for (const auto& [signal, text] : sorted(config.evictionsoftgraceperiod())) {
    checkSignal(found, "evictionSoftGracePeriod", signal);
    if (auto period = parseDuration(text); !period || *period < 0ns)
      found.add("evictionSoftGracePeriod", signal + " must be a duration that is not negative, is " + quoted(text));
  }
  for (const auto& [signal, value] : sorted(config.evictionsoft()))
    if (!config.evictionsoftgraceperiod().contains(signal))
      found.add("evictionSoftGracePeriod", "must have an entry for " + signal + ", which evictionSoft has");
}

void checkMinimumReclaim(const KubeletConfiguration& config, Findings& found) {
  for (const auto& [signal, value] : sorted(config.evictionminimumreclaim())) {
    checkSignal(found, "evictionMinimumReclaim", signal);
    auto percent = percentOf(value);
    auto amount = api::quantityValue(value);
    if (percent ? *percent < 0 : !amount || *amount < 0)
      found.add("evictionMinimumReclaim",
                signal + " must be a share or a quantity that is not negative, is " + quoted(value));
  }
}

}  // namespace

void checkResources(const KubeletConfiguration& config, const FeatureGates& gates, Findings& found) {
  found.oneOf("cgroupDriver", config.cgroupdriver(), {"cgroupfs", "systemd"});
  if (!config.systemcgroups().empty() && config.cgrouproot().empty())
    found.add("cgroupRoot", "must be set when systemCgroups is");
  found.between("oomScoreAdj", config.oomscoreadj(), -1000, 1000);
  found.atLeast("maxOpenFiles", config.maxopenfiles(), 0);
  found.between("iptablesMasqueradeBit", config.iptablesmasqueradebit(), 0, 31);
  found.between("iptablesDropBit", config.iptablesdropbit(), 0, 31);
  found.oneOf("topologyManagerPolicy", config.topologymanagerpolicy(),
              {"none", "best-effort", "restricted", "single-numa-node"});
  found.oneOf("topologyManagerScope", config.topologymanagerscope(), {"container", "pod"});
  checkCpu(config, gates, found);
  checkMemory(config, gates, found);
  checkReservedMemory(config, found);
  checkQosReserved(config, gates, found);
  checkReserved(found, "systemReserved", config.systemreserved());
  checkReserved(found, "kubeReserved", config.kubereserved());
  checkEnforcements(config, found);
}

void checkEviction(const KubeletConfiguration& config, Findings& found) {
  checkThresholds(found, "evictionHard", config.evictionhard());
  checkThresholds(found, "evictionSoft", config.evictionsoft());
  checkSoftEviction(config, found);
  checkMinimumReclaim(config, found);
}

}  // namespace cubelet::config
