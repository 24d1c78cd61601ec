#include "csi/volumes/plan.h"

namespace cubelet::csi {

std::string_view toString(Step step) {
  switch (step) {
    case Step::kNone:
      return "none";
    case Step::kClaim:
      return "claim";
    case Step::kStage:
      return "stage";
    case Step::kPublish:
      return "publish";
    case Step::kUnpublish:
      return "unpublish";
    case Step::kDropClaim:
      return "drop the claim";
    case Step::kUnstage:
      return "unstage";
    case Step::kForget:
      return "forget";
  }
  return "";
}

Step stepToPublish(const VolumeRecord& record, const std::string& podUid, bool stages) {
  auto pod = record.pods.find(podUid);
  if (pod != record.pods.end() && pod->second == PublishState::kUnpublishing) return Step::kUnpublish;
  if (record.stage == StageState::kUnstaging) return Step::kUnstage;
  if (pod == record.pods.end()) return Step::kClaim;
  if (stages && record.stage != StageState::kStaged) return Step::kStage;
  if (pod->second != PublishState::kPublished) return Step::kPublish;
  return Step::kNone;
}

Step stepToLabel(const VolumeRecord& record, const std::string& podUid, const std::string& label) {
  if (record.selinuxLabel == label) return Step::kNone;
  auto pod = record.pods.find(podUid);
  if (pod != record.pods.end() && pod->second == PublishState::kPublished) return Step::kNone;
  if (pod != record.pods.end() && pod->second != PublishState::kClaimed) return Step::kUnpublish;
  return record.stage == StageState::kNone ? Step::kNone : Step::kUnstage;
}

Step stepToUnpublish(const VolumeRecord& record, const std::string& podUid, bool othersWant) {
  auto pod = record.pods.find(podUid);
  if (pod != record.pods.end()) return pod->second == PublishState::kClaimed ? Step::kDropClaim : Step::kUnpublish;
  if (!record.pods.empty() || othersWant) return Step::kNone;
  return record.stage == StageState::kNone ? Step::kForget : Step::kUnstage;
}

}  // namespace cubelet::csi
