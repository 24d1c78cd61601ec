// For tests: a certificate that nobody would trust, with its key.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "base/tls/openssl.h"

namespace cubelet::tls {

struct SelfSigned {
  std::string certificate;  // PEM, as is the key
  std::string key;
};

// For no name, and over since 1970. The key is encrypted where there is a password.
inline SelfSigned selfSigned(const std::string& password = "") {
  const KeyHandle key(EVP_EC_gen("P-256"));
  const CertificateHandle certificate(X509_new());
  const BioHandle text(BIO_new(BIO_s_mem()));
  const BioHandle secret(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !text || !secret) throw std::runtime_error("cannot make a certificate");
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 0);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), 1);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  PEM_write_bio_X509(text.get(), certificate.get());
  PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), password.empty() ? nullptr : EVP_aes_128_cbc(),
                                password.data(), static_cast<int>(password.size()), nullptr, nullptr);
  return {.certificate = contentOf(text.get()), .key = contentOf(secret.get())};
}

}  // namespace cubelet::tls
