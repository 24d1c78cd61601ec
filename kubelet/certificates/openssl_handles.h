// Owners for OpenSSL's objects, and its errors as ours. For the .cc files of this folder only.
#pragma once

#include <memory>
#include <openssl/x509v3.h>

#include "base/tls/openssl.h"

namespace cubelet::apiserver {

using tls::BioHandle;
using tls::CertificateHandle;
using tls::contentOf;
using tls::FreeWith;
using tls::opensslError;
using PublicKeyHandle = tls::KeyHandle;
using RequestHandle = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using AlternateNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

}  // namespace cubelet::apiserver
