#include "kubelet/cgroups/value_files.h"

#include <array>

#include "kubelet/cgroups/cpu.h"

namespace cubelet::cgroups {
namespace {

std::string orMax(std::int64_t amount) {
  return amount < 0 ? "max" : std::to_string(amount);
}

}  // namespace

std::string pageSizeText(std::int64_t bytes) {
  constexpr std::array kSuffixes = {"B", "KB", "MB", "GB", "TB"};
  std::size_t suffix = 0;
  while (bytes >= 1024 && bytes % 1024 == 0 && suffix + 1 < kSuffixes.size()) {
    bytes /= 1024;
    ++suffix;
  }
  return std::to_string(bytes) + kSuffixes[suffix];
}

std::vector<FileValue> filesV1(const Values& values) {
  std::vector<FileValue> files;
  if (values.cpuShares) files.push_back({"cpu", "cpu.shares", std::to_string(*values.cpuShares)});
  if (values.cpuQuota) {
    // The kernel checks the quota against the period, so that one comes first.
    files.push_back({"cpu", "cpu.cfs_period_us", std::to_string(values.cpuPeriod)});
    files.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(*values.cpuQuota)});
  }
  if (values.memoryMax) files.push_back({"memory", "memory.limit_in_bytes", std::to_string(*values.memoryMax)});
  if (values.pidsMax) files.push_back({"pids", "pids.max", orMax(*values.pidsMax)});
  for (const auto& [size, limit] : values.hugePages)
    files.push_back({"hugetlb", "hugetlb." + pageSizeText(size) + ".limit_in_bytes", std::to_string(limit)});
  return files;
}

std::vector<FileValue> filesV2(const Values& values) {
  std::vector<FileValue> files;
  if (values.cpuShares) files.push_back({"cpu", "cpu.weight", std::to_string(cpuWeight(*values.cpuShares))});
  if (values.cpuQuota)
    files.push_back({"cpu", "cpu.max", orMax(*values.cpuQuota) + " " + std::to_string(values.cpuPeriod)});
  if (values.memoryMax) files.push_back({"memory", "memory.max", orMax(*values.memoryMax)});
  if (values.pidsMax) files.push_back({"pids", "pids.max", orMax(*values.pidsMax)});
  for (const auto& [size, limit] : values.hugePages)
    files.push_back({"hugetlb", "hugetlb." + pageSizeText(size) + ".max", orMax(limit)});
  return files;
}

}  // namespace cubelet::cgroups
