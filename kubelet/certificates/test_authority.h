// TestAuthority: for tests, a signer of certificate requests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <stdexcept>
#include <string>
#include <utility>

#include "kubelet/certificates/certificate_request.h"
#include "kubelet/certificates/key_pair.h"
#include "kubelet/certificates/openssl_handles.h"

namespace cubelet::apiserver {

inline WallTime at(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

// 2027-01-15T08:00:00Z: where ManualClock begins.
inline constexpr std::int64_t kStart = 1'800'000'000;
inline constexpr std::int64_t kDay = 24 * 3600;

inline PrivateKey newKey() {
  auto key = PrivateKey::generate();
  if (!key) throw std::runtime_error(key.error().message);
  return std::move(*key);
}

inline KeyPair newPair(const CertificateSubject& subject, WallTime from, WallTime to) {
  auto pair = selfSign(newKey(), subject, from, to);
  if (!pair) throw std::runtime_error(pair.error().message);
  return std::move(*pair);
}

inline CertificateHandle parsedCertificate(const std::string& pem) {
  BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return CertificateHandle(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

inline RequestHandle parsedRequest(const std::string& pem) {
  BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return RequestHandle(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
}

// Subject and alternative names of the request, signed by a key that no certificate of the test belongs to.
class TestAuthority {
 public:
  std::string issue(const std::string& requestPem, WallTime from, WallTime to) const {
    RequestHandle request = parsedRequest(requestPem);
    if (!request) throw std::runtime_error("no request");
    CertificateHandle certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), std::chrono::system_clock::to_time_t(from));
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), std::chrono::system_clock::to_time_t(to));
    X509_set_subject_name(certificate.get(), X509_REQ_get_subject_name(request.get()));
    X509_set_issuer_name(certificate.get(), X509_REQ_get_subject_name(request.get()));
    X509_set_pubkey(certificate.get(), X509_REQ_get0_pubkey(request.get()));
    STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request.get());
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i)
      X509_add_ext(certificate.get(), sk_X509_EXTENSION_value(extensions, i), -1);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_sign(certificate.get(), key_.handle(), EVP_sha256());
    BioHandle bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return contentOf(bio.get());
  }

 private:
  PrivateKey key_ = newKey();
};

}  // namespace cubelet::apiserver
