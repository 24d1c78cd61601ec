#include "kubelet/podconfig/service_environment.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace cubelet::podconfig {
namespace {

constexpr char kMasterNamespace[] = "default";
constexpr char kMasterService[] = "kubernetes";

using Variables = std::vector<std::pair<std::string, std::string>>;

char upperCase(char c) {
  return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
}

char lowerCase(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string variableName(std::string text) {
  for (char& c : text) c = c == '-' ? '_' : upperCase(c);
  return text;
}

// Headless services and names for something outside have none.
bool hasAddress(const core::Service& service) {
  return !service.spec().clusterip().empty() && service.spec().clusterip() != "None";
}

std::string hostPort(const std::string& host, const std::string& port) {
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

// What Docker set in a container for another one that it was linked to.
void addLink(const std::string& prefix, const core::Service& service, Variables& out) {
  const std::string& address = service.spec().clusterip();
  bool first = true;
  for (const core::ServicePort& port : service.spec().ports()) {
    std::string protocol = port.protocol().empty() ? "TCP" : port.protocol();
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), upperCase);
    std::string scheme = protocol;
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), lowerCase);
    const std::string number = std::to_string(port.port());
    const std::string url = scheme + "://" + hostPort(address, number);
    const std::string name = prefix + "_PORT_" + number + "_" + protocol;
    if (std::exchange(first, false)) out.emplace_back(prefix + "_PORT", url);
    out.emplace_back(name, url);
    out.emplace_back(name + "_PROTO", scheme);
    out.emplace_back(name + "_PORT", number);
    out.emplace_back(name + "_ADDR", address);
  }
}

void addService(const core::Service& service, Variables& out) {
  const std::string prefix = variableName(service.metadata().name());
  out.emplace_back(prefix + "_SERVICE_HOST", service.spec().clusterip());
  if (service.spec().ports_size() > 0)
    out.emplace_back(prefix + "_SERVICE_PORT", std::to_string(service.spec().ports(0).port()));
  for (const core::ServicePort& port : service.spec().ports())
    if (!port.name().empty())
      out.emplace_back(prefix + "_SERVICE_PORT_" + variableName(port.name()), std::to_string(port.port()));
  addLink(prefix, service, out);
}

}  // namespace

Variables serviceVariables(const std::vector<ServicePtr>& services, const std::string& ns, bool links) {
  std::map<std::string, const core::Service*> shown;
  for (const ServicePtr& service : services) {
    const k8s::meta::v1::ObjectMeta& meta = service->metadata();
    if (!hasAddress(*service)) continue;
    if (meta.namespace_() == kMasterNamespace && meta.name() == kMasterService)
      shown.emplace(meta.name(), service.get());
    else if (links && meta.namespace_() == ns)
      shown.insert_or_assign(meta.name(), service.get());
  }
  Variables out;
  for (const auto& [name, service] : shown) addService(*service, out);
  return out;
}

}  // namespace cubelet::podconfig
