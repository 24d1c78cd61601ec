// GrpcNode against the fake driver behind a true gRPC server: every call, errors, deadlines, a restart of the driver.
#include "csi/client/grpc_node.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/task_group.h"
#include "base/temp_dir.h"
#include "csi/client/outcome.h"
#include "csi/fake/fake_driver.h"
#include "csi/fake/fake_server.h"

namespace cubelet::csi {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

v1::VolumeCapability capability() {
  v1::VolumeCapability capability;
  capability.mutable_mount()->set_fs_type("ext4");
  capability.mutable_access_mode()->set_mode(v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  return capability;
}

class Node : public testing::Test {
 protected:
  void SetUp() override {
    serveNode(server_, driver_);
    driver_.addVolume("v1");
    ASSERT_TRUE(server_.start());
    std::filesystem::create_directory(dir_ / "stage");
  }
  void TearDown() override { server_.stop(); }

  template <class T>
  T run(Task<T> task) {
    return loop_.runToEnd(std::move(task));
  }
  v1::NodeStageVolumeRequest stageRequest() {
    v1::NodeStageVolumeRequest request;
    request.set_volume_id("v1");
    request.set_staging_target_path(dir_ / "stage");
    *request.mutable_volume_capability() = capability();
    return request;
  }
  v1::NodePublishVolumeRequest publishRequest() {
    v1::NodePublishVolumeRequest request;
    request.set_volume_id("v1");
    request.set_staging_target_path(dir_ / "stage");
    request.set_target_path(dir_ / "mount");
    *request.mutable_volume_capability() = capability();
    return request;
  }

  Loop loop_;
  SystemClock clock_{loop_};
  TempDir dir_;
  FakeMounts mounts_;
  FakeDriver driver_{clock_, mounts_};
  rpc::TestServer server_{loop_, dir_ / "csi.sock"};
  rpc::Pump pump_{loop_};
  rpc::ChannelPtr channel_ = rpc::Channel::create(pump_, dir_ / "csi.sock").value();
  GrpcNode node_{channel_};
};

TEST_F(Node, TellsWhoItIs) {
  driver_.info.set_max_volumes_per_node(7);
  driver_.can.volumeMountGroup = true;
  EXPECT_EQ(run(node_.pluginInfo()).value().name(), "fake.csi");
  EXPECT_TRUE(run(node_.probe()).value());
  driver_.ready = false;
  EXPECT_FALSE(run(node_.probe()).value());
  EXPECT_EQ(run(node_.nodeInfo()).value().max_volumes_per_node(), 7);
  EXPECT_EQ(run(node_.capabilities()).value(), driver_.can);
}

TEST_F(Node, LeadsAVolumeThroughItsLife) {
  ASSERT_TRUE(run(node_.stage(stageRequest())));
  ASSERT_TRUE(run(node_.stage(stageRequest()))) << "a repeat changes nothing";
  ASSERT_TRUE(run(node_.publish(publishRequest())));
  EXPECT_EQ(mounts_.size(), 2u);

  v1::NodeExpandVolumeRequest expand;
  expand.set_volume_id("v1");
  expand.set_volume_path(dir_ / "mount");
  expand.mutable_capacity_range()->set_required_bytes(std::int64_t{2} << 30);
  EXPECT_EQ(run(node_.expand(expand)).value().capacity_bytes(), std::int64_t{2} << 30);
  v1::NodeGetVolumeStatsRequest stats;
  stats.set_volume_id("v1");
  stats.set_volume_path(dir_ / "mount");
  EXPECT_EQ(run(node_.volumeStats(stats)).value().usage(0).total(), std::int64_t{2} << 30);

  v1::NodeUnpublishVolumeRequest unpublish;
  unpublish.set_volume_id("v1");
  unpublish.set_target_path(dir_ / "mount");
  ASSERT_TRUE(run(node_.unpublish(unpublish)));
  v1::NodeUnstageVolumeRequest unstage;
  unstage.set_volume_id("v1");
  unstage.set_staging_target_path(dir_ / "stage");
  ASSERT_TRUE(run(node_.unstage(unstage)));
  EXPECT_TRUE(mounts_.empty());
  EXPECT_THAT(driver_.violations(), ElementsAre());
  EXPECT_THAT(driver_.actions(),
              ElementsAre("NodeStageVolume(v1)", "NodeStageVolume(v1)", "NodePublishVolume(v1)", "NodeExpandVolume(v1)",
                          "NodeUnpublishVolume(v1)", "NodeUnstageVolume(v1)"));
}

TEST_F(Node, ErrorsNameTheCallTheVolumeTheSocketAndTheStatus) {
  auto early = run(node_.publish(publishRequest()));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().message, "NodePublishVolume v1 at " + (dir_ / "csi.sock") + ": publish: v1 is not staged");
  EXPECT_EQ(early.error().reason, "FailedPrecondition");
  EXPECT_EQ(early.error().code, Code::kInvalid);
  driver_.removeVolume("v1");
  EXPECT_EQ(run(node_.stage(stageRequest())).error().reason, "NotFound");
}

TEST_F(Node, SecretsReachTheDriverAndNoMessage) {
  v1::NodeStageVolumeRequest request = stageRequest();
  (*request.mutable_secrets())["key"] = "hunter2";
  driver_.faults().failNext("NodeStageVolume", Error(Code::kInternal, "", "login with hunter2 failed"));
  auto failed = run(node_.stage(request));
  EXPECT_THAT(failed.error().message, HasSubstr("login with *** failed"));
  EXPECT_THAT(failed.error().message, Not(HasSubstr("hunter2")));
  ASSERT_TRUE(run(node_.stage(request)));
  EXPECT_EQ(driver_.lastStage().secrets().at("key"), "hunter2");
}

TEST_F(Node, CSI_18_ACallWithoutAnswerIsUncertain) {
  ClientOptions options;
  options.callTimeout = milliseconds(500);
  GrpcNode hasty(channel_, options);
  ASSERT_TRUE(run(node_.nodeInfo()));  // connected: the time must not pass before the call has arrived
  driver_.faults().hangNext("NodeStageVolume", Duration(0));
  auto late = run(hasty.stage(stageRequest()));
  EXPECT_EQ(late.error().code, Code::kTimedOut);
  EXPECT_EQ(outcomeOf(late.error()), Outcome::kUncertain);
  driver_.faults().failNext("NodeStageVolume", Error(Code::kUnavailable, "Aborted", "under way"));
  EXPECT_EQ(outcomeOf(run(node_.stage(stageRequest())).error()), Outcome::kUncertain);
}

Task<Result<std::string>> garbage(std::string) {
  co_return std::string("\xff\xff\xff\xff");
}

TEST_F(Node, CSI_18_GarbageInsteadOfAReplyLeavesTheOutcomeOpen) {
  for (const char* method : {"Identity/GetPluginInfo", "Node/NodeGetInfo", "Node/NodeGetCapabilities",
                             "Node/NodeStageVolume", "Node/NodePublishVolume", "Node/NodeGetVolumeStats"})
    server_.onCall(std::string("/csi.v1.") + method, rpc::TestServer::Unary(&garbage));
  for (const Error& error : {run(node_.stage(stageRequest())).error(), run(node_.publish(publishRequest())).error(),
                             run(node_.capabilities()).error(), run(node_.nodeInfo()).error(),
                             run(node_.pluginInfo()).error(), run(node_.volumeStats({})).error()}) {
    EXPECT_THAT(error.message, HasSubstr("the reply cannot be read"));
    EXPECT_EQ(outcomeOf(error), Outcome::kUncertain);
  }
}

Task<void> talkNonsense(boost::asio::local::stream_protocol::acceptor* acceptor) {
  const std::string nonsense(5000, '\xa5');
  for (;;) {
    auto socket = co_await acceptor->async_accept(boost::asio::use_awaitable);
    boost::system::error_code gone;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, gone);
    co_await boost::asio::async_write(socket, boost::asio::buffer(nonsense), token);
  }
}

