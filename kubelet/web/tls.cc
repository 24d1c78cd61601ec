#include "kubelet/web/tls.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

namespace cubelet::web {
namespace {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

// What Go offers for TLS 1.2 by itself.
constexpr char kUsualCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES";
// Those of TLS 1.3, in Go's order: AES with 128 bits costs two thirds of the time that it costs with 256.
constexpr char kSuitesOfTls13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kHttp11[] = "\x08http/1.1";

std::unexpected<Error> tlsFailure(Code code, const std::string& doing) {
  const unsigned long why = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(why);
  ERR_clear_error();
  return fail(code, "", doing + ": " + (reason != nullptr ? reason : "unknown error"));
}

int minVersion(const std::string& name) {
  if (name == "VersionTLS13") return TLS1_3_VERSION;
  if (name == "VersionTLS11") return TLS1_1_VERSION;
  if (name == "VersionTLS10") return TLS1_VERSION;
  return TLS1_2_VERSION;
}

// Go's names are IANA's, but for two old ones.
std::string ianaName(const std::string& name) {
  if (name.ends_with("_CHACHA20_POLY1305")) return name + "_SHA256";
  return name;
}

// OpenSSL's names of those that are for TLS 1.2; those of 1.3 are always on, as in Go.
Result<std::string> cipherList(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return std::string(kUsualCiphers);
  if (SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") != 1)
    return tlsFailure(Code::kInternal, "list cipher suites");
  STACK_OF(SSL_CIPHER)* known = SSL_CTX_get_ciphers(context);
  std::string list;
  bool forTls13 = false;
  for (const std::string& name : names) {
    for (int i = 0; i < sk_SSL_CIPHER_num(known); ++i) {
      const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(known, i);
      const char* standard = SSL_CIPHER_standard_name(cipher);
      if (standard == nullptr || ianaName(name) != standard) continue;
      if (std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3")
        forTls13 = true;
      else
        list += (list.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(cipher));
    }
  }
  // Only suites of 1.3: no client of 1.2 can speak with us, which is what was asked for.
  if (list.empty() && forTls13) return std::string(kUsualCiphers);
  if (list.empty()) return fail(Code::kInvalid, "", "tlsCipherSuites: none of them is known to this machine's OpenSSL");
  return list;
}

const char* curveName(int number) {
  switch (number) {
    case 23:
      return "P-256";
    case 24:
      return "P-384";
    case 25:
      return "P-521";
    case 29:
      return "X25519";
    default:
      return nullptr;
  }
}

Result<void> setCurves(SSL_CTX* context, const std::vector<int>& numbers) {
  std::string list;
  for (int number : numbers)
    if (const char* name = curveName(number)) list += (list.empty() ? "" : ":") + std::string(name);
  if (list.empty() && !numbers.empty())
    return fail(Code::kInvalid, "", "tlsCurvePreferences: none of them is known to this machine's OpenSSL");
  if (!list.empty() && SSL_CTX_set1_groups_list(context, list.c_str()) != 1)
    return tlsFailure(Code::kInvalid, "tlsCurvePreferences");
  return {};
}

Bio bioOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without it OpenSSL would ask on the terminal for the password of an encrypted key.
int noPassword(char*, int, int, void*) {
  return -1;
}

Result<void> setCertificate(SSL_CTX* context, const std::string& certificates, const std::string& key) {
  const Bio chain = bioOf(certificates);
  std::unique_ptr<X509, FreeWith<X509_free>> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
    return tlsFailure(Code::kInvalid, "read the serving certificate");
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return tlsFailure(Code::kInvalid, "read the serving certificate's chain");
    }
  ERR_clear_error();
  const Bio secret = bioOf(key);
  std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> parsed(
      PEM_read_bio_PrivateKey(secret.get(), nullptr, noPassword, nullptr));
  if (!parsed || SSL_CTX_use_PrivateKey(context, parsed.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return tlsFailure(Code::kInvalid, "read the serving certificate's key");
  return {};
}

// HTTP/1.1 is all that we speak.
int chooseProtocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                   unsigned int offeredSize, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(kHttp11), sizeof kHttp11 - 1, offered,
                            offeredSize) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int acceptAnyCertificate(X509_STORE_CTX*, void*) {
  return 1;
}

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

}  // namespace

struct TlsContext::State {
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context;
};

TlsContext::TlsContext() : state_(std::make_unique<State>()) {}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const std::string& certificates, const std::string& key,
                                                           const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->state_->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made->state_->context.get();
  if (context == nullptr) return tlsFailure(Code::kInternal, "set up TLS");
  Result<std::string> ciphers = cipherList(context, settings.cipherSuites);
  if (!ciphers) return fail(ciphers.error());
  if (SSL_CTX_set_cipher_list(context, ciphers->c_str()) != 1) return tlsFailure(Code::kInvalid, "tlsCipherSuites");
  if (SSL_CTX_set_ciphersuites(context, kSuitesOfTls13) != 1) return tlsFailure(Code::kInternal, "set up TLS 1.3");
  if (Result<void> set = setCurves(context, settings.curves); !set) return fail(set.error());
  SSL_CTX_set_min_proto_version(context, minVersion(settings.minVersion));
  if (Result<void> set = setCertificate(context, certificates, key); !set) return fail(set.error());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, acceptAnyCertificate, nullptr);
  // A resumed session would carry a certificate that nobody has shown a key for today.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
  return made;
}

struct TlsSession::State {
  std::string out;  // outlives the session, which writes to it
  std::unique_ptr<SSL, FreeWith<SSL_free>> session;
  BIO* in = nullptr;  // belongs to the session
};

TlsSession::TlsSession(const TlsContext& context) : state_(std::make_unique<State>()) {
  state_->session.reset(SSL_new(context.state_->context.get()));
  SSL* session = state_->session.get();
  if (session == nullptr) return;
  state_->in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(appending());
  BIO_set_data(out, &state_->out);
  BIO_set_init(out, 1);
  SSL_set_bio(session, state_->in, out);
  SSL_set_accept_state(session);
}

TlsSession::~TlsSession() = default;

void TlsSession::feed(std::string_view bytes) {
  if (state_->session != nullptr) BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsSession::takeOutput() {
  return std::exchange(state_->out, std::string());
}

void TlsSession::reuse(std::string sent) {
  if (!state_->out.empty() || sent.capacity() <= state_->out.capacity()) return;
  sent.clear();
  state_->out = std::move(sent);
}

void TlsSession::releaseRoom() {
  if (state_->out.empty()) state_->out = std::string();
}

bool TlsSession::hasOutput() const {
  return !state_->out.empty();
}

Result<bool> TlsSession::handshake() {
  if (state_->session == nullptr) return tlsFailure(Code::kInternal, "set up TLS");
  ERR_clear_error();
  const int done = SSL_do_handshake(state_->session.get());
  if (done == 1) return true;
  if (SSL_get_error(state_->session.get(), done) == SSL_ERROR_WANT_READ) return false;
  return tlsFailure(Code::kInvalid, "TLS handshake");
}

std::vector<std::string> TlsSession::peerCertificates() const {
  std::vector<std::string> out;
  auto add = [&out](X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return;
    out.emplace_back(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  };
  // On the server's side the chain does not have the client's own certificate.
  if (X509* own = SSL_get0_peer_certificate(state_->session.get())) add(own);
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(state_->session.get());
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) add(sk_X509_value(chain, i));
  return out;
}

Result<void> TlsSession::encrypt(std::string_view plain) {
  if (plain.empty()) return {};
  ERR_clear_error();
  const int written = SSL_write(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  if (written == static_cast<int>(plain.size())) return {};
  return tlsFailure(Code::kUnavailable, "encrypt");
}

Result<std::string> TlsSession::decrypt(std::size_t most) {
  std::string plain(most, '\0');
  ERR_clear_error();
  const int got = SSL_read(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  plain.resize(static_cast<std::size_t>(std::max(got, 0)));
  if (got > 0) return plain;
  const int why = SSL_get_error(state_->session.get(), got);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN) return plain;
  return tlsFailure(Code::kUnavailable, "decrypt");
}

bool TlsSession::ended() const {
  return (SSL_get_shutdown(state_->session.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void TlsSession::sayEnd() {
  ERR_clear_error();
  SSL_shutdown(state_->session.get());
  ERR_clear_error();
}

}  // namespace cubelet::web
