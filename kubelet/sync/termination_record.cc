#include "kubelet/sync/termination_record.h"

#include <cstdint>
#include <optional>

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

using Json = nlohmann::json;

std::optional<std::int64_t> numberOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string textOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<TerminationRecord> parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const std::optional<std::int64_t> deadline = json.is_object() ? numberOf(json, "deadline") : std::nullopt;
  if (!deadline || numberOf(json, "schema") != kSchema)
    return fail(Code::kInvalid, "", "not a termination record of schema " + std::to_string(kSchema));
  TerminationRecord record;
  record.uid = textOf(json, "uid");
  record.name = textOf(json, "name");
  record.ns = textOf(json, "namespace");
  record.deadline = observe::fromUnixNanos(*deadline);
  if (const auto hooks = json.find("preStopsEnded"); hooks != json.end() && hooks->is_array())
    for (const Json& id : *hooks)
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
  const Json json = {{"schema", kSchema},
                     {"uid", record.uid},
                     {"name", record.name},
                     {"namespace", record.ns},
                     {"deadline", observe::toUnixNanos(record.deadline)},
                     {"preStopsEnded", record.preStopsEnded}};
  return writeFileAtomic(pathOf(record.uid), json.dump() + "\n", 0600, Flush::kNo);
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
    const std::string path = joinPath(directory_, name);
    Result<std::string> text = readFile(path, kMaxRecordBytes);
    Result<TerminationRecord> record = text ? parse(*text) : Result<TerminationRecord>(fail(text.error()));
    if (record) {
      records.push_back(std::move(*record));
      continue;
    }
    log::warning("skipping a termination record", {{"file", name}, {"error", record.error().message}});
    if (Result<void> removed = text ? removeFile(path) : Result<void>(); !removed)
      log::warning("cannot remove it", {{"error", removed.error().message}});
  }
  return records;
}

}  // namespace cubelet::sync
