// SPDY/3.1 as the streaming servers of container runtimes speak it, the client's part that they need. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cubelet::client {

// What a client sends. Streams have odd ids that only grow.
class SpdyWriter {
 public:
  SpdyWriter();
  ~SpdyWriter();
  SpdyWriter(const SpdyWriter&) = delete;
  SpdyWriter& operator=(const SpdyWriter&) = delete;

  // Names of headers in lower case.
  std::string openStream(std::uint32_t id, const std::vector<std::pair<std::string, std::string>>& headers);
  // `last`: nothing more comes on this stream. At most 16 MiB - 1.
  static std::string data(std::uint32_t id, std::string_view bytes, bool last);
  static std::string reset(std::uint32_t id);
  static std::string pong(std::uint32_t ping);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;  // headers are one compressed stream for the whole connection
};

struct SpdyFrame {
  enum class Kind { kData, kReset, kPing, kGoAway, kOther };
  Kind kind = Kind::kOther;
  std::uint32_t id = 0;  // of the stream; of the ping
  bool last = false;     // nothing more comes on this stream
  std::string data;
};

// The bytes of a connection become frames. Flow control is left out, as those servers do.
class SpdyReader {
 public:
  void add(std::string_view bytes);
  // Nothing: more has to be added. kInvalid: this is not SPDY.
  Result<std::optional<SpdyFrame>> next();

 private:
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace cubelet::client
