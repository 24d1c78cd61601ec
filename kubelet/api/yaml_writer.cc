#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "kubelet/api/scalars.h"
#include "kubelet/api/writers.h"

namespace cubelet::api {
namespace {

bool isAsciiLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Other readers than ours take 2001-12-14 for a date and 12:30:45 for a number of seconds: no such text stays plain.
bool looksNumericElsewhere(std::string_view text) {
  return text[0] >= '0' && text[0] <= '9' &&
         text.find_first_not_of("0123456789.:-+_TtZz xXoObBeE") == std::string_view::npos;
}

bool isPlain(std::string_view text) {
  if (text.empty() || text.back() == ' ' || text.back() == ':') return false;
  bool option = text[0] == '-' && text.size() > 1 && (isAsciiLetterOrDigit(text[1]) || text[1] == '-');
  if (!isAsciiLetterOrDigit(text[0]) && std::string_view("/._$(").find(text[0]) == std::string_view::npos && !option)
    return false;
  auto isOdd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f; };
  if (std::any_of(text.begin(), text.end(), isOdd)) return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return false;
  if (text.starts_with("...") || text.starts_with("---")) return false;
  return resolvePlain(text).kind == Node::Kind::kString && !looksNumericElsewhere(text);
}

// Text of several lines that a literal block gives back unchanged, whatever the reader does about tabs, other line
// breaks, and blanks at either end of a line.
bool isBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.ends_with("\n\n") || text == "\n") return false;
  if (text[0] == ' ' || text[0] == '\t' || text[0] == '\n') return false;
  if (text.find(" \n") != std::string_view::npos || text.ends_with(' ')) return false;
  bool lineStart = true;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x7f || (byte < 0x20 && c != '\n' && (c != '\t' || lineStart))) return false;
    lineStart = c == '\n';
  }
  return true;
}

class YamlWriter {
 public:
  void root(const Node& node) {
    if (node.kind == Node::Kind::kMap && !node.entries.empty()) return map(node, 0, false);
    if (node.kind == Node::Kind::kList && !node.items.empty()) return list(node, 0, false);
    leaf(node, 0);
  }

  std::string take() { return std::move(out_); }

 private:
  // `inLine`: the first entry goes on the line that is already begun, behind "- ".
  void map(const Node& node, std::size_t indent, bool inLine) {
    for (const Node::Entry& entry : node.entries) {
      if (!std::exchange(inLine, false)) out_.append(indent, ' ');
      key(entry.key, indent);
      const Node& value = *entry.value;
      if (value.kind == Node::Kind::kMap && !value.entries.empty()) {
        out_.push_back('\n');
        map(value, indent + 2, false);
      } else if (value.kind == Node::Kind::kList && !value.items.empty()) {
        out_.push_back('\n');
        list(value, indent, false);
      } else {
        out_.push_back(' ');
        leaf(value, indent + 2);
      }
    }
  }

  void list(const Node& node, std::size_t indent, bool inLine) {
    for (const Node* item : node.items) {
      if (!std::exchange(inLine, false)) out_.append(indent, ' ');
      out_.append("- ");
      if (item->kind == Node::Kind::kMap && !item->entries.empty())
        map(*item, indent + 2, true);
      else if (item->kind == Node::Kind::kList && !item->items.empty())
        list(*item, indent + 2, true);
      else
        leaf(*item, indent + 2);
    }
  }

  // A key longer than 1024 bytes needs the long form.
  void key(std::string_view text, std::size_t indent) {
    std::string written = isPlain(text) ? std::string(text) : quoted(text);
    if (written.size() > 1000)
      out_.append("? ").append(written).append("\n").append(indent, ' ').append(":");
    else
      out_.append(written).append(":");
  }

  // Anything without content below it, with its line end. `indent` is that of a block's lines.
  void leaf(const Node& node, std::size_t indent) {
    if (node.kind == Node::Kind::kString && isBlock(node.text)) return block(node.text, indent);
    switch (node.kind) {
      case Node::Kind::kNull:
        out_.append("null");
        break;
      case Node::Kind::kMap:
        out_.append("{}");
        break;
      case Node::Kind::kList:
        out_.append("[]");
        break;
      case Node::Kind::kString:
        out_.append(isPlain(node.text) ? node.text : quoted(node.text));
        break;
      case Node::Kind::kBool:
      case Node::Kind::kInteger:
      case Node::Kind::kNumber:
        out_.append(node.text);
        break;
    }
    out_.push_back('\n');
  }

  void block(std::string_view text, std::size_t indent) {
    out_.append(text.ends_with('\n') ? "|\n" : "|-\n");
    while (!text.empty()) {
      std::size_t end = std::min(text.find('\n'), text.size());
      if (end > 0) out_.append(indent, ' ').append(text.substr(0, end));
      out_.push_back('\n');
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  // JSON's string is a double-quoted scalar of YAML, but for the few characters that YAML wants escaped.
  static std::string quoted(std::string_view text) {
    Node node;
    node.kind = Node::Kind::kString;
    node.text = text;
    std::string json = jsonText(node, false);
    std::string out;
    for (std::size_t i = 0; i < json.size(); ++i) {
      auto byte = static_cast<unsigned char>(json[i]);
      auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : '\0');
      auto third = static_cast<unsigned char>(i + 2 < json.size() ? json[i + 2] : '\0');
      if (byte == 0x7f) {
        out.append("\\x7f");
      } else if (byte == 0xc2 && next < 0xa0) {  // the C1 controls
        constexpr char hex[] = "0123456789abcdef";
        out.append("\\x").append({hex[next >> 4], hex[next & 15]});
        ++i;
      } else if (byte == 0xe2 && next == 0x80 && (third == 0xa8 || third == 0xa9)) {  // line and paragraph separator
        out.append(third == 0xa8 ? "\\u2028" : "\\u2029");
        i += 2;
      } else if (byte == 0xef && next == 0xbb && third == 0xbf) {  // byte order mark
        out.append("\\ufeff");
        i += 2;
      } else {
        out.push_back(json[i]);
      }
    }
    return out;
  }

  std::string out_;
};

}  // namespace

std::string yamlText(const Node& root) {
  YamlWriter writer;
  writer.root(root);
  return writer.take();
}

}  // namespace cubelet::api
