#include "kubelet/certificates/key_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "kubelet/certificates/test_authority.h"

namespace cubelet::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string secretOf(const PrivateKey& key) {
  auto pem = key.secretPem();
  return pem ? *pem : "error: " + pem.error().message;
}

std::string rsaPem(bool encrypted) {
  std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key(EVP_RSA_gen(2048));
  BioHandle bio(BIO_new(BIO_s_mem()));
  unsigned char password[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), encrypted ? EVP_aes_128_cbc() : nullptr,
                                encrypted ? reinterpret_cast<char*>(password) : nullptr, encrypted ? 6 : 0, nullptr,
                                nullptr);
  return contentOf(bio.get());
}

TEST(PrivateKey, IsEcdsaOnP256) {
  PrivateKey key = newKey();
  char group[32] = "";
  ASSERT_EQ(EVP_PKEY_get_group_name(key.handle(), group, sizeof group, nullptr), 1);
  EXPECT_STREQ(group, "prime256v1");
  EXPECT_FALSE(key.isRsa());
}

TEST(PrivateKey, NoTwoAreEqual) {
  EXPECT_NE(newKey().publicKey(), newKey().publicKey());
}

TEST(PrivateKey, ComesBackFromItsPemInUpstreamsForm) {
  PrivateKey key = newKey();
  const std::string pem = secretOf(key);
  EXPECT_THAT(pem, StartsWith("-----BEGIN EC PRIVATE KEY-----\n"));
  auto again = PrivateKey::parse(pem);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->publicKey(), key.publicKey());
}

TEST(PrivateKey, ReadsPkcs8OfRsa) {
  auto key = PrivateKey::parse(rsaPem(false));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_TRUE(key->isRsa());
}

TEST(PrivateKey, AnEncryptedOneIsRefusedWithoutAskingForThePassword) {
  auto key = PrivateKey::parse(rsaPem(true));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::kInvalid);
  EXPECT_THAT(key.error().message, HasSubstr("encrypted"));
}

TEST(PrivateKey, IsFoundBehindParametersAndCertificates) {
  KeyPair pair = newPair({"a", {}, {}, {}}, at(kStart), at(kStart + kDay));
  const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  auto key = PrivateKey::parse("text before\n" + pair.certificates() + parameters + secretOf(pair.key()));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->publicKey(), pair.key().publicKey());
}

TEST(PrivateKey, CutOrChangedTextIsAnErrorThatTellsNothingOfIt) {
  const std::string pem = secretOf(newKey());
  const std::string secret = pem.substr(pem.find('\n') + 1, 20);
  for (std::size_t size = 0; size + 2 < pem.size(); ++size) {
    auto key = PrivateKey::parse(pem.substr(0, size));
    ASSERT_FALSE(key) << size;
    EXPECT_THAT(key.error().message, Not(HasSubstr(secret)));
  }
  // Changed ones may be keys by chance, but never crash.
  for (std::size_t i = 0; i < pem.size(); ++i) {
    std::string changed = pem;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    (void)PrivateKey::parse(changed);
  }
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error is left for the next caller to trip over";
}

TEST(Certificate, TellsItsFacts) {
  CertificateSubject subject{"system:node:n1", {"system:nodes", "more"}, {"n1", "n1.example"}, {"10.0.0.1", "fd00::1"}};
  KeyPair pair = newPair(subject, at(kStart), at(kStart + kDay));
  auto all = readCertificates(pair.certificates());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1U);
  const CertificateFacts& facts = all->front();
  EXPECT_EQ(facts.notBefore, at(kStart));
  EXPECT_EQ(facts.notAfter, at(kStart + kDay));
  EXPECT_EQ(facts.commonName, "system:node:n1");
  EXPECT_THAT(facts.organizations, ElementsAre("system:nodes", "more"));
  EXPECT_THAT(facts.dnsNames, ElementsAre("n1", "n1.example"));
  EXPECT_THAT(facts.ipAddresses, ElementsAre("10.0.0.1", "fd00::1"));
}

