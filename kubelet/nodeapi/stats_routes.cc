#include "kubelet/nodeapi/stats_routes.h"

#include <utility>

#include "base/log.h"
#include "kubelet/nodeapi/exposition.h"
#include "kubelet/stats/cadvisor_metrics.h"
#include "kubelet/stats/resource_metrics.h"
#include "kubelet/stats/summary_json.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

Reply metricsReply(std::string text) {
  Reply reply;
  reply.contentType = kExpositionType;
  reply.body = std::move(text);
  return reply;
}

Reply failed(const Error& error) {
  log::warning("cannot tell what the node uses", {{"error", error.message}});
  return web::textReply(500, "internal error: " + error.message + "\n");
}

Task<Reply> summary(stats::Collector* collector, RequestPtr request) {
  const bool onlyCpuAndMemory = request->target.get("only_cpu_and_memory") == "true";
  Task<Result<stats::SummaryPtr>> asked =
      onlyCpuAndMemory ? collector->usage(stats::Detail::kSummary) : collector->everything();
  const Result<stats::SummaryPtr> figures = co_await std::move(asked);
  if (!figures) co_return failed(figures.error());
  co_return web::jsonReply(stats::summaryJson(**figures, onlyCpuAndMemory));
}

// Whoever scrapes is told of a failure by a metric, as upstream does.
Task<Reply> resource(stats::Collector* collector) {
  const Result<stats::SummaryPtr> figures = co_await collector->usage(stats::Detail::kUsage);
  if (!figures) log::warning("cannot tell what the node uses", {{"error", figures.error().message}});
  co_return metricsReply(figures ? stats::resourceMetrics(**figures) : stats::resourceMetricsFailed());
}

Task<Reply> cadvisor(stats::Collector* collector) {
  const Result<stats::SummaryPtr> figures = co_await collector->usage(stats::Detail::kCounters);
  if (!figures) co_return failed(figures.error());
  co_return metricsReply(stats::cadvisorMetrics(**figures));
}

}  // namespace

void addStatsRoutes(web::Router& router, stats::Collector& collector) {
  stats::Collector* asked = &collector;
  router.add({.methods = {"GET", "POST"},
              .pattern = "/stats/summary",
              .handler = [asked](RequestPtr request) { return summary(asked, std::move(request)); },
              .always = true});
  router.add({.methods = {"GET"},
              .pattern = "/metrics/resource",
              .handler = [asked](const RequestPtr&) { return resource(asked); },
              .always = true});
  router.add({.methods = {"GET"},
              .pattern = "/metrics/cadvisor",
              .handler = [asked](const RequestPtr&) { return cadvisor(asked); },
              .always = true});
}

}  // namespace cubelet::nodeapi
