#include "base/http/tls.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ip/address.hpp>

namespace cubelet::http {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

constexpr std::string_view kHttpStart = "HTTP/";

std::unexpected<Error> tlsFailure(const std::string& doing) {
  std::string text = doing;
  if (const unsigned long code = ERR_get_error(); code != 0) {
    const char* reason = ERR_reason_error_string(code);
    text += ": ";
    text += reason != nullptr ? reason : "unknown error";
  }
  ERR_clear_error();
  return fail(Code::kUnavailable, "", std::move(text));
}

}  // namespace

struct TlsContext::State {
  std::unique_ptr<SSL_CTX, FreeContext> context;
};

TlsContext::TlsContext() : state_(std::make_unique<State>()) {
  state_->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state_->context.get();
  if (context == nullptr) return;
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Nothing about the certificate counts, so neither does the length of its key.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Servers that close without saying so in TLS are common.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

TlsContext::~TlsContext() = default;

struct TlsSession::State {
  std::unique_ptr<SSL, FreeSession> session;
  BIO* in = nullptr;  // both belong to the session
  BIO* out = nullptr;
  std::string start;  // the first bytes of the server, while they tell something
};

TlsSession::TlsSession(TlsContext& context, const std::string& serverName) : state_(std::make_unique<State>()) {
  if (context.state_->context == nullptr) return;
  state_->session.reset(SSL_new(context.state_->context.get()));
  SSL* session = state_->session.get();
  if (session == nullptr) return;
  state_->in = BIO_new(BIO_s_mem());
  state_->out = BIO_new(BIO_s_mem());
  SSL_set_bio(session, state_->in, state_->out);
  SSL_set_connect_state(session);
  boost::system::error_code notAnAddress;
  static_cast<void>(boost::asio::ip::make_address(serverName, notAnAddress));
  if (notAnAddress) SSL_set_tlsext_host_name(session, serverName.c_str());
}

TlsSession::~TlsSession() = default;

void TlsSession::feed(std::string_view bytes) {
  if (state_->session == nullptr) return;
  if (state_->start.size() < kHttpStart.size()) state_->start += bytes.substr(0, kHttpStart.size());
  BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsSession::takeOutput() {
  std::string out;
  if (state_->session == nullptr) return out;
  out.resize(BIO_ctrl_pending(state_->out));
  if (out.empty()) return out;
  const int taken = BIO_read(state_->out, out.data(), static_cast<int>(out.size()));
  out.resize(static_cast<std::size_t>(std::max(taken, 0)));
  return out;
}

Result<bool> TlsSession::handshake() {
  if (state_->session == nullptr) return tlsFailure("cannot set up TLS");
  ERR_clear_error();
  const int done = SSL_do_handshake(state_->session.get());
  if (done == 1) return true;
  if (SSL_get_error(state_->session.get(), done) == SSL_ERROR_WANT_READ) return false;
  if (state_->start.starts_with(kHttpStart)) {
    ERR_clear_error();
    return fail(Code::kUnavailable, kPlainHttpAnswer, "http: server gave HTTP response to HTTPS client");
  }
  return tlsFailure("tls: handshake failure");
}

Result<void> TlsSession::encrypt(std::string_view plain) {
  ERR_clear_error();
  const int written = SSL_write(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  if (written == static_cast<int>(plain.size())) return {};
  return tlsFailure("tls: cannot encrypt");
}

Result<std::string> TlsSession::decrypt() {
  std::string plain;
  char piece[4096];
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(state_->session.get(), piece, sizeof piece);
    if (got > 0) {
      plain.append(piece, static_cast<std::size_t>(got));
      continue;
    }
    const int why = SSL_get_error(state_->session.get(), got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN || !plain.empty()) return plain;
    return tlsFailure("tls: cannot decrypt");
  }
}

bool TlsSession::closedByServer() const {
  return state_->session != nullptr && (SSL_get_shutdown(state_->session.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

}  // namespace cubelet::http
