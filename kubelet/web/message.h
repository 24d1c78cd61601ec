// What a client asks and what it is answered. See router.h for who answers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"
#include "kubelet/web/target.h"

namespace cubelet::web {

class Connection;

using Header = std::pair<std::string, std::string>;

// Names are compared without regard to case. Empty when there is none.
std::string_view headerOf(const std::vector<Header>& headers, std::string_view name);

// Whom authentication has found.
struct Identity {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
  bool operator==(const Identity&) const = default;
};

struct Request {
  std::string method;  // "GET"
  Target target;       // path and query, decoded; the path has been checked by isPlainPath()
  std::vector<Header> headers;
  std::string body;
  std::string peer;                               // numeric address of the client
  std::vector<std::string> certificates;          // of the client, DER, its own first; not verified
  Identity identity;                              // empty on ports that ask nobody
  std::map<std::string, std::string> parameters;  // what the {names} of the route's pattern stand for

  std::string_view header(std::string_view name) const { return headerOf(headers, name); }
  const std::string& parameter(const std::string& name) const { return parameters.at(name); }
};
using RequestPtr = std::shared_ptr<const Request>;

// The body of an answer that is made while the client reads it.
class BodySource {
 public:
  enum class Next {
    kMore,   // read() at once
    kLater,  // wait() first
    kEnd     // that was all
  };
  virtual ~BodySource() = default;
  // Appends the next piece to `out`, or nothing. Never waits. Asked again only when the client has taken the last
  // piece, so a slow client costs one piece of memory. `out` has room already where it can be had for nothing: all
  // streams share it.
  virtual Next read(std::string& out) = 0;
  // Until read() may have more.
  virtual Task<void> wait() = 0;
  // The client is gone: ends a wait().
  virtual void stop() = 0;
};

// Speaks with the client itself from here on; the server only closes the connection afterwards.
class Takeover {
 public:
  virtual ~Takeover() = default;
  virtual Task<void> run(std::shared_ptr<Connection> client) = 0;
};

struct Reply {
  int status = 200;
  std::string contentType = "text/plain; charset=utf-8";
  std::string body;
  std::vector<Header> headers;         // further ones
  std::shared_ptr<BodySource> source;  // instead of `body`
  std::shared_ptr<Takeover> takeover;  // instead of all of the above: nothing is sent before
};

// A text for people, as it is.
Reply textReply(int status, std::string text);
Reply jsonReply(std::string json);

}  // namespace cubelet::web
