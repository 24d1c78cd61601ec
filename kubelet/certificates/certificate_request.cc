#include "kubelet/certificates/certificate_request.h"

#include <algorithm>
#include <arpa/inet.h>
#include <climits>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <set>
#include <utility>

#include "kubelet/certificates/openssl_handles.h"

namespace cubelet::apiserver {
namespace {

using NameHandle = std::unique_ptr<X509_NAME, FreeWith<X509_NAME_free>>;
using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), decltype([](STACK_OF(X509_EXTENSION) * all) {
                                     sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
                                   })>;
using GeneralName = std::unique_ptr<GENERAL_NAME, FreeWith<GENERAL_NAME_free>>;

// The type is given, not guessed: OpenSSL then applies no upper bound, where it would refuse a common name of more than
// 64 characters. A node's name alone may have 253.
bool addToName(X509_NAME* name, int nid, const std::string& text) {
  return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

Result<NameHandle> distinguishedName(const CertificateSubject& subject) {
  NameHandle name(X509_NAME_new());
  bool ok = name != nullptr;
  for (const std::string& organization : subject.organizations)
    ok = ok && addToName(name.get(), NID_organizationName, organization);
  ok = ok && addToName(name.get(), NID_commonName, subject.commonName);
  if (!ok) return fail(opensslError(Code::kInternal, "write the name of " + subject.commonName));
  return name;
}

bool isDnsName(const std::string& text) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, allowed);
}

// Takes `value` over, also when it fails.
Result<void> append(GENERAL_NAMES* names, int type, ASN1_STRING* value, const std::string& bytes) {
  GeneralName name(GENERAL_NAME_new());
  if (!name || value == nullptr || ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ASN1_STRING_free(value);
    return fail(opensslError(Code::kInternal, "write alternative names"));
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (sk_GENERAL_NAME_push(names, name.get()) == 0) return fail(opensslError(Code::kInternal, "write names"));
  name.release();
  return {};
}

std::string addressBytes(const std::string& canonical) {
  unsigned char bytes[sizeof(in6_addr)];
  const bool four = ::inet_pton(AF_INET, canonical.c_str(), bytes) == 1;
  if (!four) ::inet_pton(AF_INET6, canonical.c_str(), bytes);
  return {reinterpret_cast<char*>(bytes), four ? sizeof(in_addr) : sizeof(in6_addr)};
}

// Built from values, not from OpenSSL's text notation: a name cannot smuggle in another one.
Result<AlternateNames> alternateNames(const CertificateSubject& subject) {
  AlternateNames names(GENERAL_NAMES_new());
  if (!names) return fail(opensslError(Code::kInternal, "write alternative names"));
  for (const std::string& dns : std::set<std::string>(subject.dnsNames.begin(), subject.dnsNames.end())) {
    if (!isDnsName(dns)) return fail(Code::kInvalid, "", "\"" + dns + "\" is no DNS name");
    if (auto added = append(names.get(), GEN_DNS, ASN1_IA5STRING_new(), dns); !added) return fail(added.error());
  }
  std::set<std::string> addresses;
  for (const std::string& address : subject.ipAddresses) {
    std::string canonical = canonicalIp(address);
    if (canonical.empty()) return fail(Code::kInvalid, "", "\"" + address + "\" is no IP address");
    addresses.insert(std::move(canonical));
  }
  for (const std::string& address : addresses) {
    auto added = append(names.get(), GEN_IPADD, ASN1_OCTET_STRING_new(), addressBytes(address));
    if (!added) return fail(added.error());
  }
  return names;
}

bool hasAlternateNames(const CertificateSubject& subject) {
  return !subject.dnsNames.empty() || !subject.ipAddresses.empty();
}

Result<void> addAlternateNames(X509_REQ* request, const CertificateSubject& subject) {
  if (!hasAlternateNames(subject)) return {};
  auto names = alternateNames(subject);
  if (!names) return fail(names.error());
  STACK_OF(X509_EXTENSION)* list = nullptr;
  const bool made = X509V3_add1_i2d(&list, NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT) == 1;
  const Extensions extensions(list);
  if (!made || X509_REQ_add_extensions(request, extensions.get()) != 1)
    return fail(opensslError(Code::kInternal, "write alternative names"));
  return {};
}

// `text` in OpenSSL's notation; a constant of ours, never a name.
bool addExtension(X509* certificate, int nid, const char* text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, text);
  const bool ok = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

Result<void> addServerExtensions(X509* certificate, const CertificateSubject& subject) {
  const bool ok = addExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
                  addExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
                  addExtension(certificate, NID_ext_key_usage, "serverAuth") &&
                  addExtension(certificate, NID_subject_key_identifier, "hash");
  if (!ok) return fail(opensslError(Code::kInternal, "write extensions"));
  if (!hasAlternateNames(subject)) return {};
  auto names = alternateNames(subject);
  if (!names) return fail(names.error());
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT) != 1)
    return fail(opensslError(Code::kInternal, "write alternative names"));
  return {};
}

