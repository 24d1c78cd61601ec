#include "kubelet/node/machine_facts.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <sstream>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <utility>

#include "base/files.h"

namespace cubelet::node {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

std::string trimmed(std::string_view text) {
  // Values of a device tree end with a NUL.
  constexpr std::string_view kAround(" \t\r\n\0", 5);
  const std::size_t first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kAround) - first + 1));
}

std::string contentOf(const std::string& path) {
  Result<std::string> text = readFile(path, kMaxBytes);
  return text ? std::move(*text) : "";
}

// The first of the files that says anything.
std::string firstOf(const std::string& root, std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths)
    if (std::string text = trimmed(contentOf(root + std::string(path))); !text.empty()) return text;
  return "";
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "MemTotal:       16393244 kB"
std::int64_t meminfoBytes(const std::string& meminfo, std::string_view name) {
  std::istringstream lines(meminfo);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    std::int64_t kilobytes = 0;
    words >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

std::int64_t countCpus(const std::string& root) {
  if (const std::int64_t count = countCpuList(trimmed(contentOf(root + "/sys/devices/system/cpu/online"))))
    return count;
  std::int64_t count = 0;
  std::istringstream lines(contentOf(root + "/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) count += line.starts_with("processor") ? 1 : 0;
  return count;
}

std::map<std::int64_t, std::int64_t> readHugePages(const std::string& root) {
  constexpr std::string_view kPrefix = "hugepages-";
  constexpr std::string_view kSuffix = "kB";
  std::map<std::int64_t, std::int64_t> pages;
  const std::string directory = root + "/sys/kernel/mm/hugepages";
  Result<std::vector<std::string>> names = listDirectory(directory);
  if (!names) return pages;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::int64_t bytes = number(std::string_view(name).substr(kPrefix.size())) * 1024;
    if (bytes > 0) pages[bytes] = number(trimmed(contentOf(joinPath(joinPath(directory, name), "nr_hugepages"))));
  }
  return pages;
}

std::string readOsImage(const std::string& root) {
  for (std::string_view path : {"/etc/os-release", "/usr/lib/os-release"})
    if (std::string name = prettyName(contentOf(root + std::string(path))); !name.empty()) return name;
  return "Linux";
}

std::optional<std::int64_t> fileSystemBytes(const std::string& path) {
  struct statvfs status = {};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  return static_cast<std::int64_t>(status.f_blocks) * static_cast<std::int64_t>(status.f_frsize);
}

}  // namespace

std::int64_t countCpuList(std::string_view text) {
  std::int64_t count = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    std::int64_t first = 0;
    const char* end = part.data() + part.size();
    auto [after, error] = std::from_chars(part.data(), end, first);
    if (error != std::errc()) return 0;
    std::int64_t last = first;
    if (after != end && *after == '-') {
      auto [afterLast, lastError] = std::from_chars(after + 1, end, last);
      if (lastError != std::errc()) return 0;
      after = afterLast;
    }
    if (after != end || last < first) return 0;
    count += last - first + 1;
  }
  return count;
}

std::string prettyName(std::string_view osRelease) {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  std::istringstream lines{std::string(osRelease)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kKey)) continue;
    std::string value = trimmed(std::string_view(line).substr(kKey.size()));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

std::string goArchitecture(std::string_view machine) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"},   {"i686", "386"},
      {"armv6l", "arm"},   {"armv7l", "arm"},    {"armv8l", "arm"}, {"loongarch64", "loong64"}};
  // ppc64le, riscv64, s390x, mips64 are called alike.
  for (const auto& [name, go] : kNames)
    if (name == machine) return std::string(go);
  return std::string(machine);
}

MachineFacts readMachineFacts(const std::string& root, const std::string& dataDirectory) {
  MachineFacts facts;
  facts.cpus = countCpus(root);
  const std::string meminfo = contentOf(root + "/proc/meminfo");
  facts.memoryBytes = meminfoBytes(meminfo, "MemTotal:");
  facts.swapBytes = meminfoBytes(meminfo, "SwapTotal:");
  facts.hugePages = readHugePages(root);
  facts.storageBytes = fileSystemBytes(dataDirectory);
  facts.machineId = firstOf(root, {"/etc/machine-id", "/var/lib/dbus/machine-id"});
  // Machines without DMI have it in their device tree; containers that play machine have neither.
  facts.systemUuid = firstOf(root, {"/sys/class/dmi/id/product_uuid", "/proc/device-tree/system-id",
                                    "/proc/device-tree/vm,uuid", "/etc/machine-id"});
  facts.bootId = firstOf(root, {"/proc/sys/kernel/random/boot_id"});
  facts.kernelVersion = firstOf(root, {"/proc/sys/kernel/osrelease"});
  facts.osImage = readOsImage(root);
  facts.operatingSystem = "linux";
  utsname name = {};
  if (::uname(&name) == 0) facts.architecture = goArchitecture(name.machine);
  return facts;
}

}  // namespace cubelet::node
