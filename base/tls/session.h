// Session: TLS on one connection, without a socket: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tls/context.h"

namespace cubelet::tls {

// Whatever feed() was given, handshake() and decrypt() may have something to say to the other side: look at hasOutput()
// after them, after errors too: an alert explains them. Errors are kUnavailable and final. That the connection has
// ended is for the owner of the socket to see.
class Session {
 public:
  // The context need not outlive it. A client tells `serverName` to the server unless it is empty or an address.
  explicit Session(const Context& context, const std::string& serverName = "");
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // What the other side has sent.
  void feed(std::string_view bytes);
  // What must be sent to the other side now; "" when nothing must.
  std::string takeOutput();
  bool hasOutput() const;
  // Room for the next output: what takeOutput() has answered, once it has been sent.
  void reuse(std::string sent);
  // Keeps no room.
  void releaseRoom();

  // True once the session is set up; false: more has to be fed.
  Result<bool> handshake();
  // Of the other side, DER, its own first; empty when it showed none.
  std::vector<std::string> peerCertificates() const;

  // Both only after the handshake. What is encrypted stands in the output, whole.
  Result<void> encrypt(std::string_view plain);
  // What has been decrypted, at most `most` bytes; "" when more has to be fed, or nothing comes any more (ended()).
  Result<std::string> decrypt(std::size_t most);

  // The other side has said that nothing more comes.
  bool ended() const;
  // Says so to the other side.
  void sayEnd();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cubelet::tls