bool setRandomSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  bytes[0] |= 0x40;  // and never short
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool ok = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return ok;
}

bool setTimes(X509* certificate, WallTime notBefore, WallTime notAfter) {
  const std::time_t from = std::chrono::system_clock::to_time_t(notBefore);
  const std::time_t to = std::chrono::system_clock::to_time_t(notAfter);
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), to) != nullptr;
}

// The text comes from the server; without this OpenSSL would ask on the terminal when it says that it is encrypted.
int noPassword(char*, int, int, void*) {
  return -1;
}

bool containsAll(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& name) { return std::ranges::count(has, name) > 0; });
}

}  // namespace

CertificateSubject nodeClientSubject(std::string_view nodeName) {
  return {"system:node:" + std::string(nodeName), {"system:nodes"}, {}, {}};
}

CertificateSubject nodeServingSubject(std::string_view nodeName, std::vector<std::string> dnsNames,
                                      std::vector<std::string> ipAddresses) {
  CertificateSubject subject = nodeClientSubject(nodeName);
  subject.dnsNames = std::move(dnsNames);
  subject.ipAddresses = std::move(ipAddresses);
  return subject;
}

Result<std::string> makeCertificateRequest(const PrivateKey& key, const CertificateSubject& subject) {
  const std::string doing = "make a certificate request for " + subject.commonName;
  RequestHandle request(X509_REQ_new());
  auto name = distinguishedName(subject);
  if (!name) return fail(name.error().within(doing));
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name->get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.handle()) != 1)
    return fail(opensslError(Code::kInternal, doing));
  if (auto added = addAlternateNames(request.get(), subject); !added) return fail(added.error().within(doing));

  BioHandle bio(BIO_new(BIO_s_mem()));
  if (X509_REQ_sign(request.get(), key.handle(), EVP_sha256()) <= 0 || !bio ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
    return fail(opensslError(Code::kInternal, doing));
  return contentOf(bio.get());
}

Result<RequestFacts> readCertificateRequest(std::string_view pem) {
  if (pem.size() > INT_MAX) return fail(Code::kInvalid, "", "read certificate request: too large");
  BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  RequestHandle request(bio ? PEM_read_bio_X509_REQ(bio.get(), nullptr, noPassword, nullptr) : nullptr);
  if (!request) return fail(opensslError(Code::kInvalid, "read certificate request"));
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "", "read certificate request: it is not signed by its own key");
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return fail(opensslError(Code::kInvalid, "read certificate request"));
  RequestFacts facts{.publicKey = std::string(reinterpret_cast<char*>(der), static_cast<std::size_t>(size))};
  OPENSSL_free(der);
  return facts;
}

Result<KeyPair> selfSign(PrivateKey key, const CertificateSubject& subject, WallTime notBefore, WallTime notAfter) {
  const std::string doing = "make a certificate for " + subject.commonName;
  CertificateHandle certificate(X509_new());
  auto name = distinguishedName(subject);
  if (!name) return fail(name.error().within(doing));
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 || !setRandomSerial(certificate.get()) ||
      !setTimes(certificate.get(), notBefore, notAfter) || X509_set_subject_name(certificate.get(), name->get()) != 1 ||
      X509_set_issuer_name(certificate.get(), name->get()) != 1 ||
      X509_set_pubkey(certificate.get(), key.handle()) != 1)
    return fail(opensslError(Code::kInternal, doing));
  if (auto added = addServerExtensions(certificate.get(), subject); !added) return fail(added.error().within(doing));

  BioHandle bio(BIO_new(BIO_s_mem()));
  if (X509_sign(certificate.get(), key.handle(), EVP_sha256()) <= 0 || !bio ||
      PEM_write_bio_X509(bio.get(), certificate.get()) != 1)
    return fail(opensslError(Code::kInternal, doing));
  return KeyPair::make(std::move(key), contentOf(bio.get()));
}

bool covers(const CertificateFacts& certificate, const CertificateSubject& subject) {
  std::vector<std::string> addresses;
  for (const std::string& address : subject.ipAddresses) addresses.push_back(canonicalIp(address));
  return certificate.commonName == subject.commonName &&
         containsAll(certificate.organizations, subject.organizations) &&
         containsAll(certificate.dnsNames, subject.dnsNames) && containsAll(certificate.ipAddresses, addresses);
}

}  // namespace cubelet::apiserver
