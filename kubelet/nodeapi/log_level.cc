#include "kubelet/nodeapi/log_level.h"

#include <charconv>
#include <utility>

namespace cubelet::nodeapi {
namespace {

// Upstream's texts: kubectl and people read them.
web::Reply changed(const std::string& body, const std::function<void(int)>& set) {
  int level = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), level);
  if (error == std::errc() && end == body.data() + body.size()) {
    set(level);
    return web::textReply(200, "successfully set klog.logging.verbosity to " + body);
  }
  const char* why = error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax";
  return web::textReply(
      400, "failed set klog.logging.verbosity " + body + ": strconv.ParseInt: parsing \"" + body + "\": " + why);
}

Task<web::Reply> answer(web::RequestPtr request, std::function<void(int)> set) {
  if (request->method != "PUT") co_return web::textReply(406, "unsupported http method");
  co_return changed(request->body, set);
}

}  // namespace

void addLogLevelRoute(web::Router& router, std::function<void(int)> set) {
  router.add({.methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
              .pattern = "/debug/flags/v",
              .handler = [set = std::move(set)](web::RequestPtr request) { return answer(std::move(request), set); }});
}

}  // namespace cubelet::nodeapi