TEST(Certificate, ValidUntilTheYear9999DoesNotOverflow) {
  KeyPair pair = newPair({"a", {}, {}, {}}, at(kStart), at(kStart + kDay));
  CertificateHandle certificate = parsedCertificate(pair.certificates());
  ASSERT_EQ(ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "99991231235959Z"), 1);
  ASSERT_EQ(ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "500101000000Z"), 1);  // 1950
  X509_sign(certificate.get(), pair.key().handle(), EVP_sha256());
  BioHandle bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  auto all = readCertificates(contentOf(bio.get()));
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_GT(all->front().notAfter, at(9'000'000'000));
  EXPECT_LT(all->front().notBefore, at(0));
}

TEST(Certificate, ANameWithANulIsRefused) {
  CertificateSubject subject{std::string("system:node:a\0b", 15), {}, {}, {}};
  auto pair = selfSign(newKey(), subject, at(kStart), at(kStart + kDay));  // reads what it made
  ASSERT_FALSE(pair);
  EXPECT_THAT(pair.error().message, HasSubstr("NUL"));
}

TEST(KeyPair, FitsTogetherOrIsRefused) {
  KeyPair one = newPair({"a", {}, {}, {}}, at(kStart), at(kStart + kDay));
  EXPECT_TRUE(KeyPair::make(one.key(), one.certificates()));
  auto mixed = KeyPair::make(newKey(), one.certificates());
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, Code::kInvalid);
  EXPECT_THAT(mixed.error().message, HasSubstr("does not belong"));
}

TEST(KeyPair, KeepsTheChainInOrderAndLooksAtTheLeaf) {
  KeyPair leaf = newPair({"leaf", {}, {}, {}}, at(kStart), at(kStart + kDay));
  KeyPair above = newPair({"above", {}, {}, {}}, at(kStart), at(kStart + 9 * kDay));
  auto pair = KeyPair::make(leaf.key(), "# said by the signer\n" + leaf.certificates() + above.certificates());
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->facts().commonName, "leaf");
  ASSERT_EQ(pair->chain().size(), 2U);
  EXPECT_EQ(pair->chain()[1].commonName, "above");
  EXPECT_EQ(pair->certificates(), leaf.certificates() + above.certificates());
  EXPECT_FALSE(KeyPair::make(leaf.key(), above.certificates() + leaf.certificates()));
}

TEST(KeyPair, IsOneTextWithTheCertificatesFirst) {
  KeyPair pair = newPair({"a", {}, {}, {}}, at(kStart), at(kStart + kDay));
  auto text = pair.secretPem();
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, StartsWith("-----BEGIN CERTIFICATE-----\n"));
  auto again = KeyPair::parse(*text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->certificates(), pair.certificates());
  EXPECT_EQ(again->key().publicKey(), pair.key().publicKey());
}

TEST(KeyPair, CutTextIsAnError) {
  const std::string text = *newPair({"a", {}, {}, {}}, at(kStart), at(kStart + kDay)).secretPem();
  for (std::size_t size = 0; size + 2 < text.size(); ++size) EXPECT_FALSE(KeyPair::parse(text.substr(0, size))) << size;
}

TEST(KeyPair, ChangedBytesNeverCrash) {
  const std::string text = newPair({"a", {"o"}, {"a.b"}, {"10.0.0.1"}}, at(kStart), at(kStart + kDay)).certificates();
  for (std::size_t i = 28; i < text.size(); ++i) {
    for (char c : {'A', '/', '9', '\n', '\0'}) {
      std::string changed = text;
      changed[i] = c;
      (void)readCertificates(changed);
    }
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(CanonicalIp, OneSpellingForEachAddress) {
  EXPECT_EQ(canonicalIp("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(canonicalIp("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(canonicalIp("FD00:0:0::1"), "fd00::1");
  EXPECT_THAT(canonicalIp("10.0.0"), IsEmpty());
  EXPECT_THAT(canonicalIp("fe80::1%eth0"), IsEmpty());
  EXPECT_THAT(canonicalIp(std::string("10.0.0.1\0.evil", 14)), IsEmpty());
}

}  // namespace
}  // namespace cubelet::apiserver
