#include "kubelet/nodeapi/health_checks.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "kubelet/nodeapi/exposition.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

constexpr char kType[] = "healthz";

}  // namespace

HealthChecks::HealthChecks(const NodeView& view)
    : view_(view),
      ended_(registry_.counters("kubernetes_healthchecks_total", "Health checks by how they ended",
                                {"name", "status", "type"})) {
  registry_.onCollect([this](metrics::Families& out) {
    if (last_.empty()) return;
    metrics::Family& family =
        out.emplace_back(metrics::Family{.name = "kubernetes_healthcheck", .help = "How each health check ended last"});
    for (const auto& [name, healthy] : last_)
      family.samples.push_back({.labels = {{"name", name}, {"type", kType}}, .value = healthy ? 1.0 : 0.0});
  });
}

std::vector<HealthChecks::Check> HealthChecks::all() const {
  std::vector<Check> checks;
  checks.push_back({"ping", {}});
  checks.push_back({"log", {}});
  checks.push_back({"syncloop", view_.syncLoopHealthy()});
  return checks;
}

void HealthChecks::note(const Check& check) {
  last_[check.name] = check.outcome.has_value();
  ended_.add({check.name, check.outcome ? "success" : "error", kType});
}

// One line per check when something is wrong, or when all lines are asked for.
Reply HealthChecks::together(const web::Request& request) {
  const std::vector<std::string> excluded = request.target.all("exclude");
  std::string lines;
  std::string failed;
  for (const Check& check : all()) {
    if (std::ranges::find(excluded, check.name) != excluded.end()) {
      lines += "[+]" + check.name + " excluded: ok\n";
      continue;
    }
    note(check);
    if (check.outcome) {
      lines += "[+]" + check.name + " ok\n";
    } else {
      lines += "[-]" + check.name + " failed: reason withheld\n";
      failed += (failed.empty() ? "" : "; ") + check.name + ": " + check.outcome.error().message;
    }
  }
  if (!failed.empty()) {
    log::warning("a health check has failed", {{"error", failed}});
    return web::textReply(500, lines + "healthz check failed\n");
  }
  if (request.target.has("verbose")) return web::textReply(200, lines + "healthz check passed\n");
  return web::textReply(200, "ok");
}

Reply HealthChecks::one(const std::string& name) const {
  for (const Check& check : all()) {
    if (check.name != name) continue;
    if (check.outcome) return web::textReply(200, "ok");
    return web::textReply(500, "internal server error: " + check.outcome.error().message + "\n");
  }
  return web::textReply(404, "404 page not found\n");
}

Task<Reply> HealthChecks::serveAll(RequestPtr request) {
  co_return together(*request);
}

Task<Reply> HealthChecks::serveOne(RequestPtr request) {
  co_return one(request->parameter("check"));
}

Task<Reply> HealthChecks::serveMetrics() {
  Reply reply;
  reply.contentType = kExpositionType;
  reply.body = expositionText(registry_.collect());
  co_return reply;
}

void HealthChecks::addHealthRoutes(web::Router& router) {
  router.add({.methods = {"GET", "HEAD"},
              .pattern = "/healthz",
              .handler = [this](RequestPtr request) { return serveAll(std::move(request)); },
              .always = true});
  router.add({.methods = {"GET", "HEAD"},
              .pattern = "/healthz/{check}",
              .handler = [this](RequestPtr request) { return serveOne(std::move(request)); },
              .always = true});
}

void HealthChecks::addMetricsRoute(web::Router& router) {
  router.add({.methods = {"GET"},
              .pattern = "/metrics/slis",
              .handler = [this](const RequestPtr&) { return serveMetrics(); },
              .always = true});
}

}  // namespace cubelet::nodeapi
