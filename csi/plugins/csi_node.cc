#include "csi/plugins/csi_node.h"

#include <algorithm>
#include <map>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"
#include "kubelet/api/names.h"
#include "kubelet/api/writers.h"

namespace cubelet::csi {
namespace {

constexpr char kNodeIds[] = "csi.volume.kubernetes.io/nodeid";
constexpr char kMigrated[] = "storage.alpha.kubernetes.io/migrated-plugins";
// In-tree plugins whose volumes are the business of CSI drivers; the scheduler counts them so.
constexpr char kMigratedPlugins[] =
    "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd,"
    "kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume";

// A damaged annotation counts as empty, so that it is made anew.
std::map<std::string, std::string> readNodeIds(const core::Node& node) {
  std::map<std::string, std::string> ids;
  auto found = node.metadata().annotations().find(kNodeIds);
  if (found == node.metadata().annotations().end()) return ids;
  std::vector<api::Problem> problems;
  for (const api::Document& document : api::parseDocuments(found->second, {}, problems))
    for (const api::Node::Entry& entry : document.root->entries) ids[entry.key] = entry.value->text;
  return ids;
}

std::string jsonOf(const std::map<std::string, std::string>& map) {
  api::Tree tree;
  api::Node& root = tree.add(api::Node::Kind::kMap, 0);
  for (const auto& [key, text] : map) {
    api::Node& value = tree.add(api::Node::Kind::kString, 0);
    value.text = text;
    root.entries.push_back({key, 0, &value});
  }
  return api::jsonText(root, false);
}

}  // namespace

storage::CSINode newCsiNode(const std::string& nodeName, const std::string& nodeUid) {
  storage::CSINode made;
  made.mutable_metadata()->set_name(nodeName);
  (*made.mutable_metadata()->mutable_annotations())[kMigrated] = kMigratedPlugins;
  k8s::meta::v1::OwnerReference& owner = *made.mutable_metadata()->add_ownerreferences();
  owner.set_apiversion("v1");
  owner.set_kind("Node");
  owner.set_name(nodeName);
  owner.set_uid(nodeUid);
  made.mutable_spec();
  return made;
}

bool isOwnedBy(const storage::CSINode& have, const std::string& nodeName, const std::string& nodeUid) {
  return std::ranges::any_of(have.metadata().ownerreferences(), [&](const k8s::meta::v1::OwnerReference& owner) {
    return owner.kind() == "Node" && owner.name() == nodeName && owner.uid() == nodeUid;
  });
}

std::optional<storage::CSINode> withDriver(const storage::CSINode& have, const DriverFacts& facts) {
  storage::CSINodeDriver entry;
  entry.set_name(facts.name);
  entry.set_nodeid(facts.nodeId);
  for (const auto& [key, value] : facts.topology) entry.add_topologykeys(key);  // sorted, as the map is
  constexpr std::int64_t kMost = INT32_MAX;
  if (facts.maxVolumes > 0)
    entry.mutable_allocatable()->set_count(static_cast<std::int32_t>(std::min(facts.maxVolumes, kMost)));

  storage::CSINode wanted = have;
  (*wanted.mutable_metadata()->mutable_annotations())[kMigrated] = kMigratedPlugins;
  storage::CSINodeDriver* place = nullptr;
  for (storage::CSINodeDriver& driver : *wanted.mutable_spec()->mutable_drivers())
    if (driver.name() == facts.name) place = &driver;
  if (place == nullptr) place = wanted.mutable_spec()->add_drivers();
  *place = entry;
  if (api::toJson(wanted) == api::toJson(have)) return std::nullopt;
  return wanted;
}

std::optional<storage::CSINode> withoutDriver(const storage::CSINode& have, const std::string& driver) {
  storage::CSINode wanted = have;
  auto& drivers = *wanted.mutable_spec()->mutable_drivers();
  const auto kept = std::remove_if(drivers.begin(), drivers.end(),
                                   [&](const storage::CSINodeDriver& entry) { return entry.name() == driver; });
  if (kept == drivers.end()) return std::nullopt;
  drivers.erase(kept, drivers.end());
  return wanted;
}

Result<std::string> patchForDriver(const core::Node& have, const DriverFacts& facts) {
  core::Node change;
  for (const auto& [key, value] : facts.topology) {
    if (!api::whyNotLabelKey(key).empty() || !api::whyNotLabelValue(value).empty())
      return fail(Code::kInvalid, "", "topology " + key + "=" + value + " is no label");
    auto label = have.metadata().labels().find(key);
    if (label == have.metadata().labels().end())
      (*change.mutable_metadata()->mutable_labels())[key] = value;
    else if (label->second != value)
      return fail(Code::kInvalid, "",
                  "topology " + key + "=" + value + ": node " + have.metadata().name() + " has the label " + key + "=" +
                      label->second + " already");
  }
  std::map<std::string, std::string> ids = readNodeIds(have);
  auto id = ids.find(facts.name);
  if (id == ids.end() || id->second != facts.nodeId) {
    ids[facts.name] = facts.nodeId;
    (*change.mutable_metadata()->mutable_annotations())[kNodeIds] = jsonOf(ids);
  }
  return change.has_metadata() ? api::toJson(change) : std::string();
}

std::string patchWithoutDriver(const core::Node& have, const std::string& driver) {
  std::map<std::string, std::string> ids = readNodeIds(have);
  if (ids.erase(driver) == 0) return "";
  // A merge patch removes a key by null, which no message can say.
  if (ids.empty()) return std::string(R"({"metadata":{"annotations":{")") + kNodeIds + R"(":null}}})";
  core::Node change;
  (*change.mutable_metadata()->mutable_annotations())[kNodeIds] = jsonOf(ids);
  return api::toJson(change);
}

}  // namespace cubelet::csi
