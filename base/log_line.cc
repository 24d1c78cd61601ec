#include "base/log_line.h"

#include <algorithm>

#include "base/time_text.h"

namespace cubelet::log {
namespace {

std::string_view levelName(Priority priority) {
  switch (priority) {
    case Priority::kError:
      return "error";
    case Priority::kWarning:
      return "warning";
    case Priority::kNotice:
      return "notice";
    case Priority::kInfo:
      return "info";
    case Priority::kDebug:
      return "debug";
  }
  return "info";
}

bool isControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Backslash escapes that JSON and logfmt readers share.
void appendEscaped(std::string& out, std::string_view text, bool escapeQuotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (isControl(c)) {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      if (escapeQuotes && (c == '"' || c == '\\')) out += '\\';
      out += c;
    }
  }
}

// Bytes that are no UTF-8 would make the whole line unreadable for JSON readers: each becomes U+FFFD.
std::string toUtf8(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k) whole = (static_cast<unsigned char>(text[i + k]) >> 6) == 2;
    if (whole) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\xef\xbf\xbd";
      i += 1;
    }
  }
  return out;
}

void appendJsonMember(std::string& out, std::string_view name, std::string_view value) {
  out += out.ends_with('{') ? "\"" : ",\"";
  appendEscaped(out, name, true);
  out += "\":\"";
  appendEscaped(out, toUtf8(value), true);
  out += '"';
}

bool needsQuotes(std::string_view value) {
  return value.empty() || std::ranges::any_of(value, [](char c) {
           return c == ' ' || c == '"' || c == '=' || c == '\\' || isControl(c);
         });
}

std::string jsonLine(const Options& options, WallTime time, Priority priority, std::string_view message,
                     std::span<const Field> fields) {
  std::string out = "{";
  if (!options.journalPrefix) appendJsonMember(out, "ts", rfc3339Milli(time));
  appendJsonMember(out, "level", levelName(priority));
  appendJsonMember(out, "msg", message);
  for (const Field& field : fields) appendJsonMember(out, field.name, field.value);
  return out + "}";
}

std::string plainLine(const Options& options, WallTime time, Priority priority, std::string_view message,
                      std::span<const Field> fields) {
  std::string out;
  if (!options.journalPrefix) out = rfc3339Milli(time) + " " + std::string(levelName(priority)) + " ";
  appendEscaped(out, message, false);
  for (const Field& field : fields) {
    out += ' ';
    out += field.name;
    out += '=';
    const bool quoted = needsQuotes(field.value);
    if (quoted) out += '"';
    appendEscaped(out, field.value, quoted);
    if (quoted) out += '"';
  }
  return out;
}

}  // namespace

std::string formatLine(const Options& options, WallTime time, Priority priority, std::string_view message,
                       std::span<const Field> fields) {
  // journald reads the priority from the start of the line and takes it off, JSON or not (sd-daemon(3)).
  std::string prefix = options.journalPrefix ? "<" + std::to_string(static_cast<int>(priority)) + ">" : "";
  return prefix + (options.json ? jsonLine(options, time, priority, message, fields)
                                : plainLine(options, time, priority, message, fields));
}

}  // namespace cubelet::log
