#include "base/tls/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "base/tls/test_certificate.h"

namespace cubelet::tls {
namespace {

using testing::StartsWith;

Result<void> used(const std::string& certificates, const std::string& key) {
  return Context::make(Side::kServer).value()->useCertificate(certificates, key);
}

TEST(TlsCertificate, IsTakenWithItsKeyAndTheRestOfItsChain) {
  const SelfSigned own = selfSigned();
  EXPECT_TRUE(used(own.certificate, own.key));
  EXPECT_TRUE(used(own.certificate + selfSigned().certificate, own.key));
  EXPECT_TRUE(used("Some words.\n" + own.certificate, "Others.\n" + own.key));
  EXPECT_TRUE(used(own.key + own.certificate, own.certificate + own.key)) << "one file with both";
}

TEST(TlsCertificate, AMissingOneOrAnothersKeyIsRefused) {
  const SelfSigned own = selfSigned();
  EXPECT_EQ(used("", own.key).error().message, "there is no certificate");
  EXPECT_EQ(used(own.certificate, "").error().message, "read private key: there is none");
  const Result<void> others = used(own.certificate, selfSigned().key);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, Code::kInvalid);
  EXPECT_THAT(others.error().message, StartsWith("use the certificate's key: "));
}

}  // namespace
}  // namespace cubelet::tls
