#include <cstdint>
#include <string_view>
#include <utility>

#include "kubelet/api/scalars.h"
#include "kubelet/api/writers.h"

namespace cubelet::api {
namespace {

// The longest valid beginning is copied, then one U+FFFD stands for each byte that fits nowhere.
std::string repairUtf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length <= text.size() && !isUtf8(text.substr(0, length))) ++length;
    if (length <= text.size() && isUtf8(text.substr(0, length))) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      appendUtf8(out, 0xfffd);
      text.remove_prefix(1);
    }
  }
  return out;
}

class JsonWriter {
 public:
  explicit JsonWriter(bool pretty) : pretty_(pretty) {}

  void value(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kNull:
        out_.append("null");
        return;
      case Node::Kind::kBool:
      case Node::Kind::kInteger:
        out_.append(node.text);
        return;
      case Node::Kind::kNumber:
        // JSON has no infinity.
        return parseNumber(node.text) ? void(out_.append(node.text)) : string(node.text);
      case Node::Kind::kString:
        return string(node.text);
      case Node::Kind::kList:
        return list(node);
      case Node::Kind::kMap:
        return map(node);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void list(const Node& node) {
    open('[');
    bool first = true;
    for (const Node* item : node.items) {
      separate(first);
      value(*item);
    }
    close(']', first);
  }

  void map(const Node& node) {
    open('{');
    bool first = true;
    for (const Node::Entry& entry : node.entries) {
      separate(first);
      string(entry.key);
      out_.append(pretty_ ? ": " : ":");
      value(*entry.value);
    }
    close('}', first);
  }

  void open(char bracket) {
    out_.push_back(bracket);
    ++level_;
  }
  void close(char bracket, bool empty) {
    --level_;
    if (!empty) newLine();
    out_.push_back(bracket);
  }
  void separate(bool& first) {
    if (!first) out_.push_back(',');
    first = false;
    newLine();
  }
  void newLine() {
    if (pretty_) out_.append("\n").append(level_ * 4, ' ');
  }

  void string(std::string_view raw) {
    if (!isUtf8(raw)) return string(repairUtf8(raw));
    out_.push_back('"');
    for (char c : raw) character(c);
    out_.push_back('"');
  }

  void character(char c) {
    constexpr std::string_view plain = "\"\\\b\f\n\r\t";
    constexpr std::string_view escaped = "\"\\bfnrt";
    constexpr char hex[] = "0123456789abcdef";
    auto byte = static_cast<unsigned char>(c);
    if (std::size_t index = plain.find(c); index != std::string_view::npos)
      out_.append({'\\', escaped[index]});
    else if (byte < 0x20)
      out_.append({'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]});
    else
      out_.push_back(c);
  }

  bool pretty_;
  std::size_t level_ = 0;
  std::string out_;
};

}  // namespace

std::string jsonText(const Node& root, bool pretty) {
  JsonWriter writer(pretty);
  writer.value(root);
  return writer.take();
}

}  // namespace cubelet::api
