#include "kubelet/volumes/content.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace cubelet::volumes {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxPath = 4096;

std::unexpected<Error> invalidPath(std::string_view why) {
  return fail(Code::kInvalid, "", "invalid path: " + std::string(why));
}

Result<void> add(Files& files, std::string_view path, Bytes bytes, mode_t mode) {
  Result<std::string> clean = cleanPath(path);
  if (!clean) return fail(clean.error());
  files.insert_or_assign(std::move(*clean), File{std::move(bytes), mode, std::nullopt});
  return {};
}

mode_t modeOf(const core::KeyToPath& item, mode_t defaultMode) {
  return item.has_mode() ? static_cast<mode_t>(item.mode()) : defaultMode;
}

template <class Map>
Result<void> addAll(Files& files, const std::shared_ptr<const void>& owner, const Map& map, mode_t mode) {
  for (const auto& [key, bytes] : map)
    if (Result<void> added = add(files, key, Bytes(owner, bytes), mode); !added) return added;
  return {};
}

const std::string* valueOf(const google::protobuf::Map<std::string, std::string>& map, const std::string& key) {
  auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

// `valueOfKey` answers null for a key that the object does not have.
template <class ValueOfKey>
Result<Files> selected(const std::shared_ptr<const void>& owner, const KeyItems& items, mode_t defaultMode,
                       bool optional, std::string_view missing, const ValueOfKey& valueOfKey) {
  Files files;
  for (const core::KeyToPath& item : items) {
    const std::string* bytes = valueOfKey(item.key());
    if (bytes == nullptr && optional) continue;
    if (bytes == nullptr) return fail(Code::kInvalid, "", std::string(missing) + item.key());
    if (Result<void> added = add(files, item.path(), Bytes(owner, *bytes), modeOf(item, defaultMode)); !added)
      return fail(added.error());
  }
  return files;
}

// One character of UTF-8 at `at`; length 0 when there is none.
struct Rune {
  char32_t value = 0;
  std::size_t length = 0;
};

Rune runeAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {};
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length};
}

// Go's unicode.IsPrint: neither a space other than ' ', nor a control, format, private or forbidden character. Code
// points that Unicode has not assigned yet count as printable here.
bool isPrintable(char32_t rune) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr Range kNotPrintable[] = {
      {0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},         {0x600, 0x605},     {0x61C, 0x61C},
      {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},       {0x8E2, 0x8E2},     {0x1680, 0x1680},
      {0x180E, 0x180E},   {0x2000, 0x200F},   {0x2028, 0x202F},     {0x205F, 0x206F},   {0x3000, 0x3000},
      {0xE000, 0xF8FF},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},     {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD},
      {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},   {0x1D173, 0x1D17A}, {0xE0001, 0xE0001},
      {0xE0020, 0xE007F}, {0xF0000, 0xFFFFF}, {0x100000, 0x10FFFF},
  };
  for (const Range& range : kNotPrintable)
    if (rune >= range.first && rune <= range.last) return false;
  return true;
}

std::string escaped(char32_t rune) {
  switch (rune) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\a':
      return "\\a";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\v':
      return "\\v";
    default:
      break;
  }
  char text[16];
  const char* format = rune < 0x80 ? "\\x%02x" : rune < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::snprintf(text, sizeof text, format, static_cast<unsigned>(rune));
  return text;
}

// As Go's %q.
std::string goQuoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = runeAt(text, i);
    if (rune.length == 0) {  // no UTF-8
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[i])));
      out += hex;
      ++i;
      continue;
    }
    if (rune.value == '"' || rune.value == '\\' || !isPrintable(rune.value))
      out += escaped(rune.value);
    else
      out += text.substr(i, rune.length);
    i += rune.length;
  }
  return out + '"';
}

std::optional<std::int64_t> userOf(const core::Pod& pod, const core::Container& container) {
  if (container.securitycontext().has_runasuser()) return container.securitycontext().runasuser();
  if (pod.spec().securitycontext().has_runasuser()) return pod.spec().securitycontext().runasuser();
  return std::nullopt;
}

}  // namespace

Result<std::string> cleanPath(std::string_view path) {
  if (path.starts_with('/')) return invalidPath("must be relative path: " + std::string(path));
  if (path.size() > kMaxPath)
    return invalidPath("must be less than or equal to " + std::to_string(kMaxPath) + " characters");
  std::string clean;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return invalidPath("must not contain '..': " + std::string(path));
    if (part.size() > kMaxName)
      return invalidPath("filenames must be less than or equal to " + std::to_string(kMaxName) + " characters");
    if (part.find('\0') != std::string_view::npos) return invalidPath("must not contain a NUL character");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.empty()) return invalidPath("must not be empty: \"" + std::string(path) + "\"");
  // The writer's own names.
  if (clean.starts_with("..")) return invalidPath("must not start with '..': " + std::string(path));
  return clean;
}

Result<Files> configMapFiles(std::shared_ptr<const core::ConfigMap> object, const KeyItems& items, mode_t defaultMode,
                             bool optional) {
  if (!object) object = std::make_shared<const core::ConfigMap>();
  const core::ConfigMap& map = *object;
  if (!items.empty())
    return selected(object, items, defaultMode, optional,
                    "configmap references non-existent config key: ", [&](const std::string& key) {
                      const std::string* text = valueOf(map.data(), key);
                      return text != nullptr ? text : valueOf(map.binarydata(), key);
                    });
  Files files;
  if (Result<void> added = addAll(files, object, map.data(), defaultMode); !added) return fail(added.error());
  if (Result<void> added = addAll(files, object, map.binarydata(), defaultMode); !added) return fail(added.error());
  return files;
}

Result<Files> secretFiles(std::shared_ptr<const core::Secret> object, const KeyItems& items, mode_t defaultMode,
                          bool optional) {
  if (!object) object = std::make_shared<const core::Secret>();
  const core::Secret& secret = *object;
  if (!items.empty())
    return selected(object, items, defaultMode, optional, "references non-existent secret key: ",
                    [&](const std::string& key) { return valueOf(secret.data(), key); });
  Files files;
  if (Result<void> added = addAll(files, object, secret.data(), defaultMode); !added) return fail(added.error());
  return files;
}

std::string mapText(const google::protobuf::Map<std::string, std::string>& map) {
  const std::map<std::string_view, std::string_view> sorted(map.begin(), map.end());
  std::string out;
  for (const auto& [key, value] : sorted) {
    if (!out.empty()) out += '\n';
    out.append(key).append("=").append(goQuoted(value));
  }
  return out;
}

std::optional<uid_t> commonUser(const core::Pod& pod) {
  std::vector<std::optional<std::int64_t>> users;
  for (const core::Container& container : pod.spec().initcontainers()) users.push_back(userOf(pod, container));
  for (const core::Container& container : pod.spec().containers()) users.push_back(userOf(pod, container));
  for (const std::optional<std::int64_t>& user : users)
    if (!user || user != users.front()) return std::nullopt;
  if (users.empty()) return std::nullopt;
  return static_cast<uid_t>(*users.front());
}

}  // namespace cubelet::volumes
