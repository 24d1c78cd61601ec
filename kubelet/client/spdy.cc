#include "kubelet/client/spdy.h"

#include <zlib.h>

namespace cubelet::client {
namespace {

constexpr std::uint16_t kVersion = 0x8003;  // a control frame of version 3
constexpr std::uint16_t kSynStream = 1;
constexpr std::uint16_t kSynReply = 2;
constexpr std::uint16_t kRstStream = 3;
constexpr std::uint16_t kPing = 6;
constexpr std::uint16_t kGoAway = 7;
constexpr std::uint8_t kLast = 1;
constexpr std::uint32_t kCancel = 5;
constexpr std::size_t kHead = 8;

void put16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value & 0xffff));
}
std::uint32_t get32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint32_t flagsAndLength(std::uint8_t flags, std::size_t length) {
  return static_cast<std::uint32_t>(flags) << 24 | static_cast<std::uint32_t>(length & 0xffffff);
}

std::string control(std::uint16_t type, std::string_view body) {
  std::string out;
  put16(out, kVersion);
  put16(out, type);
  put32(out, flagsAndLength(0, body.size()));
  return out.append(body);
}

}  // namespace

struct SpdyWriter::Compressor {
  Compressor() { ::deflateInit(&stream, Z_DEFAULT_COMPRESSION); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { ::deflateEnd(&stream); }

  // Everything so far can be read by the other side. The protocol's dictionary is not used: a reader must take what
  // comes without it, too.
  std::string add(std::string text) {
    std::string out(::deflateBound(&stream, text.size()) + 16, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(text.data());
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_SYNC_FLUSH);
    out.resize(out.size() - stream.avail_out);
    return out;
  }
  z_stream stream{};
};

SpdyWriter::SpdyWriter() : compressor_(std::make_unique<Compressor>()) {}

SpdyWriter::~SpdyWriter() = default;

std::string SpdyWriter::openStream(std::uint32_t id, const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string pairs;
  put32(pairs, static_cast<std::uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    put32(pairs, static_cast<std::uint32_t>(name.size()));
    pairs += name;
    put32(pairs, static_cast<std::uint32_t>(value.size()));
    pairs += value;
  }
  std::string body;
  put32(body, id);
  put32(body, 0);  // belongs to no other stream
  put16(body, 0);  // priority, slot
  return control(kSynStream, body + compressor_->add(std::move(pairs)));
}

std::string SpdyWriter::data(std::uint32_t id, std::string_view bytes, bool last) {
  std::string out;
  put32(out, id);
  put32(out, flagsAndLength(last ? kLast : 0, bytes.size()));
  return out.append(bytes);
}

std::string SpdyWriter::reset(std::uint32_t id) {
  std::string body;
  put32(body, id);
  put32(body, kCancel);
  return control(kRstStream, body);
}

std::string SpdyWriter::pong(std::uint32_t ping) {
  std::string body;
  put32(body, ping);
  return control(kPing, body);
}

void SpdyReader::add(std::string_view bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += bytes;
}

Result<std::optional<SpdyFrame>> SpdyReader::next() {
  const std::string_view bytes = std::string_view(buffer_).substr(at_);
  if (bytes.size() < kHead) return std::nullopt;
  const std::uint32_t first = get32(bytes);
  const std::uint32_t second = get32(bytes.substr(4));
  const std::size_t length = second & 0xffffff;
  const bool isControl = (first & 0x80000000) != 0;
  const std::uint16_t type = first & 0xffff;
  const bool needsId = type == kSynStream || type == kSynReply || type == kRstStream || type == kPing;
  if (isControl && (first >> 16 != kVersion || (needsId && length < 4)))
    return fail(Code::kInvalid, "", "the runtime's streaming server sends something other than SPDY/3.1");
  if (bytes.size() < kHead + length) return std::nullopt;
  const std::string_view body = bytes.substr(kHead, length);

  SpdyFrame frame;
  frame.last = (second >> 24 & kLast) != 0;
  if (!isControl) {
    frame.kind = SpdyFrame::Kind::kData;
    frame.id = first;
    frame.data = body;
    at_ += kHead + length;
    return frame;
  }
  if (needsId) frame.id = get32(body);
  if (type == kRstStream) frame.kind = SpdyFrame::Kind::kReset;
  if (type == kPing) frame.kind = SpdyFrame::Kind::kPing;
  if (type == kGoAway) frame.kind = SpdyFrame::Kind::kGoAway;
  at_ += kHead + length;
  return frame;
}

}  // namespace cubelet::client
