#include "kubelet/node/host_network.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <ifaddrs.h>
#include <map>
#include <memory>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <utility>

#include "base/files.h"

namespace cubelet::node {
namespace {

constexpr std::size_t kMaxRouteBytes = std::size_t{4} << 20;

// Columns of the kernel's tables, which have no other description than its source: fib_trie.c and ipv6/route.c.
struct Columns {
  std::size_t count, destination, flags, metric, interface;
  int metricBase;
};
constexpr Columns kColumnsV4 = {
    .count = 8, .destination = 1, .flags = 3, .metric = 6, .interface = 0, .metricBase = 10};
constexpr std::size_t kMaskV4 = 7;
constexpr Columns kColumnsV6 = {
    .count = 10, .destination = 0, .flags = 8, .metric = 5, .interface = 9, .metricBase = 16};
constexpr std::size_t kPrefixLengthV6 = 1;

bool isZeroHex(const std::string& text) {
  return std::ranges::all_of(text, [](char digit) { return digit == '0'; });
}

std::uint32_t number(const std::string& text, int base) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::vector<std::string> parseDefaultRoutes(std::string_view text, const Columns& columns, std::size_t emptyMask) {
  std::multimap<std::uint32_t, std::string> routes;  // by metric; of equal ones, in the order of the table
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(std::move(word));
    if (row.size() < columns.count || !isZeroHex(row[columns.destination]) || !isZeroHex(row[emptyMask])) continue;
    const std::uint32_t flags = number(row[columns.flags], 16);
    // Without IPv6 connectivity the kernel keeps a default route at lo that rejects everything.
    if ((flags & RTF_UP) == 0 || (flags & RTF_REJECT) != 0) continue;
    routes.emplace(number(row[columns.metric], columns.metricBase), row[columns.interface]);
  }
  std::vector<std::string> names;
  for (auto& [metric, name] : routes)
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  return names;
}

std::string routeTable(const std::string& path) {
  Result<std::string> text = readFile(path, kMaxRouteBytes);
  return text ? *text : "";
}

Interface& entryOf(std::vector<Interface>& interfaces, const ifaddrs& address) {
  auto found = std::ranges::find(interfaces, std::string_view(address.ifa_name), &Interface::name);
  if (found != interfaces.end()) return *found;
  Interface& added = interfaces.emplace_back();
  added.name = address.ifa_name;
  added.up = (address.ifa_flags & IFF_UP) != 0;
  added.loopback = (address.ifa_flags & IFF_LOOPBACK) != 0;
  return added;
}

}  // namespace

bool HostNetwork::has(const IpAddress& address) const {
  return std::ranges::any_of(interfaces, [&](const Interface& interface) {
    return std::ranges::find(interface.addresses, address) != interface.addresses.end();
  });
}

const Interface* HostNetwork::find(std::string_view name) const {
  auto found = std::ranges::find(interfaces, name, &Interface::name);
  return found == interfaces.end() ? nullptr : &*found;
}

std::vector<std::string> parseDefaultRoutesV4(std::string_view text) {
  return parseDefaultRoutes(text, kColumnsV4, kMaskV4);
}

std::vector<std::string> parseDefaultRoutesV6(std::string_view text) {
  return parseDefaultRoutes(text, kColumnsV6, kPrefixLengthV6);
}

Result<HostNetwork> readHostNetwork() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return fail(errnoError(errno, "list the network interfaces"));
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, ::freeifaddrs);
  HostNetwork network;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    Interface& interface = entryOf(network.interfaces, *one);
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET)
      interface.addresses.push_back(
          makeIp(Family::kV4, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr));
    if (one->ifa_addr->sa_family == AF_INET6)
      interface.addresses.push_back(
          makeIp(Family::kV6, &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr));
  }
  network.defaultRoutesV4 = parseDefaultRoutesV4(routeTable("/proc/net/route"));
  network.defaultRoutesV6 = parseDefaultRoutesV6(routeTable("/proc/net/ipv6_route"));
  return network;
}

}  // namespace cubelet::node
