#include "kubelet/nodeapi/stats_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cri/fake/fake_runtime.h"
#include "kubelet/cgroups/fake_tree.h"

namespace cubelet::nodeapi {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class StatsRoutes : public testing::Test {
 protected:
  StatsRoutes() {
    question.nodeName = "n1";
    stats::PodToRead& pod = question.pods.emplace_back();
    pod.ns = "shop";
    pod.name = "web";
    pod.uid = "u1";
    pod.cgroup = "/kubepods/podu1";
    pod.containers.push_back({.name = "main", .id = "c1"});
    addStatsRoutes(router, collector);
  }
  ~StatsRoutes() override { loop.runToEnd(collector.close()); }

  static std::unique_ptr<stats::HostReader> makeReader() {
    auto tree = std::make_unique<cgroups::FakeTree>();
    tree->put("/kubepods/podu1/c1/cpu.stat", "usage_usec 2500000\n");
    tree->put("/kubepods/podu1/c1/memory.current", "4096\n");
    return std::make_unique<stats::HostReader>(std::move(tree),
                                               [] { return WallTime(std::chrono::seconds(1'800'000'000)); });
  }
  web::Reply ask(const std::string& target, const std::string& method = "GET") {
    web::Request request;
    request.method = method;
    request.target = *web::parseTarget(target);
    const web::Router::Match match = router.find(method, request.target.path);
    if (match.route == nullptr) return web::textReply(match.status, "");
    EXPECT_TRUE(match.route->always);
    return loop.runToEnd(match.route->handler(std::make_shared<const web::Request>(std::move(request))));
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  cri::FakeRuntime runtime{clock};
  stats::Question question;
  stats::Collector collector{{.loop = loop,
                              .clock = clock,
                              .pool = pool,
                              .runtime = runtime,
                              .images = runtime,
                              .question = [this] { return question; },
                              .makeReader = &StatsRoutes::makeReader},
                             {}};
  web::Router router;
};

TEST_F(StatsRoutes, SRV_5_SummaryIsJson) {
  const web::Reply reply = ask("/stats/summary");
  EXPECT_EQ(reply.contentType, "application/json");
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["node"]["nodeName"], "n1");
  EXPECT_EQ(body["pods"][0]["containers"][0]["cpu"]["usageCoreNanoSeconds"], 2'500'000'000);
  EXPECT_TRUE(body["node"].contains("runtime"));
  EXPECT_EQ(ask("/stats/summary", "POST").status, 200);
}

TEST_F(StatsRoutes, SRV_2_SummaryOfCpuAndMemoryOnly) {
  const json body = json::parse(ask("/stats/summary?only_cpu_and_memory=true").body);
  EXPECT_FALSE(body["node"].contains("runtime"));
  EXPECT_EQ(body["pods"][0]["containers"][0]["memory"]["workingSetBytes"], 4096);
}

TEST_F(StatsRoutes, SRV_6_ResourceMetricsAreText) {
  const web::Reply reply = ask("/metrics/resource");
  EXPECT_THAT(reply.contentType, StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(reply.body, HasSubstr("\ncontainer_cpu_usage_seconds_total{container=\"main\",namespace=\"shop\","
                                    "pod=\"web\"} 2.5 1800000000000\n"));
  EXPECT_THAT(reply.body, HasSubstr("\nresource_scrape_error 0\n"));
}

TEST_F(StatsRoutes, SRV_2_CadvisorMetricsAreText) {
  EXPECT_THAT(ask("/metrics/cadvisor").body, HasSubstr("\ncontainer_memory_working_set_bytes{container=\"main\","));
}

TEST_F(StatsRoutes, OtherMethodsAreNone) {
  EXPECT_EQ(ask("/metrics/resource", "POST").status, 405);
}

}  // namespace
}  // namespace cubelet::nodeapi
