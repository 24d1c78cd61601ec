// NodeServer: the ports of the node, and what is served on them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/task_group.h"
#include "kubelet/access/guard.h"
#include "kubelet/nodeapi/health_checks.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/nodeapi/serving_certificate.h"
#include "kubelet/web/router.h"
#include "kubelet/web/server.h"

namespace cubelet::nodeapi {

// Names are those of the configuration.
struct NodeServerOptions {
  std::string address;             // of the HTTPS and the read-only port
  std::uint16_t port = 0;          // 0: no HTTPS server (enableServer: false)
  std::uint16_t readOnlyPort = 0;  // 0: off
  std::string healthzAddress;
  std::uint16_t healthzPort = 0;  // 0: off
  bool debuggingHandlers = true;  // enableDebuggingHandlers
  web::ServerLimits limits;
};

// A port that is taken is tried again, for pods do not depend on it. Loop thread only.
class NodeServer {
 public:
  // Everything must outlive this object.
  NodeServer(Loop& loop, Clock& clock, NodeServerOptions options, const NodeView& view, access::Guard& guard,
             ServingCertificate& certificate);

  // Other rooms add their routes here, before start(). Those with `always` are served on the read-only port too.
  web::Router& router() { return router_; }

  void start();
  Task<void> close();

  // As bound; 0: not (yet).
  std::uint16_t port() const { return https_ ? https_->port() : 0; }
  std::uint16_t readOnlyPort() const { return readOnly_ ? readOnly_->port() : 0; }
  std::uint16_t healthzPort() const { return healthz_ ? healthz_->port() : 0; }

 private:
  using Serve = Task<web::Reply> (NodeServer::*)(web::Request);

  std::unique_ptr<web::Server> makeServer(std::string name, const std::string& address, std::uint16_t port, bool tls,
                                          Serve serve);
  Task<void> openOnce(web::Server* server);
  Task<web::Reply> serveGuarded(web::Request request);
  Task<web::Reply> serveReadOnly(web::Request request);
  Task<web::Reply> serveHealth(web::Request request);
  Task<web::Reply> route(const web::Router* router, web::Request request, bool readOnly);

  Loop& loop_;
  Clock& clock_;
  NodeServerOptions options_;
  access::Guard& guard_;
  ServingCertificate& certificate_;
  HealthChecks health_;
  web::Router router_;
  web::Router healthRouter_;
  std::unique_ptr<web::Server> https_;
  std::unique_ptr<web::Server> readOnly_;
  std::unique_ptr<web::Server> healthz_;
  TaskGroup tasks_;
};

}  // namespace cubelet::nodeapi
