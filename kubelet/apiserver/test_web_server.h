// For tests: a web server on the loop that keeps to the protocol where it matters and breaks it on request.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "base/task_group.h"

namespace cubelet::apiserver {

// What came in. Over HTTP/2 method, target and headers are not decoded.
struct ServedRequest {
  std::string method = {};
  std::string target = {};
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};
  std::string client = {};  // common name of the client's certificate
  int connection = 0;       // counts from 1
};

struct Reply {
  int status = 200;
  std::string body = {};
  std::string contentType = "application/json";
  std::vector<std::string> headers = {};  // further lines, HTTP/1.1 only
  enum class Then {
    kComplete,
    kOpen,     // more of the body follows: see OpenReply
    kNothing,  // not even the head is sent
    kCut,      // the connection ends where the body should go on
  } then = Then::kComplete;
};

// A reply whose body the test sends, and a request whose reply it may hold back for ever.
class OpenReply {
 public:
  virtual ~OpenReply() = default;
  virtual void send(std::string_view piece) = 0;
  virtual void finish(std::string_view last = {}) = 0;
  // Ends the connection as it is, HTTP/2: with all that is on it.
  virtual void cut() = 0;
  // HTTP/2 only: ends this reply with an error.
  virtual void reset() = 0;
  // The client has given it up.
  virtual bool abandoned() const = 0;
};

class TestWebServer {
 public:
  struct Tls {
    std::string certificate;  // PEM
    std::string key;
    std::string clientAuthority = {};  // not empty: a certificate is asked for, none is required
    bool http2 = false;                // spoken when the client offers it
  };

  // Without `tls` plain HTTP/1.1.
  explicit TestWebServer(Loop& loop, std::optional<Tls> tls = std::nullopt);
  ~TestWebServer();
  TestWebServer(const TestWebServer&) = delete;
  TestWebServer& operator=(const TestWebServer&) = delete;

  std::uint16_t port() const;
  // For TLS connections that are made from now on.
  void use(const Tls& tls);
  // Closes connections that wait for a request.
  void closeConnections();

  std::function<Reply(const ServedRequest&)> answer = [](const ServedRequest&) { return Reply{.body = "{}"}; };
  std::vector<ServedRequest> requests;
  std::vector<std::shared_ptr<OpenReply>> open;  // of kOpen and kNothing, in order
  int connections = 0;
  std::string lastServerName;  // TLS: what the client asked for

  struct Parts;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace cubelet::apiserver
