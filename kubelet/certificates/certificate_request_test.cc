#include "kubelet/certificates/certificate_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "kubelet/certificates/test_authority.h"

namespace cubelet::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string requestFor(const PrivateKey& key, const CertificateSubject& subject) {
  auto request = makeCertificateRequest(key, subject);
  return request ? *request : "error: " + request.error().message;
}

// What a signer would read, by way of a certificate with the same names.
CertificateFacts factsOf(const std::string& request) {
  auto facts = readCertificates(TestAuthority().issue(request, at(kStart), at(kStart + kDay)));
  return facts ? facts->front() : CertificateFacts();
}

TEST(CertificateRequest, OfAClientIsWhatTheSignerAsksFor) {
  PrivateKey key = newKey();
  const std::string pem = requestFor(key, nodeClientSubject("n1"));
  EXPECT_THAT(pem, StartsWith("-----BEGIN CERTIFICATE REQUEST-----\n"));
  RequestHandle request = parsedRequest(pem);
  ASSERT_TRUE(request);
  EXPECT_EQ(X509_REQ_verify(request.get(), key.handle()), 1);
  EXPECT_EQ(X509_REQ_get_signature_nid(request.get()), NID_ecdsa_with_SHA256);
  EXPECT_EQ(X509_REQ_get_attr_count(request.get()), 0) << "a client must not ask for alternative names";
  char name[256];
  X509_NAME_oneline(X509_REQ_get_subject_name(request.get()), name, sizeof name);
  EXPECT_STREQ(name, "/O=system:nodes/CN=system:node:n1");
}

TEST(CertificateRequest, OfAServerNamesItSortedAndOnce) {
  CertificateSubject subject =
      nodeServingSubject("n1", {"n1.example", "n1", "n1"}, {"fd00::2", "10.0.0.9", "::ffff:10.0.0.9"});
  CertificateFacts facts = factsOf(requestFor(newKey(), subject));
  EXPECT_EQ(facts.commonName, "system:node:n1");
  EXPECT_THAT(facts.organizations, ElementsAre("system:nodes"));
  EXPECT_THAT(facts.dnsNames, ElementsAre("n1", "n1.example"));
  EXPECT_THAT(facts.ipAddresses, ElementsAre("10.0.0.9", "fd00::2"));
}

TEST(CertificateRequest, ANodeMayHaveTheLongestName) {
  const std::string node(253, 'n');
  EXPECT_EQ(factsOf(requestFor(newKey(), nodeClientSubject(node))).commonName, "system:node:" + node);
}

TEST(CertificateRequest, WhatIsNoNameIsRefused) {
  for (const char* name : {"", "a,IP:1.2.3.4", "a b", "a\nb", "\xc3\xa4"}) {
    auto request = makeCertificateRequest(newKey(), nodeServingSubject("n1", {name}, {}));
    ASSERT_FALSE(request) << name;
    EXPECT_EQ(request.error().code, Code::kInvalid);
  }
  auto request = makeCertificateRequest(newKey(), nodeServingSubject("n1", {}, {"10.0.0.300"}));
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr("10.0.0.300"));
}

TEST(CertificateRequest, IsReadWithItsKey) {
  PrivateKey key = newKey();
  auto facts = readCertificateRequest(requestFor(key, nodeClientSubject("n1")));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->publicKey, key.publicKey());
}

TEST(CertificateRequest, WithAForeignSignatureIsRefused) {
  RequestHandle request = parsedRequest(requestFor(newKey(), nodeClientSubject("n1")));
  PrivateKey other = newKey();
  X509_REQ_sign(request.get(), other.handle(), EVP_sha256());
  BioHandle bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  auto facts = readCertificateRequest(contentOf(bio.get()));
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, HasSubstr("not signed by its own key"));
  EXPECT_FALSE(readCertificateRequest("no request"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(CertificateRequest, OneThatClaimsToBeEncryptedAsksForNoPassword) {
  std::string pem = requestFor(newKey(), nodeClientSubject("n1"));
  pem.insert(pem.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  EXPECT_FALSE(readCertificateRequest(pem));
}

TEST(SelfSigned, IsAServersCertificateThatVerifiesByItself) {
  KeyPair pair = newPair({"n1@1", {}, {"n1"}, {"10.0.0.1"}}, at(kStart), at(kStart + kDay));
  CertificateHandle certificate = parsedCertificate(pair.certificates());
  std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>> trusted(X509_STORE_new());
  X509_STORE_add_cert(trusted.get(), certificate.get());
  std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), trusted.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER);
  X509_STORE_CTX_set_time(check.get(), 0, kStart + 60);
  EXPECT_EQ(X509_verify_cert(check.get()), 1) << X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
  EXPECT_EQ(X509_check_host(certificate.get(), "n1", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "10.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
}

TEST(SelfSigned, NoTwoHaveTheSameSerialNumber) {
  auto serial = [] {
    CertificateHandle certificate = parsedCertificate(newPair({"a", {}, {}, {}}, at(0), at(1)).certificates());
    return ASN1_INTEGER_get(X509_get_serialNumber(certificate.get())) == -1
               ? std::string(
                     reinterpret_cast<const char*>(ASN1_STRING_get0_data(X509_get_serialNumber(certificate.get()))), 16)
               : std::string();
  };
  const std::string one = serial();
  EXPECT_FALSE(one.empty());
  EXPECT_NE(one, serial());
}

TEST(Covers, AtLeastEveryWantedName) {
  const CertificateSubject wanted = nodeServingSubject("n1", {"n1"}, {"10.0.0.1", "FD00::1"});
  struct Case {
    const char* name;
    CertificateSubject has;
    bool covered;
  };
  const Case cases[] = {
      {"the same", wanted, true},
      {"more", nodeServingSubject("n1", {"n1", "n1.example"}, {"10.0.0.1", "fd00::1", "10.0.0.2"}), true},
      {"an address less", nodeServingSubject("n1", {"n1"}, {"10.0.0.1"}), false},
      {"a name less", nodeServingSubject("n1", {}, {"10.0.0.1", "fd00::1"}), false},
      {"another node", nodeServingSubject("n2", {"n1"}, {"10.0.0.1", "fd00::1"}), false},
      {"no group", {"system:node:n1", {}, {"n1"}, {"10.0.0.1", "fd00::1"}}, false},
  };
  for (const Case& c : cases) EXPECT_EQ(covers(newPair(c.has, at(0), at(1)).facts(), wanted), c.covered) << c.name;
}

}  // namespace
}  // namespace cubelet::apiserver
