#include "base/tls/context.h"

#include <openssl/ssl.h>
#include <vector>

#include "base/tls/openssl.h"
#include "base/tls/pem.h"

namespace cubelet::tls {

Result<std::shared_ptr<Context>> Context::make(Side side) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(side == Side::kClient ? TLS_client_method() : TLS_server_method());
  if (context == nullptr) return fail(opensslError(Code::kInternal, "set up TLS"));
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A resumed session would carry a certificate that nobody has shown a key for today.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return std::shared_ptr<Context>(new Context(side, context));
}

Context::~Context() {
  SSL_CTX_free(context_);
}

Result<void> Context::useCertificate(std::string_view certificates, std::string_view key) {
  ERR_clear_error();
  const Result<std::vector<CertificateHandle>> chain = certificatesIn(certificates);
  if (!chain) return fail(chain.error());
  if (SSL_CTX_use_certificate(context_, chain->front().get()) != 1)
    return fail(opensslError(Code::kInvalid, "use the certificate"));
  for (std::size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context_, (*chain)[i].get()) != 1)
      return fail(opensslError(Code::kInvalid, "use the certificate's chain"));
  const Result<KeyHandle> secret = privateKeyIn(key);
  if (!secret) return fail(secret.error());
  if (SSL_CTX_use_PrivateKey(context_, secret->get()) != 1 || SSL_CTX_check_private_key(context_) != 1)
    return fail(opensslError(Code::kInvalid, "use the certificate's key"));
  return {};
}

}  // namespace cubelet::tls
