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
// One piece of a chunked body; "" makes the last one.
std::string chunk(std::string_view text);
// "Not Found"
std::string_view reasonPhrase(int status);

}  // namespace cubelet::web
