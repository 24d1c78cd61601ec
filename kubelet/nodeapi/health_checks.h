// HealthChecks: /healthz with its parts, and /metrics/slis, which tells how they have ended so far (SRV-2).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/metrics/registry.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// Loop thread only. `view` must outlive this object, and this object the routers.
class HealthChecks {
 public:
  explicit HealthChecks(const NodeView& view);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  void addHealthRoutes(web::Router& router);
  void addMetricsRoute(web::Router& router);

 private:
  struct Check {
    std::string name;
    Result<void> outcome;
  };
  std::vector<Check> all() const;
  void note(const Check& check);
  web::Reply together(const web::Request& request);
  web::Reply one(const std::string& name) const;

  Task<web::Reply> serveAll(web::RequestPtr request);
  Task<web::Reply> serveOne(web::RequestPtr request);
  Task<web::Reply> serveMetrics();

  const NodeView& view_;
  metrics::Registry registry_;
  metrics::Counters& ended_;
  std::map<std::string, bool> last_;  // how each check has ended; missing: nobody has asked for it
};

}  // namespace cubelet::nodeapi
