// ResponseReader: the answer of an HTTP/1.x server, piece by piece. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cubelet::http {

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // in their order, as they were sent
  std::string body;                                          // at most as much as was asked for

  // The first header of that name, whatever its case; "" when there is none.
  std::string_view header(std::string_view name) const;
};

// As lenient as upstream's client: lines may end with a bare line feed, the reason phrase may be missing. Informational
// answers (1xx) are skipped.
class ResponseReader {
 public:
  explicit ResponseReader(std::size_t bodyLimit) : bodyLimit_(bodyLimit) {}

  // What has been read from the connection. kInternal: that is no HTTP.
  Result<void> feed(std::string_view bytes);
  // The other side has closed. kUnavailable: too early.
  Result<void> end();
  // Nothing more is needed: the answer is complete, or its body has reached the limit.
  bool done() const { return part_ == Part::kDone; }
  Response& response() { return response_; }

 private:
  enum class Part { kStatusLine, kHeaders, kBody, kChunkSize, kChunk, kChunkEnd, kDone };

  bool takeLine(std::string* line);
  Result<void> readStatusLine(const std::string& line);
  Result<void> readHeader(const std::string& line);
  Result<void> beginBody();
  Result<void> readChunkSize(const std::string& line);
  void takeBody();

  const std::size_t bodyLimit_;
  Part part_ = Part::kStatusLine;
  Response response_;
  std::string buffer_;
  std::size_t headBytes_ = 0;
  bool untilClosed_ = false;  // the body ends with the connection
  std::uint64_t left_ = 0;    // of the body or of the chunk
  bool chunked_ = false;
};

}  // namespace cubelet::http
