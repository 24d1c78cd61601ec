#include "base/tls/session.h"

#include <algorithm>
#include <openssl/ssl.h>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "base/tls/openssl.h"

namespace cubelet::tls {
namespace {

// OpenSSL's own memory buffer would be copied out of once more, and keeps its memory.
int appendTo(BIO* bio, const char* bytes, int size) {
  if (size <= 0) return 0;
  static_cast<std::string*>(BIO_get_data(bio))->append(bytes, static_cast<std::size_t>(size));
  return size;
}

long controlAppending(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* appending() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "string");
    BIO_meth_set_write(made, appendTo);
    BIO_meth_set_ctrl(made, controlAppending);
    return made;
  }();
  return method;
}

std::unexpected<Error> failed(std::string_view doing) {
  // Nothing in the queue: the other side ended the session where it must not.
  if (ERR_peek_error() == 0) return fail(Code::kUnavailable, "", std::string(doing));
  return fail(opensslError(Code::kUnavailable, doing));
}

bool isAddress(const std::string& name) {
  boost::system::error_code failure;
  static_cast<void>(boost::asio::ip::make_address(name, failure));
  return !failure;
}

}  // namespace

struct Session::State {
  std::string out;  // outlives the session, which writes to it
  std::unique_ptr<SSL, FreeWith<SSL_free>> session;
  BIO* in = nullptr;  // belongs to the session
};

Session::Session(const Context& context, const std::string& serverName) : state_(std::make_unique<State>()) {
  state_->session.reset(SSL_new(context.openssl()));
  SSL* session = state_->session.get();
  if (session == nullptr) return;
  state_->in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(appending());
  BIO_set_data(out, &state_->out);
  BIO_set_init(out, 1);
  SSL_set_bio(session, state_->in, out);
  if (context.side() == Side::kServer) {
    SSL_set_accept_state(session);
    return;
  }
  SSL_set_connect_state(session);
  if (!serverName.empty() && !isAddress(serverName)) SSL_set_tlsext_host_name(session, serverName.c_str());
}

Session::~Session() = default;

void Session::feed(std::string_view bytes) {
  if (state_->session != nullptr) BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
}

std::string Session::takeOutput() {
  return std::exchange(state_->out, std::string());
}

bool Session::hasOutput() const {
  return !state_->out.empty();
}

void Session::reuse(std::string sent) {
  if (!state_->out.empty() || sent.capacity() <= state_->out.capacity()) return;
  sent.clear();
  state_->out = std::move(sent);
}

void Session::releaseRoom() {
  if (state_->out.empty()) state_->out = std::string();
}

Result<bool> Session::handshake() {
  if (state_->session == nullptr) return failed("cannot set up TLS");
  ERR_clear_error();
  const int done = SSL_do_handshake(state_->session.get());
  if (done == 1) return true;
  if (SSL_get_error(state_->session.get(), done) == SSL_ERROR_WANT_READ) return false;
  return failed("tls: handshake failure");
}

std::vector<std::string> Session::peerCertificates() const {
  std::vector<std::string> out;
  auto add = [&out](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return;
    out.emplace_back(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  };
  // On the server's side the chain does not have the client's own certificate.
  SSL* session = state_->session.get();
  X509* own = SSL_is_server(session) == 1 ? SSL_get0_peer_certificate(session) : nullptr;
  if (own != nullptr) add(own);
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(session);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) add(sk_X509_value(chain, i));
  return out;
}

Result<void> Session::encrypt(std::string_view plain) {
  if (plain.empty()) return {};
  ERR_clear_error();
  const int written = SSL_write(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  if (written == static_cast<int>(plain.size())) return {};
  return failed("tls: cannot encrypt");
}

Result<std::string> Session::decrypt(std::size_t most) {
  std::string plain(most, '\0');
  ERR_clear_error();
  const int got = SSL_read(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  plain.resize(static_cast<std::size_t>(std::max(got, 0)));
  if (got > 0) return plain;
  const int why = SSL_get_error(state_->session.get(), got);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN) return plain;
  return failed("tls: cannot decrypt");
}

bool Session::ended() const {
  return state_->session != nullptr && (SSL_get_shutdown(state_->session.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void Session::sayEnd() {
  ERR_clear_error();
  SSL_shutdown(state_->session.get());
  ERR_clear_error();
}

}  // namespace cubelet::tls
