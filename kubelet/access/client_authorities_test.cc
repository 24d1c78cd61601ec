#include "kubelet/access/client_authorities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/access/test_clients.h"

namespace cubelet::access {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

class SRV_7_Certificates : public testing::Test {
 protected:
  void trust(const TestAuthority& trusted) { ASSERT_TRUE(writeFileAtomic(file, trusted.pem(), 0644)); }
  std::string problem(const std::vector<std::string>& chain) {
    Result<web::Identity> identity = authorities.identify(chain, now);
    return identity ? "" : identity.error().message;
  }

  WallTime now{std::chrono::seconds(1'800'000'000)};
  TempDir dir;
  std::string file = dir.path() + "/ca.crt";
  TestAuthority authority;
  TestAuthority other;
  ClientAuthorities authorities{file};
};

TEST_F(SRV_7_Certificates, NameUserAndGroups) {
  trust(authority);
  const auto client = authority.issue({"system:node:a", {"system:nodes", "b"}}, now - hours(1), now + hours(1));
  Result<web::Identity> identity = authorities.identify({client.der}, now);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->user, "system:node:a");
  EXPECT_THAT(identity->groups, ElementsAre("system:nodes", "b"));
}

TEST_F(SRV_7_Certificates, MustBeSignedValidAndForClients) {
  trust(authority);
  EXPECT_THAT(problem({other.issue({"a", {}}, now - hours(1), now + hours(1)).der}), HasSubstr("signature failure"));
  EXPECT_THAT(problem({authority.issue({"a", {}}, now - hours(2), now - hours(1)).der}), HasSubstr("expired"));
  EXPECT_THAT(problem({authority.issue({"a", {}}, now + hours(1), now + hours(2)).der}), HasSubstr("not yet valid"));
  EXPECT_THAT(problem({authority.issue({"a", {}}, now - hours(1), now + hours(1), "serverAuth").der}),
              HasSubstr("purpose"));
  EXPECT_THAT(problem({authority.issue({"", {"g"}}, now - hours(1), now + hours(1)).der}), HasSubstr("names nobody"));
  EXPECT_NE(problem({"nonsense"}), "");
  EXPECT_NE(problem({}), "");
}

TEST_F(SRV_7_Certificates, TheAuthoritiesAreReadAgainWhenTheyChange) {
  const auto client = authority.issue({"a", {}}, now - hours(1), now + hours(1));
  const auto others = other.issue({"a", {}}, now - hours(1), now + hours(1));
  EXPECT_NE(problem({client.der}), "") << "there is no file yet";
  trust(authority);
  EXPECT_EQ(problem({client.der}), "");
  trust(other);
  EXPECT_NE(problem({client.der}), "");
  EXPECT_EQ(problem({others.der}), "");
  ASSERT_TRUE(writeFileAtomic(file, "half written", 0644));
  EXPECT_EQ(problem({others.der}), "") << "what cannot be used changes nothing";
  const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  ASSERT_TRUE(writeFileAtomic(file, authority.pem() + broken + other.pem(), 0644));
  EXPECT_EQ(problem({others.der}), "") << "nor does half of a file";
  EXPECT_NE(problem({client.der}), "");
}

}  // namespace
}  // namespace cubelet::access
