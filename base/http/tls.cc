#include "base/http/tls.h"

#include <openssl/ssl.h>

namespace cubelet::http {

Result<std::shared_ptr<const tls::Context>> contextForAnyServer() {
  Result<std::shared_ptr<tls::Context>> made = tls::Context::make(tls::Side::kClient);
  if (!made) return fail(made.error());
  // Nothing about the certificate counts, so neither does the length of its key.
  SSL_CTX_set_security_level((*made)->openssl(), 0);
  return *std::move(made);
}

}  // namespace cubelet::http
