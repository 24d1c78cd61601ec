// PrivateKey and KeyPair: what proves who this node is, and what stands in its certificates. OpenSSL 3.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct evp_pkey_st;  // EVP_PKEY

namespace cubelet::apiserver {

// A private key of any kind. Copies share it; it never changes. Has no way into a log: secretPem() is the only way out.
class PrivateKey {
 public:
  // ECDSA on P-256 (surface 4.10).
  static Result<PrivateKey> generate();
  // The first private key in the text: PKCS #8, SEC 1 or PKCS #1, not encrypted. Other blocks are passed over. kInvalid
  // when there is none; the message holds nothing of the text.
  static Result<PrivateKey> parse(std::string_view pem);

  // In the form that upstream writes: SEC 1 for elliptic curves, PKCS #1 for RSA. For files of mode 0600 only.
  Result<std::string> secretPem() const;
  // The public half as DER (SubjectPublicKeyInfo): equal for equal keys.
  std::string publicKey() const;
  bool isRsa() const;

  evp_pkey_st* handle() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

struct CertificateFacts {
  WallTime notBefore;
  WallTime notAfter;       // both clamped to what WallTime can hold (the year 2262)
  std::string commonName;  // "" when there is none
  std::vector<std::string> organizations;
  std::vector<std::string> dnsNames;     // subject alternative names, in the order of the certificate
  std::vector<std::string> ipAddresses;  // as canonicalIp() writes them
};

// "10.0.0.1", "fe80::1"; an IPv4 address inside IPv6 (::ffff:10.0.0.1) becomes the former. Empty when it is no address.
std::string canonicalIp(std::string_view text);

// Every certificate in the text, in its order; other blocks are passed over. kInvalid when there is none or one is
// broken.
Result<std::vector<CertificateFacts>> readCertificates(std::string_view pem);

// A certificate with those that lead to its authority, and the private key that belongs to it.
class KeyPair {
 public:
  // `certificates`: PEM, the leaf first. kInvalid: none there, one broken, or the key belongs to another one.
  static Result<KeyPair> make(PrivateKey key, std::string_view certificates);
  // Both in one text, as in kubelet-client-current.pem.
  static Result<KeyPair> parse(std::string_view pem);

  const PrivateKey& key() const { return key_; }
  // PEM without anything but the certificates.
  const std::string& certificates() const { return certificates_; }
  // Of the leaf.
  const CertificateFacts& facts() const { return chain_.front(); }
  const std::vector<CertificateFacts>& chain() const { return chain_; }
  // The certificates, then the key: the content of kubelet-client-current.pem.
  Result<std::string> secretPem() const;

 private:
  KeyPair(PrivateKey key, std::string certificates, std::vector<CertificateFacts> chain)
      : key_(std::move(key)), certificates_(std::move(certificates)), chain_(std::move(chain)) {}

  PrivateKey key_;
  std::string certificates_;
  std::vector<CertificateFacts> chain_;  // never empty
};

}  // namespace cubelet::apiserver
