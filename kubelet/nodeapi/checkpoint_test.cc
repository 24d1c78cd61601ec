#include "kubelet/nodeapi/checkpoint.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "base/loop.h"
#include "base/temp_dir.h"
#include "kubelet/nodeapi/fake_node_view.h"

namespace cubelet::nodeapi {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class FakeCheckpointer final : public cri::Checkpointer {
 public:
  Task<Result<void>> checkpointContainer(std::string id, std::string location, Duration timeout) override {
    lastId = std::move(id);
    lastLocation = std::move(location);
    lastTimeout = timeout;
    co_return outcome;
  }
  std::string lastId;
  std::string lastLocation;
  Duration lastTimeout{-1};
  Result<void> outcome;
};

class CheckpointsTest : public testing::Test {
 protected:
  CheckpointsTest() {
    view.addPod("shop", "web").mutable_spec()->add_initcontainers()->set_name("init");
    checkpoints.addRoutes(router);
  }
  // Status and body.
  std::string ask(const std::string& target) {
    web::Request request;
    request.method = "POST";
    request.target = *web::parseTarget(target);
    web::Router::Match match = router.find("POST", request.target.path);
    if (match.route == nullptr) return std::to_string(match.status);
    EXPECT_FALSE(match.route->always);
    request.parameters = std::move(match.parameters);
    Task<web::Reply> asked = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    const web::Reply reply = loop.runToEnd(std::move(asked));
    return std::to_string(reply.status) + " " + reply.body;
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  FakeNodeView view;
  FakeCheckpointer runtime;
  Checkpoints checkpoints{clock, view, runtime, dir / "checkpoints"};
  web::Router router;
};

TEST_F(CheckpointsTest, SRV_3_TheRuntimeWritesAnArchive) {
  const std::string path = dir / "checkpoints/checkpoint-web_shop-main-2027-01-15T08:00:00Z.tar";
  EXPECT_EQ(ask("/checkpoint/shop/web/main?timeout=5&timeout=7"), "200 {\"items\":[\"" + path + "\"]}");
  EXPECT_EQ(runtime.lastId, "id-web-main");
  EXPECT_EQ(runtime.lastLocation, path);
  EXPECT_EQ(runtime.lastTimeout, seconds(7)) << "the last one counts";
  EXPECT_EQ(fs::status(dir / "checkpoints").permissions(), fs::perms::owner_all) << "it holds memory of programs";
  ask("/checkpoint/shop/web/main");
  EXPECT_EQ(runtime.lastTimeout, seconds(0));
}

TEST_F(CheckpointsTest, SRV_3_WhatIsNotThereIsSaid) {
  EXPECT_EQ(ask("/checkpoint/shop/none/main"), "404 pod does not exist\n");
  EXPECT_EQ(ask("/checkpoint/shop/web/none"), "404 container none does not exist\n");
  EXPECT_EQ(ask("/checkpoint/shop/web/main?timeout=long"), "404 cannot parse value of timeout parameter\n");
  EXPECT_EQ(ask("/checkpoint/shop/web/main?timeout=-1"),
            "500 checkpointing of shop/web/main failed (the timeout must not be negative)\n");
  EXPECT_EQ(ask("/checkpoint/shop/web/init"),
            "500 checkpointing of shop/web/init failed (container init does not run)\n");
  EXPECT_EQ(runtime.lastId, "");
}

TEST_F(CheckpointsTest, SRV_3_TheRuntimesRefusalIsPassedOn) {
  runtime.outcome = fail(Code::kUnimplemented, "", "CheckpointContainer: unknown method");
  EXPECT_EQ(ask("/checkpoint/shop/web/main"),
            "500 checkpointing of shop/web/main failed (CheckpointContainer: unknown method)\n");
}

}  // namespace
}  // namespace cubelet::nodeapi
