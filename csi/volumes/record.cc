#include "csi/volumes/record.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"
#include "kubelet/api/writers.h"

namespace cubelet::csi {
namespace {

using api::Node;

constexpr char kVersion[] = "1";
constexpr char kLabel[] = "seLinuxMountContext";  // in vol_data.json
constexpr std::array<std::string_view, 4> kStages = {"none", "staging", "staged", "unstaging"};
constexpr std::array<std::string_view, 4> kPublications = {"claimed", "publishing", "published", "unpublishing"};

// Text by text: enough for the files of this folder.
class Writer {
 public:
  Writer() : root_(&tree_.add(Node::Kind::kMap, 0)) {}
  void add(const std::string& key, std::string_view value) { root_->entries.push_back({key, 0, text(value)}); }
  void add(const std::string& key, const std::map<std::string, PublishState>& pods) {
    Node& map = tree_.add(Node::Kind::kMap, 0);
    for (const auto& [uid, state] : pods) map.entries.push_back({uid, 0, text(toString(state))});
    root_->entries.push_back({key, 0, &map});
  }
  std::string json() const { return api::jsonText(*root_, false); }

 private:
  const Node* text(std::string_view value) {
    Node& node = tree_.add(Node::Kind::kString, 0);
    node.text = value;
    return &node;
  }
  api::Tree tree_;
  Node* root_;
};

void addLabel(const VolumeRecord& record, Writer& writer) {
  if (!record.selinuxLabel.empty()) writer.add(kLabel, record.selinuxLabel);
}

Result<api::Document> parse(std::string_view json) {
  std::vector<api::Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(json, {}, problems);
  if (documents.size() != 1 || !problems.empty()) return fail(Code::kInvalid, "", "not one JSON object");
  return documents[0];
}

std::string textOf(const Node& root, std::string_view key) {
  const Node::Entry* entry = root.find(key);
  return entry == nullptr ? std::string() : entry->value->text;
}

template <class State>
std::optional<State> stateOf(const std::array<std::string_view, 4>& names, std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<State>(i);
  return std::nullopt;
}

}  // namespace

std::string_view toString(StageState state) {
  return kStages.at(static_cast<std::size_t>(state));
}

std::string_view toString(PublishState state) {
  return kPublications.at(static_cast<std::size_t>(state));
}

std::string toJson(const VolumeRecord& record) {
  Writer writer;
  writer.add("version", kVersion);
  writer.add("bootID", record.bootId);
  writer.add("driver", record.driver);
  writer.add("handle", record.handle);
  writer.add("name", record.name);
  writer.add("mode", record.block ? "Block" : "Filesystem");
  writer.add("lifecycle", record.ephemeral ? "Ephemeral" : "Persistent");
  writer.add("attachmentID", record.attachmentId);
  if (record.size > 0) writer.add("size", std::to_string(record.size));
  if (!record.selinuxLabel.empty()) writer.add("selinuxLabel", record.selinuxLabel);
  writer.add("stage", toString(record.stage));
  writer.add("pods", record.pods);
  return writer.json();
}

Result<VolumeRecord> readRecord(std::string_view json) {
  Result<api::Document> document = parse(json);
  if (!document) return fail(document.error());
  const Node& root = *document->root;
  if (textOf(root, "version") != kVersion) return fail(Code::kInvalid, "", "a record of another version");
  VolumeRecord record;
  record.bootId = textOf(root, "bootID");
  record.driver = textOf(root, "driver");
  record.handle = textOf(root, "handle");
  record.name = textOf(root, "name");
  record.block = textOf(root, "mode") == "Block";
  record.ephemeral = textOf(root, "lifecycle") == "Ephemeral";
  record.attachmentId = textOf(root, "attachmentID");
  record.selinuxLabel = textOf(root, "selinuxLabel");
  const std::string size = textOf(root, "size");
  std::from_chars(size.data(), size.data() + size.size(), record.size);
  const auto stage = stateOf<StageState>(kStages, textOf(root, "stage"));
  if (!stage || record.driver.empty() || record.handle.empty()) return fail(Code::kInvalid, "", "an incomplete record");
  record.stage = *stage;
  if (const Node::Entry* pods = root.find("pods"))
    for (const Node::Entry& pod : pods->value->entries) {
      const auto state = stateOf<PublishState>(kPublications, pod.value->text);
      if (!state) return fail(Code::kInvalid, "", "an unknown state of pod " + pod.key);
      record.pods[pod.key] = *state;
    }
  return record;
}

VolumeRecord madeUncertain(VolumeRecord record) {
  if (record.stage == StageState::kStaged) record.stage = StageState::kStaging;
  for (auto& [uid, state] : record.pods)
    if (state == PublishState::kPublished) state = PublishState::kPublishing;
  return record;
}

std::string stagingData(const VolumeRecord& record) {
  Writer writer;
  writer.add("driverName", record.driver);
  addLabel(record, writer);
  writer.add("volumeHandle", record.handle);
  return writer.json();
}

std::string publishData(const VolumeRecord& record, const std::string& node) {
  Writer writer;
  writer.add("attachmentID", record.attachmentId);
  writer.add("driverName", record.driver);
  writer.add("nodeName", node);
  addLabel(record, writer);
  writer.add("specVolID", record.name);
  writer.add("volumeHandle", record.handle);
  writer.add("volumeLifecycleMode", record.ephemeral ? "Ephemeral" : "Persistent");
  return writer.json();
}

Result<VolumeData> readVolumeData(std::string_view json) {
  Result<api::Document> document = parse(json);
  if (!document) return fail(document.error());
  const Node& root = *document->root;
  VolumeData data;
  data.driver = textOf(root, "driverName");
  data.handle = textOf(root, "volumeHandle");
  data.name = textOf(root, "specVolID");
  data.node = textOf(root, "nodeName");
  data.attachmentId = textOf(root, "attachmentID");
  data.selinuxLabel = textOf(root, kLabel);
  data.ephemeral = textOf(root, "volumeLifecycleMode") == "Ephemeral";
  if (data.driver.empty() || data.handle.empty()) return fail(Code::kInvalid, "", "no driverName or volumeHandle");
  return data;
}

}  // namespace cubelet::csi
