#include "kubelet/certificates/key_pair.h"

#include <arpa/inet.h>
#include <ctime>
#include <openssl/pem.h>
#include <utility>

#include "base/tls/pem.h"
#include "kubelet/certificates/openssl_handles.h"

namespace cubelet::apiserver {
namespace {

// Certificates may be valid up to the year 9999, a WallTime up to 2262.
WallTime clampedTime(std::time_t seconds) {
  constexpr auto kMax = std::chrono::floor<std::chrono::seconds>(WallTime::max()).time_since_epoch().count();
  constexpr auto kMin = std::chrono::ceil<std::chrono::seconds>(WallTime::min()).time_since_epoch().count();
  return WallTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds, kMin, kMax)));
}

Result<WallTime> timeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return fail(opensslError(Code::kInvalid, "read a certificate's time"));
  return clampedTime(::timegm(&parts));
}

Result<std::string> textOf(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return fail(opensslError(Code::kInvalid, "read a certificate's name"));
  std::string text(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  // "system:node:a\0b" would be another name to whoever stops reading at the NUL.
  if (text.find('\0') != std::string::npos) return fail(Code::kInvalid, "", "a certificate's name holds a NUL");
  return text;
}

Result<std::vector<std::string>> namesOf(const X509_NAME* subject, int nid) {
  std::vector<std::string> names;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0;) {
    auto text = textOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (!text) return fail(text.error());
    names.push_back(std::move(*text));
  }
  return names;
}

std::string ipText(const ASN1_OCTET_STRING* address) {
  const unsigned char* bytes = ASN1_STRING_get0_data(address);
  const int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return "";
  char text[INET6_ADDRSTRLEN];
  if (::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) == nullptr) return "";
  return canonicalIp(text);
}

Result<void> addAlternateNames(const X509& certificate, CertificateFacts& facts) {
  int critical = 0;
  const AlternateNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!names) {
    if (critical == -1) return {};  // there is none
    return fail(opensslError(Code::kInvalid, "read a certificate's alternative names"));
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      auto text = textOf(name->d.dNSName);
      if (!text) return fail(text.error());
      facts.dnsNames.push_back(std::move(*text));
    } else if (name->type == GEN_IPADD) {
      std::string text = ipText(name->d.iPAddress);
      if (text.empty()) return fail(Code::kInvalid, "", "a certificate's IP address is none");
      facts.ipAddresses.push_back(std::move(text));
    }
  }
  return {};
}

Result<CertificateFacts> factsOf(const X509& certificate) {
  CertificateFacts facts;
  auto notBefore = timeOf(X509_get0_notBefore(&certificate));
  if (!notBefore) return fail(notBefore.error());
  facts.notBefore = *notBefore;
  auto notAfter = timeOf(X509_get0_notAfter(&certificate));
  if (!notAfter) return fail(notAfter.error());
  facts.notAfter = *notAfter;

  const X509_NAME* subject = X509_get_subject_name(&certificate);
  auto commonNames = namesOf(subject, NID_commonName);
  if (!commonNames) return fail(commonNames.error());
  // Of several the last one counts for the API server, too.
  if (!commonNames->empty()) facts.commonName = commonNames->back();
  auto organizations = namesOf(subject, NID_organizationName);
  if (!organizations) return fail(organizations.error());
  facts.organizations = std::move(*organizations);
  if (auto added = addAlternateNames(certificate, facts); !added) return fail(added.error());
  return facts;
}

Result<std::vector<CertificateFacts>> factsOfAll(const std::vector<CertificateHandle>& certificates) {
  std::vector<CertificateFacts> all;
  for (const CertificateHandle& certificate : certificates) {
    auto facts = factsOf(*certificate);
    if (!facts) return fail(facts.error());
    all.push_back(std::move(*facts));
  }
  return all;
}

}  // namespace

std::string canonicalIp(std::string_view text) {
  const std::string address(text);
  if (address.find('\0') != std::string::npos) return "";
  in6_addr six{};
  in_addr four{};
  char out[INET6_ADDRSTRLEN];
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return ::inet_ntop(AF_INET, &four, out, sizeof out);
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return "";
  if (IN6_IS_ADDR_V4MAPPED(&six)) return ::inet_ntop(AF_INET, &six.s6_addr[12], out, sizeof out);
  return ::inet_ntop(AF_INET6, &six, out, sizeof out);
}

Result<PrivateKey> PrivateKey::generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (key == nullptr) return fail(opensslError(Code::kInternal, "make a private key"));
  return PrivateKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  Result<tls::KeyHandle> key = tls::privateKeyIn(pem);
  if (!key) return fail(key.error());
  return PrivateKey(std::shared_ptr<EVP_PKEY>(std::move(*key)));
}

Result<std::string> PrivateKey::secretPem() const {
  BioHandle bio(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (!bio || PEM_write_bio_PrivateKey_traditional(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(opensslError(Code::kInternal, "write private key"));
  return contentOf(bio.get());
}

std::string PrivateKey::publicKey() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) {
    ERR_clear_error();
    return "";
  }
  std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

bool PrivateKey::isRsa() const {
  return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA;
}

Result<std::vector<CertificateFacts>> readCertificates(std::string_view pem) {
  auto certificates = tls::certificatesIn(pem);
  if (!certificates) return fail(certificates.error());
  return factsOfAll(*certificates);
}

Result<KeyPair> KeyPair::make(PrivateKey key, std::string_view pem) {
  auto certificates = tls::certificatesIn(pem);
  if (!certificates) return fail(certificates.error());
  auto chain = factsOfAll(*certificates);
  if (!chain) return fail(chain.error());
  if (X509_check_private_key(certificates->front().get(), key.handle()) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "", "the private key does not belong to the certificate");
  }
  BioHandle bio(BIO_new(BIO_s_mem()));
  if (!bio) return fail(opensslError(Code::kInternal, "write certificates"));
  for (const CertificateHandle& certificate : *certificates)
    if (PEM_write_bio_X509(bio.get(), certificate.get()) != 1)
      return fail(opensslError(Code::kInternal, "write certificates"));
  return KeyPair(std::move(key), contentOf(bio.get()), std::move(*chain));
}

Result<KeyPair> KeyPair::parse(std::string_view pem) {
  auto key = PrivateKey::parse(pem);
  if (!key) return fail(key.error());
  return make(std::move(*key), pem);
}

Result<std::string> KeyPair::secretPem() const {
  auto key = key_.secretPem();
  if (!key) return fail(key.error());
  return certificates_ + *key;
}

}  // namespace cubelet::apiserver
