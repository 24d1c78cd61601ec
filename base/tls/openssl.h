// Owners for OpenSSL's objects, and its errors as ours. For .cc files only.
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cubelet::tls {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CertificateHandle = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

// "doing: reason", and an empty error queue. Only the reason is told: the data that OpenSSL attaches to some errors may
// be part of what it read.
inline Error opensslError(Code code, std::string_view doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return Error(code, "", std::string(doing) + ": " + (reason != nullptr ? reason : "unknown error of OpenSSL"));
}

inline std::string contentOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace cubelet::tls
