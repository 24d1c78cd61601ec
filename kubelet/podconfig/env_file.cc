#include "kubelet/podconfig/env_file.h"

#include <algorithm>

namespace cubelet::podconfig {
namespace {

constexpr std::string_view kBlank = " \t";

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool atEnd() const { return text_.empty(); }
  int line() const { return line_; }
  void skip(std::size_t count) {
    line_ += static_cast<int>(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
    text_.remove_prefix(count);
  }
  void skipBlanks() { skip(std::min(text_.find_first_not_of(kBlank), text_.size())); }
  // What is left of this line, without its end.
  std::string_view restOfLine() const {
    std::string_view rest = text_.substr(0, text_.find('\n'));
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    return rest;
  }
  void skipLine() { skip(std::min(text_.find('\n'), text_.size() - 1) + 1); }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
  int line_ = 1;
};

std::unexpected<Error> bad(int line, std::string_view why) {
  return fail(Code::kInvalid, "",
              "invalid environment variable format at line " + std::to_string(line) + ": " + std::string(why));
}

}  // namespace

Result<std::optional<std::string>> envFileValue(std::string_view text, std::string_view key) {
  for (Reader in(text); !in.atEnd();) {
    in.skipBlanks();
    const std::string_view line = in.restOfLine();
    if (line.empty() || line.starts_with('#')) {
      if (!in.atEnd()) in.skipLine();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return bad(in.line(), "missing '='");
    const std::string_view name = line.substr(0, equals);
    if (name.empty()) return bad(in.line(), "empty variable name");
    if (kBlank.find(name.back()) != std::string_view::npos)
      return bad(in.line(), "whitespace before '=' is not allowed");
    std::string_view value = line.substr(equals + 1);
    if (!value.empty() && kBlank.find(value.front()) != std::string_view::npos) {
      // As a shell reads it: the variable is empty, the rest is no part of it.
      if (name == key) return std::optional<std::string>("");
      in.skipLine();
      continue;
    }
    if (!value.starts_with('\'')) return bad(in.line(), "value must be enclosed in single quotes");
    const int begun = in.line();
    in.skip(equals + 2);
    const std::size_t end = in.rest().find('\'');
    if (end == std::string_view::npos) return bad(begun, "unclosed single quote");
    std::string found(in.rest().substr(0, end));
    in.skip(end + 1);
    in.skipBlanks();
    if (const std::string_view after = in.restOfLine(); !after.empty() && !after.starts_with('#'))
      return bad(in.line(), "unexpected content after closing quote");
    if (name == key) return std::optional<std::string>(std::move(found));
    if (!in.atEnd()) in.skipLine();
  }
  return std::optional<std::string>();
}

}  // namespace cubelet::podconfig
