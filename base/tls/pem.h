// Certificates and private keys out of PEM texts. For .cc files only.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tls/openssl.h"

namespace cubelet::tls {

// All errors are kInvalid, and tell nothing of what stands in the text. Whatever else a text holds is passed over.

// In their order, at least one. None may be broken, and none may have anything behind its end.
Result<std::vector<CertificateHandle>> certificatesIn(std::string_view pem);

// The first one. An encrypted key is an error: nobody is asked for its password.
Result<KeyHandle> privateKeyIn(std::string_view pem);

}  // namespace cubelet::tls
