#include "kubelet/apiserver/test_certificates.h"

#include <openssl/x509v3.h>
#include <stdexcept>

#include "base/tls/openssl.h"

namespace cubelet::apiserver {
namespace {

using tls::BioHandle;
using tls::contentOf;
using Key = tls::KeyHandle;
using Certificate = tls::CertificateHandle;

void check(bool good) {
  if (!good) throw std::runtime_error("OpenSSL cannot make the test's certificates");
}

std::string pem(X509* certificate) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return contentOf(bio.get());
}

std::string pem(EVP_PKEY* key, const std::string& password) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = password.empty() ? nullptr : EVP_aes_128_cbc();
  check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, password.data(), static_cast<int>(password.size()),
                                      nullptr, nullptr) == 1);
  return contentOf(bio.get());
}

void extend(X509* certificate, int what, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  check(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make(const std::string& commonName, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuerKey,
                 const std::string& names) {
  static long serial = 0;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(commonName.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), issuer != nullptr ? X509_get_subject_name(issuer) : name);
  X509_set_pubkey(certificate.get(), key);
  extend(certificate.get(), NID_basic_constraints, issuer != nullptr ? "CA:FALSE" : "critical,CA:TRUE");
  if (!names.empty()) extend(certificate.get(), NID_subject_alt_name, names);
  check(X509_sign(certificate.get(), issuerKey, EVP_sha256()) != 0);
  return certificate;
}

}  // namespace

struct TestCertificateAuthority::Parts {
  explicit Parts(Keys keys) : key(keys == Keys::kRsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")) {}
  Key key;
  Certificate certificate = make("kubernetes", key.get(), nullptr, key.get(), "");
};

TestCertificateAuthority::TestCertificateAuthority(Keys keys) : parts_(new Parts(keys)) {}
TestCertificateAuthority::~TestCertificateAuthority() {
  delete parts_;
}

std::string TestCertificateAuthority::certificate() const {
  return pem(parts_->certificate.get());
}

TestCertificate TestCertificateAuthority::issue(const std::string& commonName, const std::string& names,
                                                const std::string& password) const {
  Key key(EVP_EC_gen("P-256"));
  Certificate made = make(commonName, key.get(), parts_->certificate.get(), parts_->key.get(), names);
  return {pem(made.get()), pem(key.get(), password)};
}

}  // namespace cubelet::apiserver
