#include "kubelet/nodeapi/log_level.h"

#include <gtest/gtest.h>

#include "base/loop.h"

namespace cubelet::nodeapi {
namespace {

struct LogLevel : testing::Test {
  LogLevel() {
    addLogLevelRoute(router, [this](int wanted) { levels.push_back(wanted); });
  }
  std::string ask(const std::string& method, const std::string& body) {
    web::Request request;
    request.method = method;
    request.target.path = "/debug/flags/v";
    request.body = body;
    const web::Router::Match match = router.find(method, request.target.path);
    if (match.route == nullptr) return std::to_string(match.status);
    EXPECT_FALSE(match.route->always);
    Task<web::Reply> asked = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    const web::Reply reply = loop.runToEnd(std::move(asked));
    return std::to_string(reply.status) + " " + reply.body;
  }

  Loop loop;
  web::Router router;
  std::vector<int> levels;
};

TEST_F(LogLevel, SRV_3_IsSetByPut) {
  EXPECT_EQ(ask("PUT", "4"), "200 successfully set klog.logging.verbosity to 4");
  EXPECT_EQ(ask("PUT", "0"), "200 successfully set klog.logging.verbosity to 0");
  EXPECT_EQ(levels, (std::vector{4, 0}));
}

TEST_F(LogLevel, SRV_3_WhatIsNoLevelIsRefused) {
  EXPECT_EQ(ask("PUT", "much"),
            "400 failed set klog.logging.verbosity much: strconv.ParseInt: parsing \"much\": invalid syntax");
  EXPECT_EQ(ask("PUT", "4x"),
            "400 failed set klog.logging.verbosity 4x: strconv.ParseInt: parsing \"4x\": invalid syntax");
  EXPECT_EQ(ask("PUT", ""), "400 failed set klog.logging.verbosity : strconv.ParseInt: parsing \"\": invalid syntax");
  EXPECT_EQ(
      ask("PUT", "99999999999"),
      "400 failed set klog.logging.verbosity 99999999999: strconv.ParseInt: parsing \"99999999999\": value out of "
      "range");
  EXPECT_EQ(ask("GET", ""), "406 unsupported http method");
  EXPECT_TRUE(levels.empty());
}

}  // namespace
}  // namespace cubelet::nodeapi
