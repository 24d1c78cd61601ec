// What a request for exec, attach or port-forward asks for, and how it is handed on to the runtime. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/web/message.h"

namespace cubelet::nodeapi {

// Which streams of a process the client wants (SRV-12).
struct Streams {
  bool input = false;
  bool output = false;
  bool error = false;
  bool tty = false;
};
Streams streamsOf(const web::Target& target);

// The client wants to speak another protocol on the connection; which one is between it and the runtime.
bool asksForUpgrade(const web::Request& request);

// Where the runtime serves a stream: "http://127.0.0.1:4711/exec/token".
struct StreamUrl {
  std::string host;  // numeric
  std::uint16_t port = 0;
  std::string path;  // with query
};
Result<StreamUrl> parseStreamUrl(std::string_view url);

// The client's request as the runtime gets it: same method and headers, but for its credentials, and its own path.
std::string forwardedRequest(const web::Request& request, const StreamUrl& url);

}  // namespace cubelet::nodeapi
