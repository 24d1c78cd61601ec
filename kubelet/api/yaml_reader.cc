#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "kubelet/api/readers.h"
#include "kubelet/api/scalars.h"

namespace cubelet::api {
namespace {

// yaml-cpp 0.7 ends a plain scalar inside brackets at any '?', as in [http://host/?a=b]. So it sees another byte for
// those that are no indicators, one that neither UTF-8 text nor an escape can produce.
constexpr char kHiddenQuestionMark = '\xff';

std::string hideQuestionMarks(std::string_view text) {
  std::string out(text);
  // The first bytes tell yaml-cpp the encoding. An indicator has a blank behind it.
  for (std::size_t i = 4; i + 1 < out.size(); ++i)
    if (out[i] == '?' && std::string_view(" \t\r\n").find(out[i + 1]) == std::string_view::npos)
      out[i] = kHiddenQuestionMark;
  return out;
}

constexpr const char* kTab = "tab in the indentation: use spaces";

// Feeds the parser. yaml-cpp turns a whole line, and a whole [...] or {...} over any number of lines, into tokens
// before it reports the first of them, at up to 200 bytes of memory for each byte of text: so the text is cut off when
// too much of it that may become tokens was read without any report.
class MeteredText final : public std::streambuf {
 public:
  explicit MeteredText(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }

  void reported() { pending_ = 0; }

 protected:
  std::streamsize xsgetn(char* out, std::streamsize count) override {
    std::streamsize size = std::min<std::streamsize>(count, egptr() - gptr());
    std::copy_n(gptr(), size, out);
    setg(eback(), gptr() + size, egptr());
    pending_ += static_cast<std::size_t>(
        std::count_if(out, out + size, [](char c) { return kIndicators.find(c) != std::string_view::npos; }));
    if (pending_ > kMaxPending) throw Refused{0, "a single value or [...] or {...} is too large"};
    return size;
  }

 private:
  static constexpr std::string_view kIndicators = "[]{},:?&*!\"'";
  // Enough for a ConfigMap of 1 MiB of JSON in one scalar.
  static constexpr std::size_t kMaxPending = 600'000;
  std::size_t pending_ = 0;
};

class Handler final : public YAML::EventHandler {
 public:
  Handler(std::string_view text, int firstLine, MeteredText& source, TreeBuilder& builder)
      : text_(text), firstLine_(firstLine), source_(source), builder_(builder) {}

