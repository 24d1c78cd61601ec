#include "base/tls/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "base/tls/test_certificate.h"

namespace cubelet::tls {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kCertificateBegin[] = "-----BEGIN CERTIFICATE-----\n";
constexpr char kKeyBegin[] = "-----BEGIN PRIVATE KEY-----\n";

template <class T>
std::string messageOf(const Result<T>& result) {
  return result ? "" : result.error().message;
}
std::string certificateProblem(const std::string& pem) {
  return messageOf(certificatesIn(pem));
}
std::string keyProblem(const std::string& pem) {
  return messageOf(privateKeyIn(pem));
}
std::string with(std::string text, const std::string& what, const std::string& instead) {
  return text.replace(text.find(what), what.size(), instead);
}

TEST(Pem, CertificatesComeInTheirOrderWhateverStandsBetweenThem) {
  const SelfSigned one = selfSigned();
  const SelfSigned two = selfSigned();
  const auto found = certificatesIn("Words.\n" + one.certificate + one.key + "\n" + two.certificate + "More.\n");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ(X509_cmp((*found)[0].get(), certificatesIn(one.certificate)->front().get()), 0);
  EXPECT_EQ(X509_cmp((*found)[1].get(), certificatesIn(two.certificate)->front().get()), 0);
}

TEST(Pem, ABrokenCertificateIsNoEndOfTheChain) {
  const SelfSigned own = selfSigned();
  const std::string cut = own.certificate.substr(0, 200);
  const std::string broken = with(own.certificate, kCertificateBegin, std::string(kCertificateBegin) + "AAAA");
  EXPECT_THAT(certificateProblem(own.certificate + cut), StartsWith("read PEM: "));
  EXPECT_THAT(certificateProblem(own.certificate + broken + own.certificate), StartsWith("read certificate: "));
  for (const std::string& none : {std::string(), std::string("junk"), own.key})
    EXPECT_EQ(certificateProblem(none), "there is no certificate");
}

TEST(Pem, NobodyIsAskedForAPassword) {
  const std::string headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n";
  const SelfSigned own = selfSigned();
  static_cast<void>(certificateProblem(with(own.certificate, kCertificateBegin, kCertificateBegin + headers)));
  EXPECT_EQ(keyProblem(with(own.key, kKeyBegin, kKeyBegin + headers)), "read private key: it is encrypted");
  EXPECT_EQ(keyProblem(selfSigned("password").key), "read private key: it is encrypted");
}

TEST(Pem, MessagesTellNothingOfAKey) {
  const SelfSigned own = selfSigned();
  const std::size_t begin = sizeof kKeyBegin - 1;
  const std::string secret = own.key.substr(begin, 20);
  for (std::size_t at = begin; at < own.key.size(); at += 7) {
    std::string key = own.key;
    key[at] = '!';
    EXPECT_THAT(keyProblem(key), StartsWith("read private key: ")) << at;
    EXPECT_THAT(keyProblem(key), Not(HasSubstr(secret)));
    EXPECT_EQ(ERR_peek_error(), 0u);
  }
  EXPECT_EQ(keyProblem(own.certificate), "read private key: there is none");
}

}  // namespace
}  // namespace cubelet::tls
