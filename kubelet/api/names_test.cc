#include "kubelet/api/names.h"

#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace cubelet::api {
namespace {

using Rule = Reasons (*)(std::string_view);

struct Case {
  const char* rule;
  Rule why;
  std::string value;
  std::string reason;  // part of the only reason; empty: the value is right
};

void PrintTo(const Case& test, std::ostream* out) {
  *out << test.rule;
}

class Names : public testing::TestWithParam<Case> {};

TEST_P(Names, AreJudged) {
  const Case& want = GetParam();
  Reasons reasons = want.why(want.value);
  if (want.reason.empty()) {
    EXPECT_TRUE(reasons.empty()) << want.rule << " " << want.value << ": " << reasons.front();
    return;
  }
  ASSERT_EQ(reasons.size(), 1u) << want.rule << " " << want.value;
  EXPECT_NE(reasons[0].find(want.reason), std::string::npos) << reasons[0];
}

const std::string k63(63, 'a');
const std::string k64(64, 'a');
const std::string k253 = k63 + "." + k63 + "." + k63 + "." + std::string(61, 'a');

INSTANTIATE_TEST_SUITE_P(
    Labels, Names,
    testing::Values(
        Case{"dnsLabel", whyNotDnsLabel, "web-1", ""}, Case{"dnsLabel", whyNotDnsLabel, "1", ""},
        Case{"dnsLabel", whyNotDnsLabel, k63, ""}, Case{"dnsLabel", whyNotDnsLabel, k64, "no more than 63"},
        Case{"dnsLabel", whyNotDnsLabel, "", "DNS label"}, Case{"dnsLabel", whyNotDnsLabel, "Web", "DNS label"},
        Case{"dnsLabel", whyNotDnsLabel, "-web", "DNS label"}, Case{"dnsLabel", whyNotDnsLabel, "web-", "DNS label"},
        Case{"dnsLabel", whyNotDnsLabel, "we_b", "DNS label"},
        Case{"dnsLabel", whyNotDnsLabel, "a.b", "must not contain dots"},
        Case{"subdomain", whyNotDnsSubdomain, "a.b-c.d1", ""}, Case{"subdomain", whyNotDnsSubdomain, k253, ""},
        Case{"subdomain", whyNotDnsSubdomain, k253 + "a", "no more than 253"},
        Case{"subdomain", whyNotDnsSubdomain, "", "DNS name"},
        Case{"subdomain", whyNotDnsSubdomain, "a..b", "DNS name"},
        Case{"subdomain", whyNotDnsSubdomain, "a.", "DNS name"},
        Case{"subdomain", whyNotDnsSubdomain, "a_b", "DNS name"},
        Case{"search", whyNotSearchDomain, "_tcp.a_b.example", ""},
        Case{"search", whyNotSearchDomain, "__tcp", "DNS name"},
        Case{"labelKey", whyNotLabelKey, "app.kubernetes.io/Name_1", ""}, Case{"labelKey", whyNotLabelKey, "app", ""},
        Case{"labelKey", whyNotLabelKey, "", "name part must be non"},
        Case{"labelKey", whyNotLabelKey, "/x", "prefix part must be non"},
        Case{"labelKey", whyNotLabelKey, "Example.com/x", "prefix part must be a DNS name"},
        Case{"labelKey", whyNotLabelKey, "a/b/c", "one '/'"},
        Case{"labelKey", whyNotLabelKey, "x-", "name part must be letters"},
        Case{"labelKey", whyNotLabelKey, k64, "name part must be no more than 63"},
        Case{"labelValue", whyNotLabelValue, "", ""}, Case{"labelValue", whyNotLabelValue, "V1.2_x", ""},
        Case{"labelValue", whyNotLabelValue, "a b", "must be letters"},
        Case{"labelValue", whyNotLabelValue, k64, "no more than 63"}));

INSTANTIATE_TEST_SUITE_P(
    Others, Names,
    testing::Values(
        Case{"portName", whyNotPortName, "http-1", ""},
        Case{"portName", whyNotPortName, "abcdefghijklmnop", "no more than 15"},
        Case{"portName", whyNotPortName, "8080", "at least one letter"},
        Case{"portName", whyNotPortName, "a--b", "consecutive"}, Case{"portName", whyNotPortName, "a-", "begin or end"},
        Case{"portName", whyNotPortName, "hTtp", "only lower-case"}, Case{"env", whyNotEnvName, "my.VAR-1 x", ""},
        Case{"env", whyNotEnvName, "1", ""}, Case{"env", whyNotEnvName, "a=b", "other than '='"},
        Case{"env", whyNotEnvName, "\xc3\xa4", "printable ASCII"}, Case{"env", whyNotEnvName, "", "non-empty"},
        Case{"configKey", whyNotConfigKey, ".conf_1-x", ""}, Case{"configKey", whyNotConfigKey, "a/b", "letters"},
        Case{"configKey", whyNotConfigKey, "..", "must not be '..'"},
        Case{"configKey", whyNotConfigKey, "..a", "start with '..'"}, Case{"header", whyNotHeaderName, "X-Y1", ""},
        Case{"header", whyNotHeaderName, "X_Y", "header name"}, Case{"ip", whyNotIp, "10.0.0.1", ""},
        Case{"ip", whyNotIp, "fe80::1", ""}, Case{"ip", whyNotIp, "010.0.0.1", "valid IP"},
        Case{"ip", whyNotIp, "10.0.0", "valid IP"}, Case{"ip", whyNotIp, "FE80::1", "canonical form (\"fe80::1\")"},
        Case{"ip", whyNotIp, "::ffff:1.2.3.4", "IPv4-mapped"},
        Case{"ip", whyNotIp, std::string("1.2.3.4\0x", 9), "valid IP"}));

TEST(Names, NumbersHaveInclusiveBounds) {
  EXPECT_TRUE(whyNotPortNumber(1).empty());
  EXPECT_TRUE(whyNotPortNumber(65535).empty());
  EXPECT_EQ(whyNotPortNumber(0), Reasons{"must be between 1 and 65535, inclusive"});
  EXPECT_EQ(whyNotPortNumber(65536).size(), 1u);
  EXPECT_TRUE(whyNotUserOrGroupId(0).empty());
  EXPECT_TRUE(whyNotUserOrGroupId(2147483647).empty());
  EXPECT_EQ(whyNotUserOrGroupId(-1).size(), 1u);
  EXPECT_EQ(whyNotUserOrGroupId(2147483648).size(), 1u);
}

}  // namespace
}  // namespace cubelet::api
