#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "kubelet/api/codec.h"
#include "kubelet/api/readers.h"
#include "kubelet/api/scalars.h"

namespace cubelet::api {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
// A text with so many broken documents is something else than manifests.
constexpr int kMaxRefused = 20;

struct Chunk {
  std::string_view text;
  int line = 1;  // of its first byte
};

int countLines(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

int lineAt(std::string_view text, std::size_t offset) {
  return 1 + countLines(text.substr(0, offset));
}

// Nothing when `text` is text. Control characters are refused because YAML has none and because yaml-cpp takes one of
// them for the end of the text.
std::optional<Problem> findJunk(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return Problem{1, "", "the text is UTF-16: save it as UTF-8", true};
  auto isJunk = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; };
  auto junk = std::find_if(text.begin(), text.end(), isJunk);
  if (junk != text.end()) {
    constexpr char hex[] = "0123456789abcdef";
    auto byte = static_cast<unsigned char>(*junk);
    std::string code{'0', 'x', hex[byte >> 4], hex[byte & 15]};
    return Problem{lineAt(text, static_cast<std::size_t>(junk - text.begin())), "",
                   "not a text file: it holds the byte " + code, true};
  }
  if (isUtf8(text)) return std::nullopt;
  int line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    std::size_t end = std::min(text.find('\n', start), text.size());
    if (!isUtf8(text.substr(start, end - start))) break;
    start = end + 1;
  }
  return Problem{line, "", "not a text file: invalid UTF-8", true};
}

bool isBlankOrComment(std::string_view line) {
  std::size_t first = line.find_first_not_of(kSpace);
  return first == std::string_view::npos || line[first] == '#';
}

bool isStartMarker(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || kSpace.find(line[3]) != std::string_view::npos);
}

bool isEndMarker(std::string_view line) {
  return line.starts_with("...") && (line.size() == 3 || kSpace.find(line[3]) != std::string_view::npos) &&
         isBlankOrComment(line.substr(3));
}

enum class LineKind { kBlank, kDirective, kContent, kStart, kEnd };

LineKind lineKind(std::string_view line) {
  if (isStartMarker(line)) return LineKind::kStart;
  if (isEndMarker(line)) return LineKind::kEnd;
  if (line.starts_with('%')) return LineKind::kDirective;
  return isBlankOrComment(line) ? LineKind::kBlank : LineKind::kContent;
}

// Cuts at lines that start with "---" or "...": neither may start a line inside a document. A "---" stays at the head
// of what follows it, because content may stand behind it on the same line. Parts without content are left out.
std::vector<Chunk> splitDocuments(std::string_view text) {
  std::vector<Chunk> chunks;
  Chunk chunk;
  std::size_t chunkStart = 0;
  bool started = false;  // content or "---" was seen; before that there are only directives and comments
  bool content = false;
  auto finish = [&](std::size_t end) {
    chunk.text = text.substr(chunkStart, end - chunkStart);
    if (content) chunks.push_back(chunk);
  };
  int line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view current = text.substr(start, end - start);
    LineKind kind = lineKind(current);
    if (kind == LineKind::kEnd || (kind == LineKind::kStart && started)) {
      finish(start);
      chunkStart = kind == LineKind::kEnd ? start + 3 : start;
      chunk.line = line;
      started = content = false;
    }
    if (kind == LineKind::kStart) {
      started = true;
      content = lineKind(current.substr(3)) == LineKind::kContent;
    } else if (kind == LineKind::kContent || (kind == LineKind::kDirective && started)) {
      started = content = true;
    }
    start = end + 1;
  }
  finish(text.size());
  return chunks;
}

// Where JSON starts: '{' with '"' or '}' behind it. Other objects in braces are YAML.
std::optional<std::size_t> findJson(std::string_view text) {
  std::size_t at = text.find_first_not_of(kSpace, isStartMarker(text.substr(0, 4)) ? 3 : 0);
  if (at == std::string_view::npos || text[at] != '{') return std::nullopt;
  std::size_t next = text.find_first_not_of(kSpace, at + 1);
  // A text that ends here is a cut-off JSON.
  if (next != std::string_view::npos && text[next] != '"' && text[next] != '}') return std::nullopt;
  return at;
}

class DocumentReader {
 public:
  DocumentReader(const ParseLimits& limits, std::vector<Problem>& problems)
      : limits_(limits), budget_(limits.maxNodes), problems_(problems) {}

  std::vector<Document> read(std::string_view text) {
    for (const Chunk& chunk : splitDocuments(text)) {
      try {
        readChunk(chunk);
      } catch (const Refused& refused) {
        problems_.push_back({refused.line, "", refused.message, true});
        if (++refused_ == kMaxRefused) break;
      }
    }
    return std::move(documents_);
  }

 private:
  void readChunk(const Chunk& chunk) {
    auto json = findJson(chunk.text);
    if (!json) {
      refuseControls(chunk);
      TreeBuilder builder(limits_, budget_);
      readYaml(chunk.text, chunk.line, limits_, builder);
      return take(builder);
    }
    // One object after the other, as the API server streams them.
    int line = chunk.line + countLines(chunk.text.substr(0, *json));
    std::string_view rest = chunk.text.substr(*json);
    while (true) {
      TreeBuilder builder(limits_, budget_);
      rest.remove_prefix(readJson(rest, line, builder));
      take(builder);
      std::size_t next = rest.find_first_not_of(kSpace);
      if (next == std::string_view::npos) return;
      line += countLines(rest.substr(0, next));
      rest.remove_prefix(next);
      if (rest[0] != '{') throw Refused{line, "invalid JSON: unexpected text after the object"};
    }
  }

  // JSON allows these inside strings, YAML nowhere.
  void refuseControls(const Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.text.size(); ++i) {
      auto byte = static_cast<unsigned char>(chunk.text[i]);
      bool c1 = byte == 0xc2 && i + 1 < chunk.text.size() && static_cast<unsigned char>(chunk.text[i + 1]) < 0xa0 &&
                static_cast<unsigned char>(chunk.text[i + 1]) != 0x85;
      if (byte == 0x7f || c1)
        throw Refused{chunk.line + countLines(chunk.text.substr(0, i)),
                      "control character: write it as an escape in double quotes"};
    }
  }

  void take(const TreeBuilder& builder) {
    std::shared_ptr<const Node> root = builder.root();
    if (!root || root->kind == Node::Kind::kNull) return;
    if (root->kind != Node::Kind::kMap)
      throw Refused{root->line, "expected an object, got " + std::string(kindName(root->kind))};
    documents_.push_back(makeDocument(std::move(root)));
  }

  const ParseLimits& limits_;
  std::size_t budget_;
  std::vector<Problem>& problems_;
  std::vector<Document> documents_;
  int refused_ = 0;
};

std::string sizeText(std::size_t bytes) {
  constexpr std::size_t mib = 1 << 20;
  return bytes % mib == 0 ? std::to_string(bytes / mib) + " MiB" : std::to_string(bytes) + " bytes";
}

}  // namespace

std::vector<Document> parseDocuments(std::string_view text, const ParseLimits& limits, std::vector<Problem>& problems) {
  if (text.size() > limits.maxBytes) {
    problems.push_back({0, "", "larger than " + sizeText(limits.maxBytes), true});
    return {};
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (auto junk = findJunk(text)) {
    problems.push_back(*std::move(junk));
    return {};
  }
  return DocumentReader(limits, problems).read(text);
}

}  // namespace cubelet::api
