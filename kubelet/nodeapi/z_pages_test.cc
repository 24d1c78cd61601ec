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

TEST_F(ZPagesTest, OnlyTextIsServed) {
  addZPages(router, clock, pages);
  EXPECT_EQ(ask("/flagz", "text/plain;charset=utf-8").status, 200);
  EXPECT_EQ(ask("/flagz", "application/json, text/* ;q=0.5").status, 200);
  EXPECT_EQ(ask("/statusz", "*/*").status, 200);
  EXPECT_EQ(ask("/statusz", "application/json").status, 406);
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
