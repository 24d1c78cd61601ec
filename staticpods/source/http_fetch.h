// One HTTP GET at a time, on the loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::staticpods {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string url;  // http or https
  std::vector<HttpHeader> headers;
  Duration timeout = std::chrono::seconds(10);           // for everything, redirects included
  std::size_t maxBytes = std::size_t{10} * 1024 * 1024;  // of the body
};

// libcurl under the loop: no thread but that of the name resolver, no timer while nothing is fetched. Loop thread only.
class HttpFetch {
 public:
  HttpFetch(Loop& loop, Clock& clock);

  // The body of a 200 answer; redirects are followed. kUnavailable: no connection, a broken one, or another status.
  // kTimedOut. kExhausted: more than maxBytes. kInvalid: not a URL that can be fetched. One call at a time; cancelling
  // the task drops the connection.
  Task<Result<std::string>> get(HttpRequest request);

 private:
  class Transfer;
  Loop& loop_;
  Clock& clock_;
};

}  // namespace cubelet::staticpods
