// The client's side of TLS, without a socket: bytes in, bytes out. Certificates are not verified.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::http {

// What all sessions share; made once.
class TlsContext {
 public:
  TlsContext();
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  struct State;
  std::unique_ptr<State> state_;
};

// The reason of the error when the other side answers in plain HTTP.
inline constexpr char kPlainHttpAnswer[] = "PlainHttpAnswer";

class TlsSession {
 public:
  // `serverName` goes to the server unless it is an address.
  TlsSession(TlsContext& context, const std::string& serverName);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // What the server has sent.
  void feed(std::string_view bytes);
  // What must be sent to the server now; "" when nothing must.
  std::string takeOutput();

  // True once the session is set up; false: more has to be fed.
  Result<bool> handshake();
  Result<void> encrypt(std::string_view plain);
  // What has been decrypted; "" when more has to be fed.
  Result<std::string> decrypt();
  // The server has said that nothing more comes.
  bool closedByServer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cubelet::http
