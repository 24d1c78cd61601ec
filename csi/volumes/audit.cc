#include "csi/volumes/audit.h"

#include <algorithm>
#include <map>

#include "csi/volumes/paths.h"

namespace cubelet::csi {
namespace {

void addRecord(const AuditedVolume& volume, const std::set<std::string>& mounts, const std::set<std::string>& pods,
               std::vector<Finding>& findings) {
  const VolumeRecord& record = volume.record;
  for (const auto& [uid, state] : record.pods) {
    const std::string& path = volume.publishPaths.at(uid);
    const bool exists = pods.contains(uid) || volume.users.contains(uid);
    if (!exists)
      findings.push_back(
          {record.name, path, "pod " + uid + " is gone, and still has it: " + std::string(toString(state)), true});
    else if (state == PublishState::kPublished && !mounts.contains(path))
      findings.push_back({record.name, path,
                          "it is noted as mounted for pod " + uid + " and is not: delete that pod, a new one mounts it",
                          false});
  }
  if (record.pods.empty() && volume.users.empty() && record.stage != StageState::kNone)
    findings.push_back({record.name, volume.stagingPath,
                        "no pod uses it, and it is still there: " + std::string(toString(record.stage)), true});
}

}  // namespace

std::vector<Finding> audit(const std::string& root, const std::vector<AuditedVolume>& volumes,
                           const std::vector<std::string>& mounts, const std::set<std::string>& pods) {
  std::vector<Finding> findings;
  const std::set<std::string> mounted(mounts.begin(), mounts.end());
  std::map<std::string, std::string> names;  // of volumes, by their paths
  for (const AuditedVolume& volume : volumes) {
    addRecord(volume, mounted, pods, findings);
    if (!volume.stagingPath.empty()) names[volume.stagingPath] = volume.record.name;
    for (const auto& [uid, path] : volume.publishPaths) names[path] = volume.record.name;
    for (const std::string& path : volume.morePaths) names[path] = volume.record.name;
  }
  for (const std::string& path : mounted) {
    const std::string uid = podOfPath(root, path);
    if (uid.empty() && !isStagingPath(root, path)) continue;
    auto known = names.find(path);
    const auto times = std::ranges::count(mounts, path);
    if (times > 1)
      findings.push_back({known != names.end() ? known->second : "", path,
                          "it is mounted " + std::to_string(times) + " times over itself", false});
    if (known != names.end()) continue;
    const bool used = !uid.empty() && pods.contains(uid);
    findings.push_back(
        {"", path, used ? "it is mounted for pod " + uid + ", and not noted" : "it is mounted, and not noted", !used});
  }
  return findings;
}

}  // namespace cubelet::csi
