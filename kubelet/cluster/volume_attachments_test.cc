#include "kubelet/cluster/volume_attachments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "base/task_group.h"
#include "csi/volumes/paths.h"
#include "kubelet/apiserver/scripted_transport.h"

namespace cubelet::cluster {
namespace {

namespace core = ::k8s::core::v1;
namespace storage = ::k8s::storage::v1;
using apiserver::answerOf;
using apiserver::failureOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr char kVolume[] = "kubernetes.io/csi/d^h";

TEST(VolumeAttachmentRules, CSI_3_CSI_4_TheNodeSaysWhatIsMissing) {
  EXPECT_EQ(whyNotAttached({}, {kVolume}, kVolume),
            "volume kubernetes.io/csi/d^h has not been added to the list of VolumesInUse in the node's volume status");
  EXPECT_EQ(whyNotAttached({kVolume}, {}, kVolume),
            "volume kubernetes.io/csi/d^h is not attached according to node status");
  EXPECT_EQ(whyNotAttached({kVolume}, {kVolume}, kVolume), "");
}

storage::VolumeAttachment attachment(bool attached) {
  storage::VolumeAttachment object;
  object.mutable_metadata()->set_name(csi::attachmentName("h", "d", "n1"));
  object.mutable_status()->set_attached(attached);
  (*object.mutable_status()->mutable_attachmentmetadata())["lun"] = "7";
  return object;
}

TEST(VolumeAttachmentRules, CSI_4_TheAttachmentHasTheLastWord) {
  const Result<volumes::Attachment> attached = readAttachment(attachment(true));
  ASSERT_TRUE(attached);
  EXPECT_EQ(attached->name, csi::attachmentName("h", "d", "n1"));
  EXPECT_THAT(attached->publishContext, ElementsAre(Pair("lun", "7")));
  storage::VolumeAttachment failed = attachment(false);
  failed.mutable_status()->mutable_attacherror()->set_message("no slot is free");
  EXPECT_THAT(readAttachment(failed).error().message, HasSubstr("not attached yet: no slot is free"));
  storage::VolumeAttachment going = attachment(true);
  going.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);
  EXPECT_THAT(readAttachment(going).error().message, HasSubstr("is being deleted"));
}

Task<void> into(Task<Result<volumes::Attachment>> task, std::optional<Result<volumes::Attachment>>* answer) {
  Result<volumes::Attachment> done = co_await std::move(task);
  *answer = std::move(done);
}

class Waiting : public AsyncTest {
 protected:
  ~Waiting() override { loop.runToEnd(tasks.close()); }
  void ask() {
    tasks.spawn("question", into(attachments.await("d", "h"), &answer));
    run();
  }
  void run(Duration by = Duration(0)) { clock.advance(by); }
  void tellNode(bool inUse, bool attached) {
    core::Node node;
    if (inUse) node.mutable_status()->add_volumesinuse(kVolume);
    if (attached) node.mutable_status()->add_volumesattached()->set_name(kVolume);
    attachments.nodeChanged(node);
    run();
  }
  void reply(apiserver::Response response) {
    transport.last().finish(std::move(response));
    run();
  }

  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  VolumeAttachments attachments{clock, client, "n1"};
  TaskGroup tasks{loop};
  std::optional<Result<volumes::Attachment>> answer;
};

TEST_F(Waiting, CSI_4_ForTheNodeAndThenAsksOnce) {
  ask();
  tellNode(true, false);
  EXPECT_EQ(transport.count(), 0u);
  tellNode(true, true);
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(transport.last().request.path,
            "/apis/storage.k8s.io/v1/volumeattachments/" + csi::attachmentName("h", "d", "n1"));
  reply(answerOf(200, attachment(true)));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->publishContext.at("lun"), "7");
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Waiting, CSI_4_AsksAgainWhileTheAttachmentDoesNotSaySo) {
  tellNode(true, true);
  ask();
  reply(answerOf(200, attachment(false)));
  EXPECT_FALSE(answer);
  run(std::chrono::milliseconds(99));
  EXPECT_EQ(transport.count(), 1u);
  run(std::chrono::milliseconds(1));
  ASSERT_EQ(transport.count(), 2u);
  reply(answerOf(200, attachment(true)));
  EXPECT_TRUE(answer && *answer);
}

TEST_F(Waiting, CSI_4_SaysWhatWasMissingWhenItTakesTooLong) {
  ask();
  run(VolumeAttachments::kPatience - std::chrono::milliseconds(1));
  EXPECT_FALSE(answer);
  run(std::chrono::milliseconds(1));
  reply(answerOf(200, attachment(false)));
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::kTimedOut);
  EXPECT_THAT(answer->error().message, HasSubstr("list of VolumesInUse"));
}

TEST_F(Waiting, CSI_19_SaysWhenTheNodeCanHaveNoMore) {
  tellNode(true, false);
  ask();
  run(VolumeAttachments::kPatience);
  storage::VolumeAttachment full = attachment(false);
  full.mutable_status()->mutable_attacherror()->set_errorcode(8);
  full.mutable_status()->mutable_attacherror()->set_message("25 disks are there");
  reply(answerOf(200, full));
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().reason, volumes::kAttachLimitExceeded);
  EXPECT_THAT(answer->error().message, HasSubstr("25 disks are there"));
}

}  // namespace
}  // namespace cubelet::cluster
