#include "kubelet/sync/termination_record.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/half_written.h"
#include "base/log.h"
#include "kubelet/observe/from_cri.h"

namespace cubelet::sync {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kMaxRecordBytes = std::size_t{64} * 1024;
constexpr std::string_view kSuffix = ".json";

Result<TerminationRecord> parse(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("schema", 0) != kSchema || !json.contains("deadline") ||
      !json["deadline"].is_number_integer())
    return fail(Code::kInvalid, "", "not a termination record of schema " + std::to_string(kSchema));
  TerminationRecord record;
  record.uid = json.value("uid", "");
  record.name = json.value("name", "");
  record.ns = json.value("namespace", "");
  record.deadline = observe::fromUnixNanos(json["deadline"].get<std::int64_t>());
  const nlohmann::json hooks = json.value("preStopsEnded", nlohmann::json::array());
  for (const nlohmann::json& id : hooks)
    if (id.is_string()) record.preStopsEnded.push_back(id.get<std::string>());
  if (record.uid.empty()) return fail(Code::kInvalid, "", "no uid");
  return record;
}

}  // namespace

std::string TerminationRecords::pathOf(const std::string& uid) const {
  return joinPath(directory_, uid + std::string(kSuffix));
}

Result<void> TerminationRecords::save(const TerminationRecord& record) const {
  if (Result<void> made = makeDirectories(directory_, 0700); !made) return made;
  const nlohmann::json json = {{"schema", kSchema},
                               {"uid", record.uid},
                               {"name", record.name},
                               {"namespace", record.ns},
                               {"deadline", observe::toUnixNanos(record.deadline)},
                               {"preStopsEnded", record.preStopsEnded}};
  return writeFileAtomic(pathOf(record.uid), json.dump() + "\n", 0600);
}

Result<void> TerminationRecords::remove(const std::string& uid) const {
  return removeFile(pathOf(uid));
}

std::vector<TerminationRecord> TerminationRecords::load() const {
  std::vector<TerminationRecord> records;
  removeHalfWritten(directory_);
  Result<std::vector<std::string>> names = listDirectory(directory_);
  if (!names) return records;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    Result<std::string> text = readFile(joinPath(directory_, name), kMaxRecordBytes);
    Result<TerminationRecord> record = text ? parse(*text) : Result<TerminationRecord>(fail(text.error()));
    if (record)
      records.push_back(std::move(*record));
    else
      log::warning("skipping a termination record", {{"file", name}, {"error", record.error().message}});
  }
  return records;
}

}  // namespace cubelet::sync
