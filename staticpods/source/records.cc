#include "staticpods/source/records.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/half_written.h"
#include "base/hash.h"
#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"

namespace cubelet::staticpods {
namespace {

constexpr std::string_view kVersion = "1";
// A manifest has at most 10 MB; in a JSON string a byte takes at most six.
constexpr std::size_t kMaxBytes = std::size_t{64} * 1024 * 1024;

std::string checksum(const Record& record) {
  Fnv1a128 hash;
  for (const std::string& part : {record.file, record.text}) {
    hash.add(std::to_string(part.size()));
    hash.add(":");
    hash.add(part);
  }
  return hash.hex();
}

void appendString(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

const std::string* textAt(const api::Node& map, std::string_view key) {
  const api::Node::Entry* entry = map.find(key);
  if (entry == nullptr || entry->value->kind != api::Node::Kind::kString) return nullptr;
  return &entry->value->text;
}

std::unexpected<Error> unusable(std::string why) {
  return fail(Code::kInvalid, "", std::move(why));
}

Result<Record> fromNode(const api::Node& root) {
  const api::Node::Entry* version = root.find("version");
  if (version == nullptr || version->value->text != kVersion) return unusable("unknown schema version");
  const std::string* file = textAt(root, "file");
  const std::string* text = textAt(root, "text");
  const std::string* sum = textAt(root, "checksum");
  const api::Node::Entry* seen = root.find("seen");
  if (file == nullptr || text == nullptr || sum == nullptr || seen == nullptr) return unusable("a member is missing");

  Record record{*file, *text, {}};
  for (const api::Node::Entry& entry : seen->value->entries) record.seen[entry.key] = entry.value->text;
  if (checksum(record) != *sum) return unusable("damaged: the checksum does not match");
  return record;
}

}  // namespace

std::string encodeRecord(const Record& record) {
  std::string out = "{\"version\":";
  out += kVersion;
  out += ",\"file\":";
  appendString(out, record.file);
  out += ",\"checksum\":";
  appendString(out, checksum(record));
  out += ",\"seen\":{";
  for (bool first = true; const auto& [uid, time] : record.seen) {
    if (!std::exchange(first, false)) out += ',';
    appendString(out, uid);
    out += ':';
    appendString(out, time);
  }
  out += "},\"text\":";
  appendString(out, record.text);
  return out + "}\n";
}

Result<Record> decodeRecord(std::string_view json) {
  std::vector<api::Problem> problems;
  const std::vector<api::Document> documents =
      api::parseDocuments(json, api::ParseLimits{.maxBytes = kMaxBytes}, problems);
  if (!problems.empty()) return unusable(problems.front().text("record"));
  if (documents.size() != 1) return unusable("not one JSON object");
  return fromNode(*documents.front().root);
}

std::string RecordStore::pathOf(std::string_view file) const {
  Fnv1a128 hash;
  hash.add(file);
  return joinPath(directory_, hash.hex() + ".json");
}

Result<RecordStore::Loaded> RecordStore::load() const {
  Loaded loaded;
  removeHalfWritten(directory_);
  auto names = listDirectory(directory_);
  if (!names && names.error().code == Code::kNotFound) return loaded;
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(".json")) continue;
    const std::string path = joinPath(directory_, name);
    auto json = readFile(path, kMaxBytes);
    Result<Record> record = json ? decodeRecord(*json) : fail(json.error());
    if (record && pathOf(record->file) == path)
      loaded.records.push_back(std::move(*record));
    else
      loaded.warnings.push_back(path + ": " + (record ? "not under its own name" : record.error().message));
  }
  std::ranges::sort(loaded.records, {}, &Record::file);
  return loaded;
}

Result<void> RecordStore::save(const Record& record) const {
  if (auto made = makeDirectories(directory_, 0700); !made) return made;
  return writeFileAtomic(pathOf(record.file), encodeRecord(record), 0600, Flush::kNo);
}

Result<void> RecordStore::remove(std::string_view file) const {
  return removeFile(pathOf(file));
}

}  // namespace cubelet::staticpods
