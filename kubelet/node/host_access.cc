#include "kubelet/node/host_access.h"

#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace cubelet::node {
namespace {

Result<std::vector<IpAddress>> resolveName(const std::string& name) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;  // one entry for each address
  addrinfo* first = nullptr;
  if (const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &first); error != 0)
    return fail(Code::kNotFound, "", "resolve " + name + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(first, ::freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET)
      addresses.push_back(makeIp(Family::kV4, &reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr));
    if (one->ai_family == AF_INET6)
      addresses.push_back(makeIp(Family::kV6, &reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr));
  }
  return addresses;
}

}  // namespace

HostAccess hostAccess(std::string dataDirectory) {
  HostAccess access;
  access.machine = [directory = std::move(dataDirectory)] { return readMachineFacts("", directory); };
  access.network = readHostNetwork;
  access.resolve = resolveName;
  return access;
}

}  // namespace cubelet::node
