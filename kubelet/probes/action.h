// What a probe has to do, worked out from the spec. Pure. Behaviours PRB-10 to PRB-12.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/http/client.h"
#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::probes {

namespace core = ::k8s::core::v1;

struct ExecAction {
  std::vector<std::string> command;
};
struct TcpAction {
  std::string host;
  std::uint16_t port = 0;
};
struct GrpcAction {
  std::string host;
  std::uint16_t port = 0;
  std::string service;
};
using Action = std::variant<ExecAction, http::Request, TcpAction, GrpcAction>;

struct ActionContext {
  std::string podIp;
  std::string userAgent;  // "kube-probe/1.36"
  // Replaces $(NAME) in a word of a command; only variables with a value in the spec count.
  std::function<std::string(const core::Container&, const std::string& word)> expand;
};

// Errors are for the event: "couldn't find port ...". kInvalid.
Result<Action> makeAction(const core::ProbeHandler& handler, const core::Container& container,
                          const ActionContext& context);

// For hooks too.
Result<http::Request> makeHttpRequest(const core::HTTPGetAction& get, const core::Container& container,
                                      const std::string& podIp, const std::string& userAgent);

// A number, or the name of a port of the container; a name that is none of these may be a number after all.
Result<std::uint16_t> resolvePort(const k8s::meta::v1::IntOrString& port, const core::Container& container);

}  // namespace cubelet::probes