TEST_F(Node, CSI_18_AServerOfAnotherKindLeavesTheOutcomeOpen) {
  boost::asio::local::stream_protocol::acceptor acceptor(loop_.context(), dir_ / "other.sock");
  TaskGroup tasks(loop_);
  tasks.spawn("nonsense", talkNonsense(&acceptor));
  GrpcNode other(rpc::Channel::create(pump_, dir_ / "other.sock").value());
  auto staged = run(other.stage(stageRequest()));
  EXPECT_EQ(outcomeOf(staged.error()), Outcome::kUncertain) << staged.error().message;
  EXPECT_FALSE(run(other.nodeInfo()));
  run(tasks.close());
}

TEST_F(Node, ADriverThatComesBackOnItsSocketIsReachedAgain) {
  ASSERT_TRUE(run(node_.nodeInfo()));
  server_.stop();
  EXPECT_EQ(run(node_.nodeInfo()).error().code, Code::kUnavailable);
  ASSERT_TRUE(server_.start());
  Result<v1::NodeGetInfoResponse> again = run(node_.nodeInfo());
  for (int i = 0; i < 100 && !again; ++i) {
    run(clock_.sleep(milliseconds(20)));
    again = run(node_.nodeInfo());
  }
  EXPECT_TRUE(again);
}

}  // namespace
}  // namespace cubelet::csi
