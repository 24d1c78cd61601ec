// For tests: an authority, and certificates of clients that it signs.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string>
#include <vector>

#include "base/clock.h"

namespace cubelet::access {

class TestAuthority {
 public:
  TestAuthority() : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    fill(certificate_, {"authority", {}}, key_, WallTime(std::chrono::seconds(0)),
         WallTime(std::chrono::hours(24 * 365 * 100)));
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_, key_, EVP_sha256());
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }

  struct Subject {
    std::string commonName;
    std::vector<std::string> organizations;
  };
  struct Client {
    std::string der;
    std::string certificate;  // PEM
    std::string key;          // PEM
  };
  std::string pem() const {
    return textOf([&](BIO* bio) { PEM_write_bio_X509(bio, certificate_); });
  }
  Client issue(const Subject& subject, WallTime from, WallTime to, const std::string& usage = "clientAuth") const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* made = X509_new();
    fill(made, subject, key, from, to);
    X509_set_issuer_name(made, X509_get_subject_name(certificate_));
    extend(made, NID_ext_key_usage, usage);
    X509_sign(made, key_, EVP_sha256());
    Client client;
    client.der = textOf([&](BIO* bio) { i2d_X509_bio(bio, made); });
    client.certificate = textOf([&](BIO* bio) { PEM_write_bio_X509(bio, made); });
    client.key =
        textOf([&](BIO* bio) { PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(made);
    EVP_PKEY_free(key);
    return client;
  }

 private:
  static void fill(X509* made, const Subject& subject, EVP_PKEY* key, WallTime from, WallTime to) {
    static long serial = 0;
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(made), std::chrono::system_clock::to_time_t(from));
    ASN1_TIME_set(X509_getm_notAfter(made), std::chrono::system_clock::to_time_t(to));
    for (const std::string& one : subject.organizations) name(made, "O", one);
    if (!subject.commonName.empty()) name(made, "CN", subject.commonName);
    X509_set_pubkey(made, key);
  }
  static void name(X509* made, const char* what, const std::string& value) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), what, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  }
  static void extend(X509* made, int what, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <class Fn>
  static std::string textOf(Fn write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace cubelet::access
