// Answers as bytes.
#pragma once

#include <string>
#include <string_view>

#include "kubelet/web/message.h"

namespace cubelet::web {

enum class BodyFraming {
  kLength,     // all of `body`
  kChunked,    // of a stream
  kUntilClose  // of a stream for HTTP/1.0
};

// The head, up to and with the empty line. Line breaks in headers become spaces.
std::string responseHead(const Reply& reply, BodyFraming framing, bool keepAlive, bool http10);
// What stands before and behind each piece of a chunked body, and at its end.
std::string chunkHead(std::size_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
// "Not Found"
std::string_view reasonPhrase(int status);

}  // namespace cubelet::web
