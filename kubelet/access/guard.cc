#include "kubelet/access/guard.h"

#include <fmt/format.h>

#include "base/log.h"

namespace cubelet::access {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

Task<Guard::Admitted> Guard::admit(web::RequestPtr request) {
  Admitted out;
  Result<web::Identity> identity = co_await authenticator_.identify(request);
  if (!identity) {
    log::debug(2, "a client is not known", {{"client", request->peer}, {"error", identity.error().message}});
    out.refusal = web::textReply(401, "Unauthorized");
    co_return out;
  }
  const Attributes attributes = attributesOf(request->method, request->target.path);
  Result<bool> allowed = co_await authorizer_.allows(*identity, attributes);
  if (!allowed) {
    log::warning("cannot find out what a client may do",
                 {{"user", identity->user}, {"client", request->peer}, {"error", allowed.error().message}});
    out.refusal =
        web::textReply(500, fmt::format("Authorization error (user={}, verb={}, resource=nodes, subresource(s)=[{}])",
                                        identity->user, attributes.verb, listed(attributes.subresources)));
  } else if (!*allowed) {
    out.refusal = web::textReply(403, fmt::format("Forbidden (user={}, verb={}, resource=nodes, subresource(s)=[{}])",
                                                  identity->user, attributes.verb, listed(attributes.subresources)));
  } else {
    out.identity = *std::move(identity);
  }
  co_return out;
}

}  // namespace cubelet::access
