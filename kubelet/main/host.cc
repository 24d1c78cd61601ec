#include "kubelet/main/host.h"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/files.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/main/cgroup_settings.h"
#include "kubelet/podconfig/dns.h"

namespace cubelet {
namespace {

// Connecting a datagram socket sends nothing; the kernel only picks the route and its source address.
std::string sourceAddressTowards(int family, const char* destination) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return "";
  sockaddr_storage address = {};
  socklen_t size = 0;
  if (family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(53);
    ::inet_pton(AF_INET, destination, &v4->sin_addr);
    size = sizeof(sockaddr_in);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(53);
    ::inet_pton(AF_INET6, destination, &v6->sin6_addr);
    size = sizeof(sockaddr_in6);
  }
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return "";
  size = sizeof(address);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  char text[INET6_ADDRSTRLEN] = {};
  const void* raw = family == AF_INET ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr)
                                      : &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr;
  return ::inet_ntop(family, raw, text, sizeof(text)) != nullptr ? text : "";
}

bool isIp(const std::string& text) {
  in6_addr any = {};
  return ::inet_pton(AF_INET, text.c_str(), &any) == 1 || ::inet_pton(AF_INET6, text.c_str(), &any) == 1;
}

podconfig::NodeDns readNodeDns(const config::KubeletConfiguration& config, const std::vector<std::string>& hostIps) {
  constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
  podconfig::NodeDns dns;
  for (const std::string& server : config.clusterdns())
    if (isIp(server)) dns.clusterDns.push_back(server);  // the others were complained about when it was loaded
  dns.clusterDomain = config.clusterdomain();
  if (config.resolvconf().empty()) {
    dns.localServers = podconfig::localServersFor(hostIps);
    return dns;
  }
  Result<std::string> text = readFile(config.resolvconf(), kMaxBytes);
  if (text)
    dns.resolvConf = podconfig::parseResolvConf(*text);
  else
    dns.error = text.error().within("the node's name servers are not known to this pod").message;
  return dns;
}

std::vector<std::string> thermalPaths() {
  const std::string cpus = "/sys/devices/system/cpu";
  std::vector<std::string> out;
  for (const std::string& name : listDirectory(cpus).value_or(std::vector<std::string>())) {
    const bool isCpu =
        name.size() > 3 && name.starts_with("cpu") && name.find_first_not_of("0123456789", 3) == std::string::npos;
    std::string path = joinPath(cpus, name) + "/thermal_throttle";
    if (isCpu && ::access(path.c_str(), F_OK) == 0) out.push_back(std::move(path));
  }
  return out;
}

podconfig::IdPool readIdPool(const config::KubeletConfiguration& config) {
  constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
  // Files that are not there name nobody.
  const std::string users = readFile("/etc/subuid", kMaxBytes).value_or("");
  const std::string groups = readFile("/etc/subgid", kMaxBytes).value_or("");
  return podconfig::idPool(users, groups, static_cast<std::uint32_t>(config.usernamespaces().idsperpod()));
}

// The file system that the kernel tells of SELinux in is mounted where SELinux is on.
bool hasSelinux() {
  return ::access("/sys/fs/selinux/enforce", F_OK) == 0;
}

}  // namespace

std::vector<std::string> hostAddresses(const std::string& nodeIpFlag) {
  std::vector<std::string> addresses;
  if (!nodeIpFlag.empty() && nodeIpFlag != "0.0.0.0" && nodeIpFlag != "::") {
    std::istringstream list(nodeIpFlag);
    for (std::string one; std::getline(list, one, ',');) addresses.push_back(one);
    return addresses;
  }
  // Documentation addresses (RFC 5737, RFC 3849): any off-link destination shows the default route.
  std::string v4 = sourceAddressTowards(AF_INET, "192.0.2.1");
  std::string v6 = sourceAddressTowards(AF_INET6, "2001:db8::1");
  if (nodeIpFlag == "::") std::swap(v4, v6);
  for (std::string* address : {&v4, &v6})
    if (!address->empty()) addresses.push_back(std::move(*address));
  return addresses;
}

