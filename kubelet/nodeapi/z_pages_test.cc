#include "kubelet/nodeapi/z_pages.h"

#include <gtest/gtest.h>

#include "base/loop.h"

namespace cubelet::nodeapi {
namespace {

using std::chrono::seconds;

class ZPagesTest : public testing::Test {
 protected:
  ZPagesTest() {
    pages.startedAt = clock.wallNow();
    pages.version = "1.36.0";
    pages.flags = [] { return std::map<std::string, std::string>{{"v", "2"}, {"config", "/etc/cubelet/config.yaml"}}; };
  }
  web::Reply ask(const std::string& path, const std::string& accept = "") {
    web::Request request;
    request.method = "GET";
    request.target.path = path;
    if (!accept.empty()) request.headers.emplace_back("Accept", accept);
    const web::Router::Match match = router.find("GET", path);
    if (match.route == nullptr) return web::textReply(match.status, "");
    EXPECT_FALSE(match.route->always);
    Task<web::Reply> asked = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    return loop.runToEnd(std::move(asked));
  }

  Loop loop;
  ManualClock clock{loop};
  web::Router router;
  ZPages pages;
};

TEST_F(ZPagesTest, SRV_3_StatuszTellsVersionAndAge) {
  addZPages(router, clock, pages);
  router.add({.methods = {"GET"}, .pattern = "/metrics/resource", .handler = nullptr});
  router.add({.methods = {"GET"}, .pattern = "/metrics", .handler = nullptr});
  clock.advance(seconds(3600 + 2 * 60 + 3));
  EXPECT_EQ(ask("/statusz").body,
            "\nkubelet statusz\nWarning: this page is for people. Its form may change at any time.\n"
            "\nStarted: Fri Jan 15 08:00:00 UTC 2027\nUp: 1 hr 02 min 03 sec\nBinary version: 1.36.0\n"
            "Paths: /flagz /metrics /statusz\n");
}

TEST_F(ZPagesTest, SRV_3_FlagzTellsWhatFlagsStandAt) {
  addZPages(router, clock, pages);
  EXPECT_EQ(ask("/flagz").body,
            "\nkubelet flagz\nWarning: this page is for people. Its form may change at any time.\n"
            "\nconfig=/etc/cubelet/config.yaml\nv=2\n");
}

TEST_F(ZPagesTest, SRV_3_StatuszAsAnObject) {
  addZPages(router, clock, pages);
  clock.advance(seconds(63));
  const web::Reply reply = ask("/statusz", "application/json;v=v1alpha1;g=config.k8s.io;as=Statusz");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.contentType, "application/json");
  EXPECT_EQ(reply.body, R"({"kind":"Statusz","apiVersion":"config.k8s.io/v1alpha1","metadata":{"name":"kubelet"},)"
                        R"("startTime":"2027-01-15T08:00:00Z","uptimeSeconds":63,"binaryVersion":"1.36.0",)"
                        R"("paths":["/flagz","/statusz"]})"
                        "\n");
}

TEST_F(ZPagesTest, SRV_3_FlagzAsAnObject) {
  pages.flags = [] { return std::map<std::string, std::string>{{"v", "2"}, {"node-ip", "\xff"}}; };
  addZPages(router, clock, pages);
  EXPECT_EQ(ask("/flagz", "application/json;v=v1beta1;g=config.k8s.io;as=Flagz").body,
            R"({"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"kubelet"},)"
            "\"flags\":{\"node-ip\":\"\xef\xbf\xbd\",\"v\":\"2\"}}\n");
}

TEST_F(ZPagesTest, SRV_3_WhatIsNotServedIsRefused) {
  addZPages(router, clock, pages);
  EXPECT_EQ(ask("/flagz", "text/plain;charset=utf-8").status, 200);
  const web::Reply refused = ask("/statusz", "application/json");
  EXPECT_EQ(refused.status, 406);
  EXPECT_EQ(refused.body,
            "only text/plain and application/json;v=v1beta1;g=config.k8s.io;as=Statusz are served here\n");
}

TEST(ZForms, SRV_3_AreChosenByTheAcceptHeader) {
  const std::string object = "application/json;v=v1alpha1;g=config.k8s.io;as=Statusz";
  const ZForm text;
  const ZForm alpha{"v1alpha1"};
  struct Case {
    std::string accept;
    std::optional<ZForm> form;
  };
  for (const Case& c : {
           Case{"", text},
           Case{" ", text},
           Case{"*/*", text},
           Case{"application/yaml, text/* ;q=0.5", text},
           Case{object, alpha},
           Case{"application/json; as=Statusz; g = config.k8s.io ;v=v1beta1;q=0.9", ZForm{"v1beta1"}},
           Case{object + ",*/*", alpha},
           Case{"text/plain," + object, text},
           Case{"application/json;v=v2;g=config.k8s.io;as=Statusz, " + object, alpha},
           Case{"application/json", std::nullopt},
           Case{"application/json;v=v1alpha1;as=Statusz", std::nullopt},
           Case{"application/json;v=v1alpha1;g=config.k8s.io", std::nullopt},
           Case{"application/json;g=config.k8s.io;as=Statusz", std::nullopt},
           Case{"application/json;v=v1alpha1;g=config.k8s.io;as=Flagz", std::nullopt},
           Case{"image/png", std::nullopt},
           Case{";;,=", std::nullopt},
       })
    EXPECT_EQ(zForm(c.accept, "Statusz"), c.form) << c.accept;
}

TEST_F(ZPagesTest, TheirFeatureGatesHold) {
  pages.statusz = false;
  pages.flagz = false;
  addZPages(router, clock, pages);
  EXPECT_EQ(ask("/statusz").status, 404);
  EXPECT_EQ(ask("/flagz").status, 404);
}

}  // namespace
}  // namespace cubelet::nodeapi
