// RequestReader: the bytes of a connection become requests. No I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kubelet/web/message.h"

namespace cubelet::web {

struct RequestLimits {
  std::size_t headerBytes = std::size_t{64} * 1024;  // request line and headers
  std::size_t bodyBytes = std::size_t{64} * 1024;    // no route reads much of one
};

// What is wrong with a request, and how to say so.
struct BadRequest {
  int status = 400;
  std::string text;
};

// Reads one request. Boost.Beast does the parsing; what it leaves open, and what could be read in two ways by us and by
// a proxy in front of us, is refused.
class RequestReader {
 public:
  explicit RequestReader(RequestLimits limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // True once the request is complete; false: more has to be added. After an error the connection is of no use.
  std::optional<BadRequest> add(std::string_view bytes);
  bool complete() const;
  // Something of a request has come.
  bool begun() const;
  // More than this may still be buffered of a header that does not end.
  std::size_t buffered() const;

  struct Taken {
    Request request;
    bool keepAlive = false;  // may the connection be used for another one
    bool http10 = false;
    std::string rest;  // bytes behind the request
  };
  // Once, when complete. An error: the request can be read but not be served.
  std::optional<BadRequest> take(Taken& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cubelet::web
