#include "csi/plugins/cluster_announcer.h"

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "csi/plugins/csi_node.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::csi {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;

const DriverFacts kFacts{"a.csi", "i-1", 5, {{"topology.a/zone", "z1"}}};

Task<void> into(Task<Result<void>> task, std::optional<Result<void>>* answer) {
  Result<void> done = co_await std::move(task);
  *answer = done;
}

class Announcer : public testing::Test {
 protected:
  ~Announcer() override { loop.runToEnd(tasks.close()); }
  void run(Task<Result<void>> task) {
    answer.reset();
    tasks.spawn("call", into(std::move(task), &answer));
    loop.poll();
  }
  // The request under way is "METHOD path"; answers it.
  void reply(const std::string& request, apiserver::Response response) {
    ASSERT_FALSE(answer) << (answer->has_value() ? "done" : answer->error().message) << " before " << request;
    EXPECT_EQ(apiserver::describe(transport.last().request), request);
    transport.last().finish(std::move(response));
    loop.poll();
  }
  core::Node node() {
    core::Node node;
    node.mutable_metadata()->set_name("n1");
    node.mutable_metadata()->set_uid("uid");
    return node;
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {}};
  std::string uid = "uid";
  ClusterAnnouncer announcer{clock, client, {.nodeName = "n1", .nodeUid = [this] { return uid; }}};
  TaskGroup tasks{loop};
  std::optional<Result<void>> answer;
};

constexpr char kNode[] = "/api/v1/nodes/n1";
constexpr char kCsiNode[] = "/apis/storage.k8s.io/v1/csinodes/n1";
constexpr char kCollection[] = "/apis/storage.k8s.io/v1/csinodes";

TEST_F(Announcer, CSI_2_PatchesTheNodeAndWritesTheCsiNode) {
  run(announcer.announce(kFacts));
  reply(std::string("GET ") + kNode, answerOf(200, node()));
  EXPECT_EQ(transport.last().request.body, patchForDriver(node(), kFacts).value());
  reply(std::string("PATCH ") + kNode + "/status", answerOf(200, node()));
  reply(std::string("GET ") + kCsiNode, answerOf(200, newCsiNode("n1", "uid")));
  reply(std::string("PUT ") + kCsiNode, answerOf(200, newCsiNode("n1", "uid")));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->has_value());
}

Task<void> keepPeriod(Task<Result<Duration>> task, std::optional<Result<Duration>>* answer) {
  Result<Duration> done = co_await std::move(task);
  *answer = done;
}

TEST_F(Announcer, CSI_19_TheCsiDriverSaysHowOftenItIsAsked) {
  std::optional<Result<Duration>> period;
  const auto ask = [&](apiserver::Response response) {
    period.reset();
    tasks.spawn("call", keepPeriod(announcer.refreshPeriod("a.csi"), &period));
    loop.poll();
    EXPECT_EQ(apiserver::describe(transport.last().request), "GET /apis/storage.k8s.io/v1/csidrivers/a.csi");
    transport.last().finish(std::move(response));
    loop.poll();
  };
  storage::CSIDriver driver;
  driver.mutable_spec()->set_nodeallocatableupdateperiodseconds(60);
  ask(answerOf(200, driver));
  ASSERT_TRUE(period && *period);
  EXPECT_EQ(**period, std::chrono::seconds(60));
  ask(failureOf(404, "NotFound"));
  ASSERT_TRUE(period && *period);
  EXPECT_EQ(**period, Duration(0)) << "nobody has said so";
}

TEST_F(Announcer, CSI_2_AConflictIsTriedAnewAndSoOnFourTimes) {
  run(announcer.announce(kFacts));
  for (int i = 0; i < 4; ++i) {
    reply(std::string("GET ") + kNode, answerOf(200, node()));
    reply(std::string("PATCH ") + kNode + "/status", answerOf(200, node()));
    reply(std::string("GET ") + kCsiNode, answerOf(200, newCsiNode("n1", "uid")));
    reply(std::string("PUT ") + kCsiNode, failureOf(409, "Conflict"));
    clock.advance(std::chrono::milliseconds(250));
  }
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->has_value());
}

TEST_F(Announcer, CSI_2_ACsiNodeOfAnEarlierNodeIsReplaced) {
  storage::CSINode old = newCsiNode("n1", "old-uid");
  old.mutable_metadata()->set_uid("csinode-uid");
  run(announcer.prepare());
  reply(std::string("GET ") + kCsiNode, answerOf(200, old));
  k8s::meta::v1::Status done;
  done.set_status("Success");
  reply(std::string("DELETE ") + kCsiNode, answerOf(200, done));
  reply(std::string("POST ") + kCollection, answerOf(201, newCsiNode("n1", "uid")));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->has_value());
}

TEST_F(Announcer, CSI_2_ANodeThatIsNotRegisteredYetIsTriedLater) {
  run(announcer.announce(kFacts));
  reply(std::string("GET ") + kNode, failureOf(404, "NotFound"));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(isRetryable(answer->error().code));
  uid.clear();
  run(announcer.prepare());
  ASSERT_TRUE(answer);
  EXPECT_TRUE(isRetryable(answer->error().code));
}

TEST_F(Announcer, CSI_2_ADriverIsWithdrawnFromBoth) {
  core::Node with = node();
  (*with.mutable_metadata()->mutable_annotations())["csi.volume.kubernetes.io/nodeid"] = R"({"a.csi":"i-1"})";
  run(announcer.withdraw("a.csi"));
  reply(std::string("GET ") + kCsiNode, answerOf(200, *withDriver(newCsiNode("n1", "uid"), kFacts)));
  reply(std::string("PUT ") + kCsiNode, answerOf(200, newCsiNode("n1", "uid")));
  reply(std::string("GET ") + kNode, answerOf(200, with));
  reply(std::string("PATCH ") + kNode + "/status", answerOf(200, node()));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->has_value());
}

}  // namespace
}  // namespace cubelet::csi
