// CurlTransport: the transport that the agent uses, on libcurl.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "base/clock.h"
#include "base/curl/multi.h"
#include "base/loop.h"
#include "kubelet/apiserver/credentials.h"
#include "kubelet/apiserver/kubeconfig.h"
#include "kubelet/apiserver/transport.h"

namespace cubelet::apiserver {

// "kubelet/v1.36.1 (linux/amd64) kubernetes/<commit>" (surface 4.1).
std::string kubeletUserAgent(std::string_view version, std::string_view commit);

// False when the environment variable DISABLE_HTTP2 is set to anything.
bool http2Wanted();

// Where the server speaks HTTP/2, one connection carries all streams and one all that is answered at once (each up to a
// hundred at a time). Certificate files are
// read for each new connection; a client certificate that has become another one, in its file or from a plug-in, ends
// the connections that were made with the old one before the next request. A server that vanished without a word is
// noticed by TCP (keepalive) within 45 s. A 401 is tried once more when a plug-in may have fresh credentials. The
// process must ignore SIGPIPE. Loop thread only; no task may be in send() or stream() when it is destroyed.
class CurlTransport final : public Transport {
 public:
  struct Options {
    std::string userAgent = "cubelet";
    Duration timeout = std::chrono::seconds(30);          // of requests that name none; a plug-in's time is not counted
    std::size_t maxBody = std::size_t{64} * 1024 * 1024;  // of an answer, unpacked; more is kExhausted
    bool http2 = http2Wanted();
  };

  CurlTransport(Loop& loop, Clock& clock, ClientConfig config, Options options);
  CurlTransport(Loop& loop, Clock& clock, ClientConfig config)
      : CurlTransport(loop, clock, std::move(config), Options{}) {}
  ~CurlTransport() override;

  Task<Result<Response>> send(Request request) override;
  Task<Result<Response>> stream(Request request, std::function<void(std::string_view)> onData) override;
  Task<bool> canConnect(Duration within) override;
  void closeConnections() override;

  // Replaces what the kubeconfig says, and ends the connections.
  void setClientCertificate(Pem certificate, Pem key);

 private:
  class Exchange;
  struct Pool {
    Pool(Loop& loop, const curl::Library& library, bool forStreams) : multi(loop, library), streams(forStreams) {}
    curl::Multi multi;
    const bool streams;
    std::size_t used = 0;
  };
  using OnData = std::function<void(std::string_view)>;

  // Whom the connections speak for. A file counts as another one when it was replaced or written.
  struct Identity {
    Pem certificate;
    Pem key;
    ino_t inode = 0;
    std::pair<time_t, long> modified;
    bool operator==(const Identity&) const = default;
  };
  static Identity identityOf(const Credential& credential);

  Task<Result<Response>> authorized(Request request, OnData onData);
  Task<Result<Response>> once(Request request, OnData onData, Credential credential);
  void speakFor(const Credential& credential);
  Pool& enterPool(const curl::Library& library, bool streams);
  void leavePool(Pool& pool);

  Loop& loop_;
  Clock& clock_;
  ClientConfig config_;
  Options options_;
  Credentials credentials_;
  std::optional<Identity> identity_;  // nothing while there are no connections
  std::set<Exchange*> underWay_;
  std::list<Pool> pools_;
};

}  // namespace cubelet::apiserver
