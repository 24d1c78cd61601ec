// The server's side of TLS, without a socket: bytes in, bytes out. What is encrypted goes straight into the string that
// is sent.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cubelet::web {

// Names and numbers are those of the kubelet's configuration.
struct TlsSettings {
  std::string minVersion;                 // tlsMinVersion: "VersionTLS12"; empty: that
  std::vector<std::string> cipherSuites;  // tlsCipherSuites, Go's names, of TLS 1.2; empty: forward secret AEAD ones
  std::vector<int> curves;                // tlsCurvePreferences, IANA's numbers; empty: the library's
};

// One certificate with its key, and how to speak. Never changes: a new certificate is a new context, and connections
// keep the one that they were made with. Clients are asked for a certificate; whether it is any good is not judged
// here, only that the client has its key.
class TlsContext {
 public:
  // `certificates` and `key`: PEM, the leaf first. kInvalid: they do not fit together, or no cipher suite or curve that
  // is asked for is known here.
  static Result<std::shared_ptr<const TlsContext>> make(const std::string& certificates, const std::string& key,
                                                        const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  TlsContext();
  struct State;
  std::unique_ptr<State> state_;
};

class TlsSession {
 public:
  explicit TlsSession(const TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // What the client has sent.
  void feed(std::string_view bytes);
  // What must be sent to the client now; "" when nothing must.
  std::string takeOutput();
  // Room for the next output: what takeOutput() has answered, once it has been sent.
  void reuse(std::string sent);
  // Keeps no room.
  void releaseRoom();
  bool hasOutput() const;

  // True once the session is set up; false: more has to be fed.
  Result<bool> handshake();
  // Of the client, DER, its own first; empty when it sent none.
  std::vector<std::string> peerCertificates() const;
  Result<void> encrypt(std::string_view plain);
  // What has been decrypted, at most `most` bytes; "" when more has to be fed, or nothing comes any more (ended()).
  Result<std::string> decrypt(std::size_t most);
  // The client has said that nothing more comes.
  bool ended() const;
  // Says so to the client.
  void sayEnd();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cubelet::web
