// Volumes::check and repair: whether what is noted is what is there.
#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "csi/volumes/paths.h"
#include "csi/volumes/volumes.h"

namespace cubelet::csi {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;

std::string directoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Task<Result<std::vector<Finding>>> Volumes::auditOnce(std::set<std::string> pods) {
  Result<std::vector<std::string>> mounts = co_await host_.mountsBelow(options_.root);
  if (!mounts) co_return fail(mounts.error());
  std::vector<AuditedVolume> volumes;
  for (const auto& [name, entry] : entries_) {
    AuditedVolume& volume = volumes.emplace_back();
    volume.record = entry->record;
    volume.users = entry->users;
    if (!entry->record.block) volume.stagingPath = stagingOf(entry->record);
    for (const auto& [uid, state] : entry->record.pods) {
      volume.publishPaths[uid] = targetOf(entry->record, uid);
      if (entry->record.block) volume.morePaths.push_back(deviceMapOf(entry->record, uid).bound);
    }
  }
  co_return audit(options_.root, volumes, *mounts, pods);
}

// The mount table is read at one moment and the journal at another: only what is found twice is so.
Task<Result<std::vector<Finding>>> Volumes::check(std::set<std::string> pods) {
  Result<std::vector<Finding>> first = co_await auditOnce(pods);
  if (!first) co_return first;
  Result<std::vector<Finding>> second = co_await auditOnce(pods);
  if (!second) co_return second;
  std::vector<Finding> found;
  for (Finding& one : *second)
    if (std::ranges::find(*first, one) != first->end()) found.push_back(std::move(one));
  for (const Error& problem : unreadable_)
    found.push_back({"", "", problem.message + ": look after its mounts by hand, then remove the file", false});
  co_return found;
}

Task<void> Volumes::repair(std::set<std::string> pods, std::vector<Finding> findings) {
  for (const Finding& finding : findings) {
    if (!finding.leak || !finding.volume.empty()) continue;
    std::string path = finding.path;
    co_await takeDown(std::move(path));
  }
  Result<void> settled = co_await settle(std::move(pods));
  if (!settled) log::warning("a CSI volume cannot be taken down", {{"error", settled.error().message}});
}

// A mount without a record. Its data file says whose it is: settle() takes it from there. Without one, nobody can be
// asked.
Task<void> Volumes::takeDown(std::string path) {
  const std::string uid = podOfPath(options_.root, path);
  Result<std::string> text = readFile(directoryOf(path) + "/vol_data.json", kLargestFile);
  Result<VolumeData> data = text ? readVolumeData(*text) : Result<VolumeData>(fail(text.error()));
  if (data) {
    if (!uid.empty() && data->name.empty()) data->name = directoryOf(path).substr(directoryOf(path).rfind('/') + 1);
    adopt(*data, uid, uid.empty());
    co_return;
  }
  log::notice("unmounting what a CSI driver has left, without asking it", {{"path", path}});
  Result<void> unmounted = co_await host_.unmount(path);
  if (unmounted) unmounted = co_await clear(path, {});
  if (!unmounted) log::warning("cannot unmount it", {{"error", unmounted.error().message}});
}

}  // namespace cubelet::csi
