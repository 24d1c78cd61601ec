#include "csi/plugins/cluster_announcer.h"

#include <chrono>
#include <optional>

#include "csi/plugins/csi_node.h"
#include "kubelet/apiserver/resource.h"

namespace cubelet::csi {

using apiserver::kCsiNodes;
using apiserver::kNodes;

Task<Result<void>> ClusterAnnouncer::retry(Change change) {
  Semaphore::Permit permit = co_await turn_.acquire();
  Duration pause = std::chrono::milliseconds(10);
  for (int left = 3;; --left) {
    auto attempt = change();
    Result<void> done = co_await std::move(attempt);
    if (done || left == 0 || done.error().reason != "Conflict") co_return done;
    co_await clock_.sleep(pause);
    pause *= 5;
  }
}

Task<Result<storage::CSINode>> ClusterAnnouncer::findOrMake() {
  const std::string uid = options_.nodeUid();
  if (uid.empty()) co_return fail(Code::kUnavailable, "", "node " + options_.nodeName + " is not registered yet");
  const std::string path = kCsiNodes.object("", options_.nodeName);
  auto found = co_await client_.get<storage::CSINode>(path);
  if (found && isOwnedBy(*found, options_.nodeName, uid)) co_return std::move(*found);
  if (!found && found.error().code != Code::kNotFound) co_return fail(std::move(found.error()));
  if (found) {
    // Of a Node that had this name before: nothing in it is ours.
    apiserver::RemoveOptions only;
    only.uid = found->metadata().uid();
    Result<void> removed = co_await client_.remove(path, std::move(only));
    if (!removed && removed.error().code != Code::kNotFound) co_return fail(std::move(removed.error()));
  }
  const storage::CSINode fresh = newCsiNode(options_.nodeName, uid);
  auto made = client_.create<storage::CSINode>(kCsiNodes.collection(), fresh);
  co_return co_await std::move(made);
}

Task<Result<void>> ClusterAnnouncer::prepare() {
  Semaphore::Permit permit = co_await turn_.acquire();
  auto found = co_await findOrMake();
  if (!found) co_return fail(found.error().within("make CSINode " + options_.nodeName));
  co_return Result<void>();
}

Task<Result<void>> ClusterAnnouncer::announce(DriverFacts facts) {
  Change change = [this, facts = std::move(facts)] { return announceOnce(facts); };
  auto tries = retry(std::move(change));
  co_return co_await std::move(tries);
}

Task<Result<void>> ClusterAnnouncer::withdraw(std::string driver) {
  Change change = [this, driver = std::move(driver)] { return withdrawOnce(driver); };
  auto tries = retry(std::move(change));
  co_return co_await std::move(tries);
}

Task<Result<Duration>> ClusterAnnouncer::refreshPeriod(std::string driver) {
  auto call = client_.get<storage::CSIDriver>(apiserver::kCsiDrivers.object("", driver));
  Result<storage::CSIDriver> object = co_await std::move(call);
  if (!object && object.error().code == Code::kNotFound) co_return Duration(0);
  if (!object) co_return fail(object.error().within("read CSIDriver " + driver));
  co_return std::chrono::seconds(object->spec().nodeallocatableupdateperiodseconds());
}

Task<Result<void>> ClusterAnnouncer::patchNode(std::string patch) {
  if (patch.empty()) co_return Result<void>();
  auto call = client_.patch<core::Node>(kNodes.object("", options_.nodeName, "status"), std::move(patch));
  Result<core::Node> patched = co_await std::move(call);
  if (!patched) co_return fail(patched.error().within("tell node " + options_.nodeName + " of its CSI drivers"));
  co_return Result<void>();
}

Task<Result<void>> ClusterAnnouncer::announceOnce(DriverFacts facts) {
  auto node = co_await client_.get<core::Node>(kNodes.object("", options_.nodeName));
  if (!node && node.error().code == Code::kNotFound) {
    node.error().code = Code::kUnavailable;  // it will be registered
    co_return fail(std::move(node.error()));
  }
  if (!node) co_return fail(std::move(node.error()));
  Result<std::string> patch = patchForDriver(*node, facts);
  if (!patch) co_return fail(std::move(patch.error()));
  Result<void> patched = co_await patchNode(std::move(*patch));
  if (!patched) co_return patched;

  Result<storage::CSINode> have = co_await findOrMake();
  if (!have) co_return fail(have.error().within("find CSINode " + options_.nodeName));
  std::optional<storage::CSINode> wanted = withDriver(*have, facts);
  if (!wanted) co_return Result<void>();
  auto call = client_.update<storage::CSINode>(kCsiNodes.object("", options_.nodeName), *wanted);
  Result<storage::CSINode> updated = co_await std::move(call);
  if (!updated) co_return fail(std::move(updated.error()));
  co_return Result<void>();
}

Task<Result<void>> ClusterAnnouncer::withdrawOnce(std::string driver) {
  const std::string path = kCsiNodes.object("", options_.nodeName);
  auto have = co_await client_.get<storage::CSINode>(path);
  if (!have && have.error().code != Code::kNotFound) co_return fail(std::move(have.error()));
  std::optional<storage::CSINode> wanted;
  if (have) wanted = withoutDriver(*have, driver);
  if (wanted) {
    auto call = client_.update<storage::CSINode>(path, *wanted);
    Result<storage::CSINode> updated = co_await std::move(call);
    if (!updated) co_return fail(std::move(updated.error()));
  }
  auto node = co_await client_.get<core::Node>(kNodes.object("", options_.nodeName));
  if (!node && node.error().code == Code::kNotFound) co_return Result<void>();
  if (!node) co_return fail(std::move(node.error()));
  auto patched = patchNode(patchWithoutDriver(*node, driver));
  co_return co_await std::move(patched);
}

}  // namespace cubelet::csi
