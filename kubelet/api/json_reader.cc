#include <cstdint>
#include <string>
#include <utility>

#include "kubelet/api/readers.h"
#include "kubelet/api/scalars.h"

namespace cubelet::api {
namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// Recursive descent; the builder refuses what is nested too deeply before the stack could run out.
class JsonReader {
 public:
  JsonReader(std::string_view text, int& line, TreeBuilder& builder) : text_(text), line_(line), builder_(builder) {}

  std::size_t read() {
    value();
    return at_;
  }

 private:
  [[noreturn]] void refuse(std::string message) const { throw Refused{line_, "invalid JSON: " + std::move(message)}; }
  [[noreturn]] void unexpected(std::string_view wanted) const {
    if (at_ >= text_.size()) refuse("the text ends where " + std::string(wanted) + " should follow");
    std::string found(1, text_[at_]);
    while ((static_cast<unsigned char>(found[0]) & 0x80) && at_ + found.size() < text_.size() &&
           (static_cast<unsigned char>(text_[at_ + found.size()]) & 0xc0) == 0x80)
      found.push_back(text_[at_ + found.size()]);
    refuse("expected " + std::string(wanted) + ", got '" + found + "'");
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skipSpace() {
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '\n')
        ++line_;
      else if (c != ' ' && c != '\t' && c != '\r')
        return;
    }
  }

  // Skips white space first. True when the next byte was `c`, which is then eaten.
  bool eat(char c) {
    skipSpace();
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void value() {
    skipSpace();
    char c = peek();
    if (c == '{') return object();
    if (c == '[') return list();
    if (c == '"') {
      int line = line_;
      return builder_.scalar(line, Node::Kind::kString, string());
    }
    if (c == '-' || isDigit(c)) return number();
    if (word("true")) return builder_.scalar(line_, Node::Kind::kBool, "true");
    if (word("false")) return builder_.scalar(line_, Node::Kind::kBool, "false");
    if (word("null")) return builder_.scalar(line_, Node::Kind::kNull, "");
    unexpected("a value");
  }

  bool word(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }

  void object() {
    builder_.beginMap(line_);
    ++at_;
    if (!eat('}')) {
      do {
        skipSpace();
        if (peek() != '"') unexpected("a key in double quotes");
        builder_.scalar(line_, Node::Kind::kString, string());
        if (!eat(':')) unexpected("':'");
        value();
      } while (eat(','));
      if (!eat('}')) unexpected("',' or '}'");
    }
    builder_.end();
  }

  void list() {
    builder_.beginList(line_);
    ++at_;
    if (!eat(']')) {
      do {
        value();
      } while (eat(','));
      if (!eat(']')) unexpected("',' or ']'");
    }
    builder_.end();
  }

  void digits() {
    if (!isDigit(peek())) unexpected("a digit");
    while (isDigit(peek())) ++at_;
  }

  void number() {
    std::size_t from = at_;
    bool whole = true;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
      if (isDigit(peek())) refuse("a number starts with 0");
    } else {
      digits();
    }
    if (peek() == '.') {
      whole = false;
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    builder_.scalar(line_, whole ? Node::Kind::kInteger : Node::Kind::kNumber,
                    std::string(text_.substr(from, at_ - from)));
  }

  std::string string() {
    ++at_;
    std::string out;
    for (;;) {
      std::size_t from = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20)
        ++at_;
      out.append(text_.substr(from, at_ - from));
      if (at_ >= text_.size()) refuse("the text ends inside a string");
      char c = text_[at_++];
      if (c == '"') return out;
      if (c != '\\')
        refuse(c == '\n' ? "a string is not closed before the end of its line" : "control character in a string");
      escape(out);
    }
  }

  void escape(std::string& out) {
    constexpr std::string_view from = "\"\\/bfnrt";
    constexpr std::string_view to = "\"\\/\b\f\n\r\t";
    char c = peek();
    if (c == 'u') {
      ++at_;
      return unicodeEscape(out);
    }
    std::size_t index = from.find(c);
    if (at_ >= text_.size() || index == std::string_view::npos) unexpected("an escape such as \\n or \\u0041");
    ++at_;
    out.push_back(to[index]);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      char c = peek();
      std::uint32_t digit = isDigit(c)               ? static_cast<std::uint32_t>(c - '0')
                            : (c >= 'a' && c <= 'f') ? static_cast<std::uint32_t>(c - 'a' + 10)
                            : (c >= 'A' && c <= 'F') ? static_cast<std::uint32_t>(c - 'A' + 10)
                                                     : 16;
      if (digit > 15) unexpected("four hexadecimal digits");
      ++at_;
      value = value << 4 | digit;
    }
    return value;
  }

  void unicodeEscape(std::string& out) {
    std::uint32_t unit = hex4();
    if (unit >= 0xd800 && unit < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      std::size_t before = at_;
      at_ += 2;
      std::uint32_t low = hex4();
      if (low >= 0xdc00 && low < 0xe000) return appendUtf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
      at_ = before;
    }
    appendUtf8(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
  }

  std::string_view text_;
  int& line_;
  TreeBuilder& builder_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t readJson(std::string_view text, int& line, TreeBuilder& builder) {
  return JsonReader(text, line, builder).read();
}

}  // namespace cubelet::api
