#include "kubelet/node/node_resources.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "kubelet/api/quantity.h"

namespace cubelet::node {
namespace {

constexpr std::string_view kCpu = "cpu";
constexpr std::string_view kMemory = "memory";
constexpr std::string_view kStorage = "ephemeral-storage";
constexpr std::string_view kPods = "pods";

// Invalid quantities were refused when the configuration was loaded.
std::int64_t valueOf(const ResourceList& list, std::string_view name, bool milli) {
  auto found = list.find(std::string(name));
  if (found == list.end()) return 0;
  const Result<std::int64_t> value = milli ? api::quantityMilliValue(found->second) : api::quantityValue(found->second);
  return value ? *value : 0;
}

// "10%" -> 0.1. In single precision, as upstream has it: the same configuration must give the same number of bytes.
std::optional<float> shareOf(std::string_view threshold) {
  if (!threshold.ends_with('%')) return std::nullopt;
  float percent = 0;
  std::from_chars(threshold.data(), threshold.data() + threshold.size() - 1, percent);
  return percent / 100;
}

// What a hard threshold keeps free of `capacity`. 0% and 100% switch it off.
std::int64_t keptFree(const ResourceSettings& settings, const std::string& signal, std::int64_t capacity) {
  auto found = settings.evictionHard.find(signal);
  if (found == settings.evictionHard.end() || found->second == "0%" || found->second == "100%") return 0;
  if (const std::optional<float> share = shareOf(found->second))
    return static_cast<std::int64_t>(static_cast<double>(capacity) * static_cast<double>(*share));
  const Result<std::int64_t> amount = api::quantityValue(found->second);
  return amount ? *amount : 0;
}

std::string lessReserved(const std::string& name, const std::string& amount, const ResourceSettings& settings) {
  if (name == kCpu) {
    const std::int64_t milli = api::quantityMilliValue(amount).value_or(0) -
                               valueOf(settings.kubeReserved, name, true) -
                               valueOf(settings.systemReserved, name, true);
    return api::canonicalQuantity(std::to_string(std::max<std::int64_t>(milli, 0)) + "m").value_or("0");
  }
  const std::int64_t capacity = api::quantityValue(amount).value_or(0);
  std::int64_t left =
      capacity - valueOf(settings.kubeReserved, name, false) - valueOf(settings.systemReserved, name, false);
  if (name == kMemory) left -= keptFree(settings, "memory.available", capacity);
  if (name == kStorage) left -= keptFree(settings, "nodefs.available", capacity);
  return bytesQuantity(std::max<std::int64_t>(left, 0));
}

bool isReservable(std::string_view name) {
  return name == kCpu || name == kMemory || name == kStorage;
}

ResourceList toList(const google::protobuf::Map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

}  // namespace

ResourceSettings resourceSettings(const config::KubeletConfiguration& config) {
  ResourceSettings settings;
  settings.maxPods = config.maxpods();
  settings.podsPerCore = config.podspercore();
  settings.kubeReserved = toList(config.kubereserved());
  settings.systemReserved = toList(config.systemreserved());
  settings.evictionHard = toList(config.evictionhard());
  settings.countsStorage = !config.has_localstoragecapacityisolation() || config.localstoragecapacityisolation();
  return settings;
}

std::string bytesQuantity(std::int64_t bytes) {
  constexpr std::array kSuffixes = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  std::size_t suffix = 0;
  while (bytes != 0 && bytes % 1024 == 0 && suffix + 1 < kSuffixes.size()) {
    bytes /= 1024;
    ++suffix;
  }
  const std::string text = std::to_string(bytes) + kSuffixes[suffix];
  // A number without suffix is a decimal one to the server: it stores "1k" for "1000".
  return api::canonicalQuantity(text).value_or(text);
}

bool isHugePages(std::string_view resource) {
  return resource.starts_with("hugepages-");
}

bool isExtended(std::string_view resource) {
  const std::string_view domain = resource.substr(0, resource.find('/'));
  const bool native =
      domain.size() == resource.size() || domain == "kubernetes.io" || domain.ends_with(".kubernetes.io");
  return !native && !resource.starts_with("requests.");
}

ResourceList capacityOf(const MachineFacts& machine, const ResourceSettings& settings) {
  ResourceList capacity;
  if (machine.cpus > 0) capacity.emplace(kCpu, std::to_string(machine.cpus));
  if (machine.memoryBytes > 0) capacity.emplace(kMemory, bytesQuantity(machine.memoryBytes));
  if (settings.countsStorage && machine.storageBytes) capacity.emplace(kStorage, bytesQuantity(*machine.storageBytes));
  std::int64_t pods = settings.maxPods;
  if (settings.podsPerCore > 0) pods = std::min(pods, settings.podsPerCore * machine.cpus);
  capacity.emplace(kPods, std::to_string(pods));
  for (const auto& [size, count] : machine.hugePages)
    capacity["hugepages-" + bytesQuantity(size)] = bytesQuantity(size * count);
  return capacity;
}

ResourceList allocatableOf(const ResourceList& capacity, const ResourceSettings& settings) {
  ResourceList allocatable;
  std::int64_t hugeBytes = 0;
  for (const auto& [name, amount] : capacity) {
    allocatable[name] = isReservable(name) ? lessReserved(name, amount, settings) : amount;
    if (isHugePages(name)) hugeBytes += api::quantityValue(amount).value_or(0);
  }
  if (auto memory = allocatable.find(std::string(kMemory)); memory != allocatable.end() && hugeBytes > 0)
    memory->second =
        bytesQuantity(std::max<std::int64_t>(api::quantityValue(memory->second).value_or(0) - hugeBytes, 0));
  return allocatable;
}

}  // namespace cubelet::node
