#include "kubelet/cluster/claim_statuses.h"

#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/claim_resize.pb.h"

namespace cubelet::cluster {
namespace {

namespace core = ::k8s::core::v1;
using apiserver::answerOf;
using apiserver::failureOf;

Task<void> into(Task<Result<objects::ClaimPtr>> task, std::optional<Result<objects::ClaimPtr>>* answer) {
  Result<objects::ClaimPtr> done = co_await std::move(task);
  *answer = std::move(done);
}

class ClaimStatusesTest : public AsyncTest {
 protected:
  ~ClaimStatusesTest() override { loop.runToEnd(tasks.close()); }
  void patch(apiserver::Response response) {
    answer.reset();
    tasks.spawn("patch", into(claims.patch("shop", "data", R"({"status":{}})"), &answer));
    loop.poll();
    EXPECT_EQ(apiserver::describe(transport.last().request),
              "PATCH /api/v1/namespaces/shop/persistentvolumeclaims/data/status");
    EXPECT_EQ(transport.last().request.body, R"({"status":{}})");
    transport.last().finish(std::move(response));
    loop.poll();
  }

  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  ClaimStatusPatches claims{client};
  TaskGroup tasks{loop};
  std::optional<Result<objects::ClaimPtr>> answer;
};

TEST_F(ClaimStatusesTest, CSI_15_AnswersTheClaimWithAllItsFields) {
  core::PersistentVolumeClaim claim;
  claim.mutable_metadata()->set_resourceversion("8");
  core::PersistentVolumeClaimResize resize;
  (*resize.mutable_allocatedresourcestatuses())["storage"] = "NodeResizeInProgress";
  ASSERT_TRUE(claim.mutable_status()->MergeFromString(resize.SerializeAsString()));
  patch(answerOf(200, claim));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((**answer)->metadata().resourceversion(), "8");
  core::PersistentVolumeClaimResize got;
  ASSERT_TRUE(got.ParseFromString((**answer)->status().SerializeAsString()));
  EXPECT_EQ(got.allocatedresourcestatuses().at("storage"), "NodeResizeInProgress");
}

TEST_F(ClaimStatusesTest, CSI_15_AConflictIsForTheCallerToHandle) {
  patch(failureOf(409, "Conflict"));
  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().reason, "Conflict");
}

}  // namespace
}  // namespace cubelet::cluster
