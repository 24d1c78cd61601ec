#include "kubelet/certificates/certificate_rotation.h"

#include <gtest/gtest.h>

#include "kubelet/certificates/test_authority.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

CertificateFacts lasting(std::int64_t from, std::int64_t to) {
  CertificateFacts facts;
  facts.notBefore = at(from);
  facts.notAfter = at(to);
  facts.commonName = "system:node:n1";
  facts.organizations = {"system:nodes"};
  return facts;
}

TEST(RenewalTime, IsBetween70And90PercentOfTheLifetime) {
  const CertificateFacts facts = lasting(kStart, kStart + 1000);
  EXPECT_EQ(renewalTime(facts, 0), at(kStart + 700));
  EXPECT_EQ(renewalTime(facts, 0.5), at(kStart + 800));
  EXPECT_LE(renewalTime(facts, 0.999999), at(kStart + 900));
  EXPECT_GT(renewalTime(facts, 0.999999), at(kStart + 898));
}

TEST(RenewalTime, HoldsForAnyLifetime) {
  EXPECT_EQ(renewalTime(lasting(kStart, kStart), 0.5), at(kStart));
  EXPECT_EQ(renewalTime(lasting(kStart, kStart - 5), 0.5), at(kStart));
  const CertificateFacts longest = lasting(-9'000'000'000, 9'000'000'000);
  EXPECT_GT(renewalTime(longest, 0.5), at(5'000'000'000));
  EXPECT_LT(renewalTime(longest, 0.5), at(9'000'000'000));
}

TEST(IsExpired, OnlyAfterItsLastSecond) {
  const CertificateFacts facts = lasting(kStart, kStart + 10);
  EXPECT_FALSE(isExpired(facts, at(kStart + 10)));
  EXPECT_FALSE(isExpired(facts, at(kStart + 10) + milliseconds(999)));
  EXPECT_TRUE(isExpired(facts, at(kStart + 11)));
  EXPECT_FALSE(isExpired(facts, at(kStart - kDay))) << "a clock that lags behind";
}

TEST(RenewalNeed, Table) {
  const CertificateFacts current = lasting(kStart, kStart + 1000);
  const CertificateSubject same = nodeClientSubject("n1");
  const CertificateSubject other = nodeServingSubject("n1", {}, {"10.0.0.1"});
  struct Case {
    const char* name;
    const CertificateFacts* current;
    const CertificateSubject* wanted;
    std::int64_t now;
    RenewalNeed want;
  };
  const Case cases[] = {
      {"fresh", &current, &same, kStart, RenewalNeed::kNone},
      {"just before", &current, &same, kStart + 799, RenewalNeed::kNone},
      {"due", &current, &same, kStart + 800, RenewalNeed::kDue},
      {"expired", &current, &same, kStart + 1001, RenewalNeed::kExpired},
      {"none", nullptr, &same, kStart, RenewalNeed::kMissing},
      {"a new address", &current, &other, kStart, RenewalNeed::kSubject},
      {"expired, a new address", &current, &other, kStart + 2000, RenewalNeed::kExpired},
      {"no address known", nullptr, nullptr, kStart, RenewalNeed::kNone},
      {"no address known, due", &current, nullptr, kStart + 800, RenewalNeed::kNone},
      {"a clock that lags behind", &current, &same, kStart - 10 * kDay, RenewalNeed::kNone},
  };
  for (const Case& c : cases)
    EXPECT_EQ(renewalNeed({c.current, at(kStart + 800), c.wanted}, at(c.now)), c.want) << c.name;
}

TEST(UntilNextLook, IsTheRenewalOrAnHour) {
  const CertificateFacts current = lasting(kStart, kStart + 100 * kDay);
  const CertificateSubject wanted = nodeClientSubject("n1");
  const RenewalInput input{&current, at(kStart + 80 * kDay), &wanted};
  EXPECT_EQ(untilNextLook(input, at(kStart)), Duration(hours(1)));
  EXPECT_EQ(untilNextLook(input, at(kStart + 80 * kDay - 60)), Duration(seconds(60)));
  EXPECT_EQ(untilNextLook(input, at(kStart + 80 * kDay) - milliseconds(1)), Duration(milliseconds(1)));
  EXPECT_EQ(untilNextLook(input, at(kStart + 90 * kDay)), Duration(0));
  EXPECT_EQ(untilNextLook({&current, at(9'000'000'000), &wanted}, at(-9'000'000'000)), Duration(hours(1)));
  EXPECT_EQ(untilNextLook({&current, at(kStart), nullptr}, at(kStart)), std::nullopt);
}

TEST(RenewalPause, DoublesFrom2To32Seconds) {
  const int want[] = {2, 4, 8, 16, 32, 32, 32};
  for (int failures = 1; failures <= 7; ++failures)
    EXPECT_EQ(renewalPause(failures, 0), Duration(seconds(want[failures - 1]))) << failures;
  EXPECT_EQ(renewalPause(1'000'000'000, 0), Duration(seconds(32)));
  EXPECT_EQ(renewalPause(0, 0), Duration(seconds(2)));
  EXPECT_GT(renewalPause(1, 0.9), Duration(seconds(2)));
  EXPECT_LE(renewalPause(1, 0.999), Duration(milliseconds(2200)));
}

}  // namespace
}  // namespace cubelet::apiserver
