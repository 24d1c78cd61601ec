#include "kubelet/api/quantity.h"

#include <gtest/gtest.h>
#include <limits>
#include <ostream>

namespace cubelet::api {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

struct Good {
  std::string_view text;
  std::int64_t value;
  std::int64_t milli;
  std::string_view canonical;
};

void PrintTo(const Good& test, std::ostream* out) {
  *out << test.text;
}

class GoodQuantity : public testing::TestWithParam<Good> {};

TEST_P(GoodQuantity, HasValueMilliValueAndCanonicalForm) {
  const Good& want = GetParam();
  EXPECT_EQ(quantityValue(want.text).value(), want.value);
  EXPECT_EQ(quantityMilliValue(want.text).value(), want.milli);
  EXPECT_EQ(canonicalQuantity(want.text).value(), want.canonical);
  EXPECT_EQ(canonicalQuantity(want.canonical).value(), want.canonical);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, GoodQuantity,
    testing::Values(
        Good{"0", 0, 0, "0"}, Good{"0Ki", 0, 0, "0"}, Good{"-0.0", 0, 0, "0"}, Good{"1", 1, 1000, "1"},
        Good{"+2", 2, 2000, "2"}, Good{"0010", 10, 10000, "10"}, Good{"250m", 1, 250, "250m"},
        Good{"0.5", 1, 500, "500m"}, Good{".5", 1, 500, "500m"}, Good{"1.", 1, 1000, "1"},
        Good{"1500m", 2, 1500, "1500m"}, Good{"1000m", 1, 1000, "1"}, Good{"2000", 2000, 2000000, "2k"},
        Good{"1e3", 1000, 1000000, "1e3"}, Good{"1E3", 1000, 1000000, "1e3"}, Good{"1e+3", 1000, 1000000, "1e3"},
        Good{"12e-1", 2, 1200, "1200e-3"}, Good{"5e0", 5, 5000, "5"}, Good{"64Mi", 67108864, 67108864000, "64Mi"},
        Good{"2.5Gi", 2684354560, 2684354560000, "2560Mi"}, Good{"2048Ki", 2097152, 2097152000, "2Mi"},
        Good{"1Ki", 1024, 1024000, "1Ki"}, Good{"0.5Ki", 512, 512000, "512"}, Good{"1.5Ki", 1536, 1536000, "1536"},
        Good{"0.0001Ki", 1, 103, "102400u"}, Good{"1k", 1000, 1000000, "1k"}, Good{"3M", 3000000, 3000000000, "3M"},
        Good{"1u", 1, 1, "1u"}, Good{"1n", 1, 1, "1n"}, Good{"0.1n", 1, 1, "1n"}, Good{"-0.1n", -1, -1, "-1n"},
        Good{"-1500m", -2, -1500, "-1500m"}, Good{"1E", 1000000000000000000, kMax, "1E"},
        Good{"8Ei", kMax, kMax, "9223372036854775807"}, Good{"100E", kMax, kMax, "100E"},
        Good{"-100E", kMin, kMin, "-100E"}, Good{"1e400", kMax, kMax, "99999999999999999999999999999999999999e-9"},
        Good{"1e-400", 1, 1, "1e-9"}, Good{"0.3333333333333333333333333333333333333333333333", 1, 334, "333333334n"}));

class BadQuantity : public testing::TestWithParam<std::string_view> {};

TEST_P(BadQuantity, IsRefused) {
  Result<std::int64_t> value = quantityValue(GetParam());
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, Code::kInvalid);
  EXPECT_FALSE(quantityMilliValue(GetParam()).has_value());
  EXPECT_FALSE(canonicalQuantity(GetParam()).has_value());
}

INSTANTIATE_TEST_SUITE_P(Cases, BadQuantity,
                         testing::Values("", " ", "1 ", " 1", "-", "+", ".", "Mi", "1mi", "1K", "1ki", "1KiB", "1e",
                                         "1e+", "1e++3", "1e+-3", "1e3.5", "1.2.3", "--1", "1i", "1Mi5", "0x10", "1,5",
                                         "ten", "1e99999999999999999999"));

TEST(Quantity, ErrorNamesTheText) {
  EXPECT_NE(quantityValue("1 GB").error().message.find("\"1 GB\""), std::string::npos);
}

TEST(Quantity, ComparesAcrossNotations) {
  EXPECT_EQ(compareQuantities("1024Mi", "1Gi"), 0);
  EXPECT_EQ(compareQuantities("1000m", "1"), 0);
  EXPECT_EQ(compareQuantities("999m", "1"), -1);
  EXPECT_EQ(compareQuantities("1Gi", "1G"), 1);
  EXPECT_EQ(compareQuantities("-1", "0"), -1);
  EXPECT_EQ(compareQuantities("nonsense", "0"), 0);
}

TEST(Quantity, SumKeepsTheNotationOfTheFirstThatIsNotZero) {
  EXPECT_EQ(addQuantities("500m", "1"), "1500m");
  EXPECT_EQ(addQuantities("1Mi", "1Mi"), "2Mi");
  EXPECT_EQ(addQuantities("1Mi", "1M"), "2048576");
  EXPECT_EQ(addQuantities("", "64Mi"), "64Mi");
  EXPECT_EQ(addQuantities("0", "1e3"), "1e3");
  EXPECT_EQ(addQuantities("1e3", "1k"), "2e3");
  EXPECT_EQ(addQuantities("1", "-1"), "0");
}

TEST(Quantity, ResourcesAreRoundedUpToThousandths) {
  EXPECT_EQ(canonicalResourceQuantity("1100u").value(), "2m");
  EXPECT_EQ(canonicalResourceQuantity("0.1m").value(), "1m");
  EXPECT_EQ(canonicalResourceQuantity("0.5").value(), "500m");
  EXPECT_EQ(canonicalResourceQuantity("64Mi").value(), "64Mi");
}

TEST(Quantity, MillionsOfDigitsAreNoTrap) {
  EXPECT_EQ(quantityValue(std::string(1'000'000, '9')).value(), kMax);
  EXPECT_EQ(quantityValue("0." + std::string(1'000'000, '9')).value(), 1);
}

}  // namespace
}  // namespace cubelet::api
