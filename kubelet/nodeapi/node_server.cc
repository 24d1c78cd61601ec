#include "kubelet/nodeapi/node_server.h"

#include <utility>

#include "base/log.h"
#include "kubelet/nodeapi/info_routes.h"

namespace cubelet::nodeapi {
namespace {

constexpr Duration kOpenAgain = std::chrono::seconds(5);

}  // namespace

NodeServer::NodeServer(Loop& loop, Clock& clock, NodeServerOptions options, const NodeView& view, access::Guard& guard,
                       ServingCertificate& certificate)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      guard_(guard),
      certificate_(certificate),
      health_(view),
      tasks_(loop) {
  health_.addHealthRoutes(router_);
  health_.addHealthRoutes(healthRouter_);
  health_.addMetricsRoute(router_);
  addInfoRoutes(router_, view);
}

std::unique_ptr<web::Server> NodeServer::makeServer(std::string name, const std::string& address, std::uint16_t port,
                                                    bool tls, Serve serve) {
  web::ServerOptions options;
  options.name = std::move(name);
  options.address = address;
  options.port = port;
  options.tls = tls;
  options.context = [this] { return certificate_.context(); };
  options.limits = options_.limits;
  auto server = std::make_unique<web::Server>(loop_, clock_, std::move(options), [this, serve](web::Request request) {
    return (this->*serve)(std::move(request));
  });
  tasks_.spawn("open a port", openOnce(server.get()));
  return server;
}

void NodeServer::start() {
  if (options_.port != 0)
    https_ = makeServer("HTTPS server", options_.address, options_.port, true, &NodeServer::serveGuarded);
  if (options_.readOnlyPort != 0)
    readOnly_ =
        makeServer("read-only server", options_.address, options_.readOnlyPort, false, &NodeServer::serveReadOnly);
  if (options_.healthzPort != 0)
    healthz_ =
        makeServer("health server", options_.healthzAddress, options_.healthzPort, false, &NodeServer::serveHealth);
}

Task<void> NodeServer::openOnce(web::Server* server) {
  for (bool said = false;; said = true) {
    Result<void> opened = server->open();
    if (opened) co_return;
    if (!said)
      log::error("cannot serve; trying again. Pods are not affected, but nobody can ask about them here",
                 {{"error", opened.error().message}});
    co_await clock_.sleep(kOpenAgain);
  }
}

Task<void> NodeServer::close() {
  co_await tasks_.close();
  for (web::Server* server : {https_.get(), readOnly_.get(), healthz_.get()})
    if (server != nullptr) co_await server->close();
}

// Whether there is such a route is nobody's business before it is known who asks.
Task<web::Reply> NodeServer::serveGuarded(web::Request request) {
  web::RequestPtr asked = std::make_shared<const web::Request>(request);
  access::Guard::Admitted admitted = co_await guard_.admit(std::move(asked));
  if (admitted.refusal) co_return *std::move(admitted.refusal);
  request.identity = std::move(admitted.identity);
  web::Reply reply = co_await route(&router_, std::move(request), false);
  co_return reply;
}

Task<web::Reply> NodeServer::serveReadOnly(web::Request request) {
  web::Reply reply = co_await route(&router_, std::move(request), true);
  co_return reply;
}

Task<web::Reply> NodeServer::serveHealth(web::Request request) {
  web::Reply reply = co_await route(&healthRouter_, std::move(request), true);
  co_return reply;
}

Task<web::Reply> NodeServer::route(const web::Router* router, web::Request request, bool readOnly) {
  web::Router::Match match = router->find(request.method, request.target.path);
  const bool hidden = match.route != nullptr && !match.route->always && (readOnly || !options_.debuggingHandlers);
  if (hidden && !readOnly) co_return web::textReply(405, "Debug endpoints are disabled.\n");
  if (match.route == nullptr || hidden)
    co_return web::textReply(match.status == 405 ? 405 : 404,
                             match.status == 405 ? "405: Method Not Allowed" : "404: Page Not Found");
  request.parameters = std::move(match.parameters);
  Task<web::Reply> handled = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
  web::Reply reply = co_await std::move(handled);
  co_return reply;
}

}  // namespace cubelet::nodeapi
