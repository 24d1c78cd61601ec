#include "kubelet/cgroups/slice_properties.h"

#include <limits>

#include "kubelet/cgroups/cpu.h"

namespace cubelet::cgroups {
namespace {

constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();

std::uint64_t orInfinity(std::int64_t amount) {
  return amount < 0 ? kInfinity : static_cast<std::uint64_t>(amount);
}

// systemd keeps whole hundredths of a processor: rounded up, so that it never gives less than was asked for.
std::uint64_t quotaPerSecond(std::int64_t quota, std::int64_t period) {
  constexpr std::uint64_t kStep = 10'000;
  if (quota < 0) return kInfinity;
  const std::uint64_t micros = static_cast<std::uint64_t>(quota) * 1'000'000 / static_cast<std::uint64_t>(period);
  return (micros + kStep - 1) / kStep * kStep;
}

}  // namespace

std::vector<UnitProperty> valueProperties(const Values& values, bool v2) {
  std::vector<UnitProperty> out;
  if (values.cpuShares && v2) out.push_back({"CPUWeight", static_cast<std::uint64_t>(cpuWeight(*values.cpuShares))});
  if (values.cpuShares && !v2) out.push_back({"CPUShares", static_cast<std::uint64_t>(*values.cpuShares)});
  if (values.cpuQuota) {
    out.push_back({"CPUQuotaPeriodUSec", static_cast<std::uint64_t>(values.cpuPeriod)});
    out.push_back({"CPUQuotaPerSecUSec", quotaPerSecond(*values.cpuQuota, values.cpuPeriod)});
  }
  if (values.memoryMax) out.push_back({v2 ? "MemoryMax" : "MemoryLimit", orInfinity(*values.memoryMax)});
  if (values.pidsMax) out.push_back({"TasksMax", orInfinity(*values.pidsMax)});
  return out;
}

std::vector<UnitProperty> sliceProperties(const CgroupName& name, const Values& values, bool v2) {
  std::vector<UnitProperty> out;
  out.push_back({"Description", "pods of the node: " + pathOf(name, DriverKind::kCgroupfs)});
  if (name.size() > 1)
    out.push_back({"Wants", std::vector<std::string>{sliceOf(CgroupName(name.begin(), name.end() - 1))}});
  // At shutdown the runtime ends its containers; systemd must not do it before.
  out.push_back({"DefaultDependencies", false});
  for (const char* accounting : {"CPUAccounting", "MemoryAccounting", "TasksAccounting"})
    out.push_back({accounting, true});
  for (UnitProperty& property : valueProperties(values, v2)) out.push_back(std::move(property));
  return out;
}

}  // namespace cubelet::cgroups
