#include "base/http/response_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/ascii_case.h"

namespace cubelet::http {
namespace {

constexpr std::size_t kMaxHeadBytes = std::size_t{256} << 10;

std::unexpected<Error> malformed(std::string what) {
  return fail(Code::kInternal, "", "malformed HTTP " + std::move(what));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Or what may become one.
bool isLineEnd(std::string_view text) {
  return text.starts_with('\n') || std::string_view("\r\n").starts_with(text.substr(0, 2));
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 100;
  std::string out = "\"";
  for (char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < ' ' || byte >= 0x7f ? '?' : c;
  }
  return out + "\"";
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& header) { return sameIgnoringCase(header.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

bool ResponseReader::takeLine(std::string* line) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return false;
  *line = buffer_.substr(0, end > 0 && buffer_[end - 1] == '\r' ? end - 1 : end);
  buffer_.erase(0, end + 1);
  headBytes_ += end + 1;
  return true;
}

Result<void> ResponseReader::feed(std::string_view bytes) {
  buffer_ += bytes;
  std::string line;
  for (;;) {
    Result<void> read;
    switch (part_) {
      case Part::kStatusLine:
      case Part::kHeaders:
      case Part::kChunkSize:
      case Part::kChunkEnd:
        if (headBytes_ + buffer_.size() > kMaxHeadBytes && part_ != Part::kChunkEnd)
          return malformed("response: its headers are too long");
        // Something else than HTTP need not wait for a line end that may never come.
        if (part_ == Part::kStatusLine && !std::string_view("HTTP/").starts_with(buffer_.substr(0, 5)))
          return malformed("response " + quoted(buffer_));
        // Nor would a chunk that does not end where it said.
        if (part_ == Part::kChunkEnd && !isLineEnd(buffer_)) return malformed("chunked encoding");
        if (!takeLine(&line)) return {};
        if (part_ == Part::kStatusLine)
          read = readStatusLine(line);
        else if (part_ == Part::kHeaders)
          read = readHeader(line);
        else if (part_ == Part::kChunkSize)
          read = readChunkSize(line);
        else
          part_ = Part::kChunkSize;
        if (!read) return read;
        break;
      case Part::kBody:
      case Part::kChunk:
        if (buffer_.empty()) return {};
        takeBody();
        break;
      case Part::kDone:
        return {};
    }
  }
}

Result<void> ResponseReader::readStatusLine(const std::string& line) {
  const std::size_t space = line.find(' ');
  if (!line.starts_with("HTTP/1.") || space == std::string::npos) return malformed("response " + quoted(line));
  const std::string_view words = trimmed(std::string_view(line).substr(space));
  const std::string_view code = words.substr(0, words.find(' '));
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), response_.status);
  if (error != std::errc() || code.size() != 3 || end != code.data() + 3 || response_.status < 100)
    return malformed("status code in " + quoted(line));
  part_ = Part::kHeaders;
  return {};
}

Result<void> ResponseReader::readHeader(const std::string& line) {
  if (line.empty()) return beginBody();
  const bool continues = line.front() == ' ' || line.front() == '\t';
  if (continues && !response_.headers.empty()) {
    response_.headers.back().second += " " + std::string(trimmed(line));
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return malformed("header line " + quoted(line));
  response_.headers.emplace_back(line.substr(0, colon), trimmed(std::string_view(line).substr(colon + 1)));
  return {};
}

Result<void> ResponseReader::beginBody() {
  const int status = response_.status;
  if (status < 200 && status != 101) {
    response_ = Response();
    part_ = Part::kStatusLine;
    return {};
  }
  if (status == 101 || status == 204 || status == 304 || bodyLimit_ == 0) {
    part_ = Part::kDone;
    return {};
  }
  if (sameIgnoringCase(response_.header("Transfer-Encoding"), "chunked")) {
    chunked_ = true;
    part_ = Part::kChunkSize;
    return {};
  }
  part_ = Part::kBody;
  const std::string_view length = response_.header("Content-Length");
  untilClosed_ = length.empty();
  if (untilClosed_) return {};
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), left_);
  if (error != std::errc() || end != length.data() + length.size())
    return malformed("Content-Length " + quoted(length));
  if (left_ == 0) part_ = Part::kDone;
  return {};
}

Result<void> ResponseReader::readChunkSize(const std::string& line) {
  const std::string_view size = trimmed(std::string_view(line).substr(0, line.find(';')));
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (error != std::errc() || end != size.data() + size.size()) return malformed("chunk size " + quoted(line));
  // Trailers tell nothing that is asked for here.
  part_ = left_ == 0 ? Part::kDone : Part::kChunk;
  headBytes_ = 0;
  return {};
}

void ResponseReader::takeBody() {
  std::size_t taken = buffer_.size();
  if (!untilClosed_) taken = static_cast<std::size_t>(std::min<std::uint64_t>(taken, left_));
  const std::size_t kept = std::min(taken, bodyLimit_ - response_.body.size());
  response_.body.append(buffer_, 0, kept);
  buffer_.erase(0, taken);
  if (!untilClosed_) left_ -= taken;
  const bool ended = !untilClosed_ && left_ == 0;
  if (response_.body.size() >= bodyLimit_)
    part_ = Part::kDone;
  else if (ended)
    part_ = chunked_ ? Part::kChunkEnd : Part::kDone;
}

Result<void> ResponseReader::end() {
  if (part_ == Part::kBody && untilClosed_) part_ = Part::kDone;
  if (part_ == Part::kDone) return {};
  const bool nothing = part_ == Part::kStatusLine && buffer_.empty();
  return fail(Code::kUnavailable, "", nothing ? "EOF" : "unexpected EOF");
}

}  // namespace cubelet::http
