#include "kubelet/probes/action.h"

#include <charconv>

#include "base/ascii_case.h"

namespace cubelet::probes {
namespace {

constexpr int kMaxPort = 65535;

Result<std::uint16_t> checked(std::int64_t port) {
  if (port < 1 || port > kMaxPort) return fail(Code::kInvalid, "", "invalid port number: " + std::to_string(port));
  return static_cast<std::uint16_t>(port);
}

Result<std::string> hostOr(const std::string& host, const std::string& podIp) {
  if (!host.empty()) return host;
  if (podIp.empty()) return fail(Code::kInvalid, "", "the pod has no address yet");
  return podIp;
}

std::string schemeOf(const core::HTTPGetAction& get) {
  return sameIgnoringCase(get.scheme(), "https") ? "https" : "http";
}

// The usual ones unless the spec has its own; an empty Accept means none.
std::vector<std::pair<std::string, std::string>> headersOf(const core::HTTPGetAction& get,
                                                           const std::string& userAgent) {
  std::vector<std::pair<std::string, std::string>> headers;
  bool ownAgent = false;
  bool ownAccept = false;
  for (const core::HTTPHeader& header : get.httpheaders()) {
    ownAgent = ownAgent || sameIgnoringCase(header.name(), "User-Agent");
    const bool isAccept = sameIgnoringCase(header.name(), "Accept");
    ownAccept = ownAccept || isAccept;
    if (isAccept && header.value().empty()) continue;
    headers.emplace_back(header.name(), header.value());
  }
  if (!ownAgent) headers.emplace_back("User-Agent", userAgent);
  if (!ownAccept) headers.emplace_back("Accept", "*/*");
  return headers;
}

}  // namespace

Result<std::uint16_t> resolvePort(const k8s::meta::v1::IntOrString& port, const core::Container& container) {
  if (port.type() == 0) return checked(port.intval());
  const std::string& name = port.strval();
  for (const core::ContainerPort& own : container.ports())
    if (own.name() == name) return checked(own.containerport());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size())
    return fail(Code::kInvalid, "",
                "couldn't find port: container " + container.name() + " has no port \"" + name + "\"");
  return checked(number);
}

Result<http::Request> makeHttpRequest(const core::HTTPGetAction& get, const core::Container& container,
                                      const std::string& podIp, const std::string& userAgent) {
  Result<std::uint16_t> port = resolvePort(get.port(), container);
  if (!port) return fail(port.error());
  Result<std::string> host = hostOr(get.host(), podIp);
  if (!host) return fail(host.error());
  http::Request request;
  request.url.scheme = schemeOf(get);
  request.url.host = std::move(*host);
  request.url.port = *port;
  request.url.target = http::escapeTarget(get.path());
  request.headers = headersOf(get, userAgent);
  return request;
}

Result<Action> makeAction(const core::ProbeHandler& handler, const core::Container& container,
                          const ActionContext& context) {
  if (handler.has_exec()) {
    ExecAction exec;
    for (const std::string& word : handler.exec().command()) exec.command.push_back(context.expand(container, word));
    return exec;
  }
  if (handler.has_httpget()) {
    Result<http::Request> request = makeHttpRequest(handler.httpget(), container, context.podIp, context.userAgent);
    if (!request) return fail(request.error());
    return std::move(*request);
  }
  if (handler.has_tcpsocket()) {
    Result<std::uint16_t> port = resolvePort(handler.tcpsocket().port(), container);
    if (!port) return fail(port.error());
    Result<std::string> host = hostOr(handler.tcpsocket().host(), context.podIp);
    if (!host) return fail(host.error());
    return TcpAction{std::move(*host), *port};
  }
  if (handler.has_grpc()) {
    Result<std::uint16_t> port = checked(handler.grpc().port());
    if (!port) return fail(port.error());
    Result<std::string> host = hostOr("", context.podIp);
    if (!host) return fail(host.error());
    return GrpcAction{std::move(*host), *port, handler.grpc().service()};
  }
  return fail(Code::kInvalid, "", "missing probe handler for container " + container.name());
}

}  // namespace cubelet::probes
