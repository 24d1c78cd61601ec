// Volumes::load: what earlier agents have left.
#include <algorithm>
#include <iterator>

#include "base/files.h"
#include "csi/volumes/paths.h"
#include "csi/volumes/volumes.h"

namespace cubelet::csi {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;

// Names in a directory; none when it does not exist.
std::vector<std::string> namesIn(const std::string& directory, std::vector<Error>& problems) {
  auto names = listDirectory(directory);
  if (names) return std::move(*names);
  if (names.error().code != Code::kNotFound) problems.push_back(names.error());
  return {};
}

}  // namespace

std::vector<Error> Volumes::load() {
  std::vector<Error> problems;
  const std::string journal = joinPath(options_.root, "cubelet/volumes");
  if (auto made = makeDirectories(journal, 0700); !made) problems.push_back(made.error());
  loadJournal(problems);
  loadPods(problems);
  loadStaged(problems);
  loadDevices(problems);
  unreadable_ = problems;
  return problems;
}

void Volumes::loadJournal(std::vector<Error>& problems) {
  Journal::Found found = journal_.load();
  std::ranges::move(found.problems, std::back_inserter(problems));
  for (const VolumeRecord& record : found.records) {
    auto entry = std::make_shared<Entry>();
    entry->record = record.bootId == options_.bootId ? record : madeUncertain(record);
    entry->record.bootId = options_.bootId;
    for (const auto& [uid, state] : entry->record.pods) entry->unverified.insert(uid);
    entries_[uniqueName(record.driver, record.handle)] = std::move(entry);
  }
}

void Volumes::adopt(const VolumeData& data, const std::string& podUid, bool staged, bool block) {
  EntryPtr& entry = entries_[uniqueName(data.driver, data.handle)];
  if (!entry) {
    entry = std::make_shared<Entry>();
    VolumeRecord& record = entry->record;
    record.bootId = options_.bootId;
    record.driver = data.driver;
    record.handle = data.handle;
    record.name = data.name;
    record.block = block;
    record.ephemeral = data.ephemeral;
    record.attachmentId = data.attachmentId;
    record.selinuxLabel = data.selinuxLabel;
  }
  VolumeRecord& record = entry->record;
  if (staged && record.stage == StageState::kNone) record.stage = StageState::kStaging;
  if (!podUid.empty() && !record.pods.contains(podUid)) record.pods[podUid] = PublishState::kPublishing;
  if (record.name.empty()) record.name = data.name;
}

void Volumes::loadPods(std::vector<Error>& problems) {
  const std::string pods = joinPath(options_.root, "pods");
  for (const std::string& uid : namesIn(pods, problems)) {
    const std::string volumes = joinPath(pods, uid + "/volumes/kubernetes.io~csi");
    for (const std::string& name : namesIn(volumes, problems)) {
      Result<std::string> text = readFile(joinPath(volumes, name + "/vol_data.json"), kLargestFile);
      if (!text && text.error().code == Code::kNotFound) continue;
      Result<VolumeData> data = text ? readVolumeData(*text) : Result<VolumeData>(fail(text.error()));
      if (!data) {
        problems.push_back(data.error().within("read vol_data.json of volume " + name + " of pod " + uid));
        continue;
      }
      if (data->name.empty()) data->name = name;
      adopt(*data, uid, false);
    }
  }
}

void Volumes::loadStaged(std::vector<Error>& problems) {
  const std::string plugins = joinPath(options_.root, "plugins/kubernetes.io/csi");
  for (const std::string& driver : namesIn(plugins, problems)) {
    if (driver == "volumeDevices") continue;
    const std::string volumes = joinPath(plugins, driver);
    for (const std::string& hash : namesIn(volumes, problems)) {
      Result<std::string> text = readFile(joinPath(volumes, hash + "/vol_data.json"), kLargestFile);
      if (!text) continue;  // nothing that can be named: no volume
      Result<VolumeData> data = readVolumeData(*text);
      if (data && data->driver == driver && sha256Hex(data->handle) == hash) {
        adopt(*data, "", true);
        continue;
      }
      problems.push_back(Error(Code::kInvalid, "", "vol_data.json in " + joinPath(volumes, hash) + " cannot be read"));
    }
  }
}

void Volumes::loadDevices(std::vector<Error>& problems) {
  const std::string devices = joinPath(options_.root, "plugins/kubernetes.io/csi/volumeDevices");
  for (const std::string& name : namesIn(devices, problems)) {
    Result<std::string> text = readFile(joinPath(devices, name + "/data/vol_data.json"), kLargestFile);
    if (!text) continue;  // also for the directories "staging" and "publish"
    Result<VolumeData> data = readVolumeData(*text);
    if (!data) {
      problems.push_back(data.error().within("read vol_data.json of the block volume " + name));
      continue;
    }
    if (data->name.empty()) data->name = name;
    if (entries_.contains(uniqueName(data->driver, data->handle))) continue;  // the journal knows better
    adopt(*data, "", true, true);
    for (const std::string& uid : namesIn(joinPath(devices, "publish/" + name), problems))
      adopt(*data, uid, true, true);
  }
}

}  // namespace cubelet::csi
