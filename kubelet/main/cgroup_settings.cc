#include "kubelet/main/cgroup_settings.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/files.h"

namespace cubelet {
namespace {

constexpr std::size_t kMaxBytes = 65536;
constexpr char kHugePages[] = "/sys/kernel/mm/hugepages";

std::optional<std::int64_t> leadingNumber(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::int64_t readNumber(const std::string& path) {
  Result<std::string> text = readFile(path, kMaxBytes);
  return text ? leadingNumber(*text).value_or(0) : 0;
}

// The smaller of what the kernel has numbers and structures for.
std::int64_t maxPids() {
  const std::int64_t pids = readNumber("/proc/sys/kernel/pid_max");
  const std::int64_t threads = readNumber("/proc/sys/kernel/threads-max");
  return threads > 0 ? std::min(pids, threads) : pids;
}

cgroups::NodeAmounts capacity() {
  cgroups::NodeAmounts amounts;
  amounts.milliCpu = ::sysconf(_SC_NPROCESSORS_ONLN) * 1000;
  struct sysinfo info = {};
  if (::sysinfo(&info) == 0)
    amounts.memoryBytes = static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
  amounts.pids = maxPids();
  for (std::int64_t size : hugePageSizes())
    amounts.hugePages[size] =
        size * readNumber(joinPath(kHugePages, "hugepages-" + std::to_string(size / 1024) + "kB/nr_hugepages"));
  return amounts;
}

bool enforces(const config::KubeletConfiguration& config, std::string_view what) {
  return std::ranges::find(config.enforcenodeallocatable(), what) != config.enforcenodeallocatable().end();
}

cgroups::Reserved reserved(const google::protobuf::Map<std::string, std::string>& amounts) {
  return {amounts.begin(), amounts.end()};
}

Result<void> addReserved(const config::KubeletConfiguration& config, const std::string& key, const std::string& cgroup,
                         const google::protobuf::Map<std::string, std::string>& amounts,
                         std::vector<cgroups::ReservedCgroup>& out) {
  const bool onlyCompressible = enforces(config, key + "-compressible");
  if (!onlyCompressible && !enforces(config, key)) return {};
  Result<cgroups::CgroupName> name = cgroups::parseRoot(cgroup);
  if (!name) return fail(name.error().within(key));
  out.push_back({key, std::move(*name), cgroups::reservedValues(reserved(amounts), onlyCompressible)});
  return {};
}

}  // namespace

std::vector<std::int64_t> hugePageSizes() {
  constexpr std::string_view kPrefix = "hugepages-";
  std::vector<std::int64_t> sizes;
  Result<std::vector<std::string>> names = listDirectory(kHugePages);
  if (!names) return sizes;  // a kernel without any
  for (const std::string& name : *names)
    if (name.starts_with(kPrefix))
      if (std::optional<std::int64_t> kilobytes = leadingNumber(std::string_view(name).substr(kPrefix.size())))
        sizes.push_back(*kilobytes * 1024);
  std::ranges::sort(sizes);
  return sizes;
}

// With v2 the root has no such file, but every other cgroup has: the agent's own, unless that is the root of its
// namespace.
bool hasSwapController(bool cgroupV2) {
  if (!cgroupV2) return ::access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
  Result<std::string> own = readFile("/proc/self/cgroup", kMaxBytes);
  if (!own) return false;
  std::string path;
  std::istringstream lines(*own);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("0::")) path = line.substr(3);
  for (; !path.empty() && path != "/"; path = path.substr(0, path.rfind('/')))
    if (::access(("/sys/fs/cgroup" + path + "/memory.swap.max").c_str(), F_OK) == 0) return true;
  return ::access("/sys/fs/cgroup/memory.swap.max", F_OK) == 0;
}

cgroups::DriverKind configuredDriver(const config::Effective& effective) {
  return effective.config.cgroupdriver() == "systemd" ? cgroups::DriverKind::kSystemd : cgroups::DriverKind::kCgroupfs;
}

Result<cgroups::PodCgroupsOptions> cgroupOptions(const config::Effective& effective) {
  const config::KubeletConfiguration& config = effective.config;
  cgroups::PodCgroupsOptions options;
  options.perQos = config.cgroupsperqos();
  Result<cgroups::CgroupName> root = cgroups::parseRoot(config.cgrouproot());
  if (!root) return fail(root.error());
  options.root = std::move(*root);
  options.rules.cpuQuota = config.cpucfsquota();
  options.rules.cpuPeriodMicros = config.cpucfsquotaperiod().duration() / 1000;
  options.rules.podPidsLimit = config.podpidslimit();
  options.rules.hugePageSizes = hugePageSizes();
  cgroups::NodeAmounts amounts = capacity();
  if (enforces(config, "pods"))
    amounts =
        cgroups::lessReserved(std::move(amounts), reserved(config.kubereserved()), reserved(config.systemreserved()));
  options.node = cgroups::nodeValues(amounts);
  for (const auto& [key, cgroup, reservedAmounts] :
       {std::tuple("system-reserved", config.systemreservedcgroup(), &config.systemreserved()),
        std::tuple("kube-reserved", config.kubereservedcgroup(), &config.kubereserved())})
    if (Result<void> added = addReserved(config, key, cgroup, *reservedAmounts, options.reserved); !added)
      return fail(added.error());
  return options;
}

}  // namespace cubelet