  int lineOfMark(const YAML::Mark& mark) const { return mark.line < 0 ? 0 : mark.line + firstLine_; }
  int lastLine() const { return lastLine_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // The text was cut at its document markers before. yaml-cpp takes whatever it cannot fit into a finished document
    // for the next one.
    if (std::exchange(started_, true))
      throw Refused{lineOfMark(mark), "does not belong to what stands before it (check the indentation)"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    bool inFlowList = !levels_.empty() && levels_.back().flow && !levels_.back().map;
    if (inFlowList && text_.substr(offset(mark)).starts_with(','))
      throw Refused{lineOfMark(mark), "a comma without a value before it"};
    builder_.scalar(enter(mark, Shape::kNothing), Node::Kind::kNull, "", anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    builder_.alias(enter(mark, Shape::kOther), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& written) override {
    int line = enter(mark, Shape::kOther);
    std::string value = written;
    std::replace(value.begin(), value.end(), kHiddenQuestionMark, '?');
    // yaml-cpp 0.7 writes the escapes \N and \_ as single bytes.
    if (!isUtf8(value)) throw Refused{line, "a value is not valid UTF-8 (write \\u0085 and \\u00a0 for \\N and \\_)"};
    if (tag == "!") return builder_.scalar(line, Node::Kind::kString, std::move(value), anchor);
    if (tag == "?") {
      Scalar scalar = resolvePlain(value);
      return builder_.scalar(line, scalar.kind, std::move(scalar.text), anchor, value == "<<");
    }
    Result<Scalar> scalar = resolveTagged(tag, value);
    if (!scalar) throw Refused{line, scalar.error().message};
    builder_.scalar(line, scalar->kind, std::move(scalar->text), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    bool flow = style == YAML::EmitterStyle::Flow;
    builder_.beginList(enter(mark, flow ? Shape::kOther : Shape::kBlockList), anchor);
    levels_.push_back({.flow = flow, .map = false});
  }
  void OnSequenceEnd() override { leave(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    builder_.beginMap(enter(mark, Shape::kOther), anchor);
    levels_.push_back({.flow = style == YAML::EmitterStyle::Flow, .map = true});
  }
  void OnMapEnd() override { leave(); }

  // The first line that is indented with a tab since the last event and up to line `to`, where the parser gave up.
  // Tabs between brackets are allowed.
  std::optional<int> tabLine(int to) const {
    if (!levels_.empty() && levels_.back().flow) return std::nullopt;
    int line = firstLine_;
    for (std::size_t start = 0; start < text_.size() && line <= to; ++line) {
      if (line >= lastLine_ && tabAt(start)) return line;
      start = std::min(text_.find('\n', start), text_.size()) + 1;
    }
    return std::nullopt;
  }

 private:
  enum class Shape { kNothing, kBlockList, kOther };

  // A list or map that is not complete.
  struct Level {
    bool flow = false;
    bool map = false;
    bool haveKey = false;
    int keyLine = 0;
    int keyColumn = 0;
  };

  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
  }

  // The start of every node passes here. Answers its line.
  int enter(const YAML::Mark& mark, Shape shape) {
    source_.reported();
    int line = lineOfMark(mark);
    lastLine_ = std::max(lastLine_, line);
    std::size_t column = static_cast<std::size_t>(std::max(mark.column, 0));
    std::size_t start = offset(mark) - std::min(column, offset(mark));
    bool block = levels_.empty() || !levels_.back().flow;
    if (block && column > 0 && tabAt(start)) throw Refused{line, kTab};
    if (levels_.empty() || !levels_.back().map) return line;
    Level& map = levels_.back();
    map.haveKey = !map.haveKey;
    if (map.haveKey) {
      map.keyLine = line;
      map.keyColumn = mark.column;
    } else if (block && shape == Shape::kOther && line > map.keyLine && mark.column <= map.keyColumn &&
               text_.find_first_not_of(' ', start) == offset(mark) &&
               std::string_view("|>").find(text_[offset(mark)]) == std::string_view::npos) {
      // Only a list or a block scalar may start in the column of its key. yaml-cpp takes anything.
      throw Refused{line, "expected a key, or a value that is indented deeper than its key"};
    }
    return line;
  }

  void leave() {
    source_.reported();
    levels_.pop_back();
    builder_.end();
  }

  // Whether the line that starts at `start` has a tab before its first other character.
  bool tabAt(std::size_t start) const {
    if (start >= text_.size()) return false;
    std::size_t end = text_.find_first_not_of(" \t", start);
    if (end == std::string_view::npos || text_[end] == '\n' || text_[end] == '\r' || text_[end] == '#') return false;
    return text_.substr(start, end - start).find('\t') != std::string_view::npos;
  }

  std::string_view text_;
  int firstLine_;
  MeteredText& source_;
  TreeBuilder& builder_;
  bool started_ = false;
  int lastLine_ = 0;
  std::vector<Level> levels_;
};

bool isTab(const std::string& message) {
  return message == YAML::ErrorMsg::TAB_IN_INDENTATION;
}
bool isOpenQuote(const std::string& message) {
  return message == YAML::ErrorMsg::EOF_IN_SCALAR || message == YAML::ErrorMsg::DOC_IN_SCALAR;
}

// yaml-cpp speaks of its own token kinds; say what a person can look for.
std::string explain(const std::string& message, int lastLine) {
  auto is = [&](const char* known) { return message == known; };
  if (is(YAML::ErrorMsg::END_OF_MAP)) return "expected another key or the end of the object: check the indentation";
  if (is(YAML::ErrorMsg::END_OF_SEQ)) return "expected \"- \" or the end of the list: check the indentation";
  if (is(YAML::ErrorMsg::END_OF_MAP_FLOW)) return "expected ',' or '}'";
  if (is(YAML::ErrorMsg::END_OF_SEQ_FLOW)) return "expected ',' or ']'";
  if (is(YAML::ErrorMsg::FLOW_END)) return "']' or '}' without its opening bracket";
  if (is(YAML::ErrorMsg::MAP_VALUE))
    return "unexpected ':': check the indentation, and put text that holds \": \" in quotes";
  if (is(YAML::ErrorMsg::MAP_KEY)) return "unexpected '?'";
  if (is(YAML::ErrorMsg::BLOCK_ENTRY)) return "unexpected \"- \": check the indentation";
  if (is(YAML::ErrorMsg::UNKNOWN_ANCHOR)) return "the anchor that an alias refers to is not defined before it";
  if (is(YAML::ErrorMsg::UNKNOWN_TOKEN)) return "a value starts with a character that needs quotes";
  if (isOpenQuote(message))
    return "quotes are not closed" +
           (lastLine > 0 ? " (the last value before them is on line " + std::to_string(lastLine) + ")" : "");
  std::string shown = message;
  std::replace(shown.begin(), shown.end(), kHiddenQuestionMark, '?');
  return shown;
}

// `end`: appended to `text`.
void readOnce(std::string_view text, std::string_view end, int firstLine, TreeBuilder& builder) {
  std::string whole = hideQuestionMarks(text).append(end);
  int lastLine =
      firstLine + static_cast<int>(std::count(text.begin(), text.end(), '\n')) - (text.ends_with('\n') ? 1 : 0);
  MeteredText source(whole);
  Handler handler(text, firstLine, source, builder);
  auto refuse = [&](int line, std::string message) {
    if (line <= 0) line = std::max(handler.lastLine(), firstLine);
    throw Refused{std::min(line, lastLine), std::move(message)};
  };
  try {
    std::istream stream(&source);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const Refused& refused) {
    refuse(refused.line, refused.message);
  } catch (const YAML::Exception& error) {
    int line = handler.lineOfMark(error.mark);
    if (isTab(error.msg)) refuse(line, kTab);
    if (auto tab = handler.tabLine(line); tab && !isOpenQuote(error.msg)) refuse(*tab, kTab);
    refuse(line, "invalid YAML: " + explain(error.msg, handler.lastLine()));
  } catch (const std::exception& error) {
    refuse(0, "invalid YAML: " + std::string(error.what()));
  }
}

}  // namespace

void readYaml(std::string_view text, int firstLine, const ParseLimits& limits, TreeBuilder& builder) {
  // At the end of the text yaml-cpp takes open quotes for closed and half a key for a whole one. An end marker behind
  // it prevents the one, a comment the other.
  if (text.ends_with('\n')) return readOnce(text, "#\n...\n", firstLine, builder);
  // Without a last line end that would put one into a block scalar: try with it, then read without.
  std::size_t budget = limits.maxNodes;
  TreeBuilder trial(limits, budget);
  readOnce(text, "\n#\n...\n", firstLine, trial);
  readOnce(text, "", firstLine, builder);
}

}  // namespace cubelet::api