podconfig::NodeFacts readNodeFacts(const config::Effective& effective) {
  podconfig::NodeFacts facts;
  facts.nodeName = effective.nodeName;
  facts.hostIps = hostAddresses(effective.commandLine.nodeIp);
  facts.milliCpu = ::sysconf(_SC_NPROCESSORS_ONLN) * 1000;
  struct sysinfo info = {};
  if (::sysinfo(&info) == 0) {
    facts.memoryBytes = static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
    facts.swapBytes = static_cast<std::int64_t>(info.totalswap) * static_cast<std::int64_t>(info.mem_unit);
  }
  facts.dirs.root = effective.commandLine.rootDir;
  facts.dirs.podLogs = effective.config.podlogsdir();
  facts.dns = readNodeDns(effective.config, facts.hostIps);
  struct statvfs disk = {};
  if (::statvfs(facts.dirs.root.c_str(), &disk) == 0)
    facts.ephemeralStorageBytes = static_cast<std::int64_t>(disk.f_blocks) * static_cast<std::int64_t>(disk.f_frsize);
  facts.userNamespaces = readIdPool(effective.config);
  facts.thermalPaths = thermalPaths();
  facts.seccompDefault = effective.config.seccompdefault();
  facts.selinux = hasSelinux();
  facts.cgroupV2 = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  facts.singleProcessOomKill = effective.config.singleprocessoomkill();
  facts.cpuCfsQuota = effective.config.cpucfsquota();
  facts.cpuCfsPeriodMicros = effective.config.cpucfsquotaperiod().duration() / 1000;
  facts.hugePageSizes = hugePageSizes();
  facts.swapController = hasSwapController(facts.cgroupV2);
  facts.limitedSwap = effective.config.memoryswap().swapbehavior() == "LimitedSwap";
  if (facts.cgroupV2 && config::FeatureGates::lenient(effective.config).enabled("MemoryQoS"))
    facts.memoryThrottling = effective.config.memorythrottlingfactor();
  return facts;
}

bool appArmorEnabled() {
  Result<std::string> enabled = readFile("/sys/module/apparmor/parameters/enabled", 16);
  return enabled && enabled->starts_with('Y');
}

namespace {

Result<bool> keepsLabels(const std::string& path) {
  constexpr std::size_t kLargest = 64 << 20;
  Result<std::string> table = readFile("/proc/self/mountinfo", kLargest);
  if (!table) return fail(table.error());
  // The table knows no links; the mount itself is not touched, it may hang.
  const std::filesystem::path mount(path);
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::canonical(mount.parent_path(), error);
  return volumes::keepsLabels(*table, error ? path : (parent / mount.filename()).string());
}

}  // namespace

volumes::SelinuxHost selinuxHost(const config::Effective& effective) {
  constexpr std::string_view kPolicy = "SELINUXTYPE=";
  constexpr std::size_t kLargest = 1 << 16;
  volumes::SelinuxHost host;
  host.anyAccessMode = config::FeatureGates::lenient(effective.config).enabled("SELinuxMount");
  if (!hasSelinux()) return host;
  host.keepsLabels = keepsLabels;
  Result<std::string> settings = readFile("/etc/selinux/config", kLargest);
  if (!settings) return host;
  std::istringstream lines(*settings);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kPolicy)) continue;
    Result<std::string> contexts =
        readFile("/etc/selinux/" + line.substr(kPolicy.size()) + "/contexts/lxc_contexts", kLargest);
    if (contexts) host.fileLabel = volumes::fileLabelIn(*contexts);
  }
  return host;
}

Result<void> makeHostDirectories(const layout::Directories& dirs) {
  const std::pair<std::string, mode_t> wanted[] = {{dirs.root, 0750},
                                                   {joinPath(dirs.root, "pods"), 0750},
                                                   {layout::ownStateDirectory(dirs), 0700},
                                                   {dirs.podLogs, 0750},
                                                   {dirs.containerLogLinks, 0755}};
  for (const auto& [path, mode] : wanted)
    if (Result<void> made = makeDirectories(path, mode); !made) return made;
  return {};
}

void raiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<Fd> lockRoot(const layout::Directories& dirs) {
  const std::string path = joinPath(layout::ownStateDirectory(dirs), "lock");
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail(errnoError(errno, "open " + path));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kUnavailable, "", "another cubelet works in " + dirs.root + " (it holds " + path + ")");
  return lock;
}

}  // namespace cubelet
