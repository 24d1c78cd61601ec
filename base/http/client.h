// Client: one GET over HTTP/1.1, on a connection of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/http/response_reader.h"
#include "base/http/url.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/tls/context.h"

namespace cubelet::http {

struct Request {
  Url url;
  // Sent as they are, in this order; a Host among them replaces the one of the URL. Empty values are sent too.
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t bodyLimit = 10240;  // as much of the answer's body is read
};

// No proxy, no keep-alive, no compression, no verification of certificates. A redirect to the same host is followed
// (ten at most), one to another host is the answer. Loop thread only.
class Client {
 public:
  // Names (not addresses) are looked up in `pool`.
  Client(Loop& loop, Clock& clock, BlockingPool& pool) : loop_(loop), clock_(clock), pool_(pool) {}

  // The whole exchange, redirects included, takes at most `timeout`; without one there is no limit. Errors read like
  // upstream's: `Get "http://10.0.0.1:80/": dial tcp 10.0.0.1:80: connect: connection refused`. kTimedOut: no answer in
  // time; kInternal: the answer is no HTTP; kInvalid: the request cannot be sent; kUnavailable: anything else, with
  // reason kPlainHttpAnswer when an HTTPS request was answered in plain HTTP. Cancelling the task ends the exchange.
  Task<Result<Response>> get(Request request, std::optional<Duration> timeout);

 private:
  Task<Result<Response>> exchange(Request request, TimePoint until);
  Task<Result<std::string>> addressOf(std::string host, TimePoint until);

  Loop& loop_;
  Clock& clock_;
  BlockingPool& pool_;
  std::shared_ptr<const tls::Context> tls_;  // made for the first HTTPS request
};

// An address of that host: itself when it is one. kUnavailable, kTimedOut.
Task<Result<std::string>> lookUp(BlockingPool* pool, std::string host, Duration timeout);

}  // namespace cubelet::http
