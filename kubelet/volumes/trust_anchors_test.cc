#include "kubelet/volumes/trust_anchors.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace cubelet::volumes {
namespace {

std::string block(const std::string& content) {
  return "-----BEGIN CERTIFICATE-----\n" + content + "\n-----END CERTIFICATE-----\n";
}

const objects::TrustBundles& cluster() {
  static const objects::TrustBundles bundles = {
      {"corp", {}, "", block("QUFB")},
      {"example.com:ca:old", {{"age", "old"}}, "example.com/ca", block("QkJC") + block("Q0ND")},
      {"example.com:ca:new", {{"age", "new"}}, "example.com/ca", block("Q0ND") + block("RERE")},
      {"other.com:ca:new", {{"age", "new"}}, "other.com/ca", block("RUVF")},
  };
  return bundles;
}

struct Case {
  std::string name;
  std::string source;
  std::string want;  // content of the certificates, or the error
};

class CMS_10_TrustAnchors : public testing::TestWithParam<Case> {};

TEST_P(CMS_10_TrustAnchors, AreThoseOfTheBundlesThatAreMeant) {
  core::ClusterTrustBundleProjection source;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().source, &source));
  Result<std::string> anchors = trustAnchors(cluster(), source);
  if (!anchors) {
    EXPECT_EQ(anchors.error().message, GetParam().want);
    return;
  }
  std::string want;
  for (char letter : GetParam().want) {
    const std::map<char, std::string> contents = {
        {'A', "QUFB"}, {'B', "QkJC"}, {'C', "Q0ND"}, {'D', "RERE"}, {'E', "RUVF"}};
    want += block(contents.at(letter));
  }
  EXPECT_EQ(*anchors, want);
}

constexpr char kZero[] = "combination of signerName and labelSelector matched zero ClusterTrustBundles";

INSTANTIATE_TEST_SUITE_P(
    Cases, CMS_10_TrustAnchors,
    testing::Values(
        Case{"ByName", "name: 'corp'", "A"}, Case{"ByNameOfASigner", "name: 'example.com:ca:new'", "CD"},
        Case{"MissingName", "name: 'none'", "clustertrustbundle.certificates.k8s.io \"none\" not found"},
        Case{"OptionalMissingName", "name: 'none' optional: true", ""},
        Case{"AllOfASignerEachOnce", "signerName: 'example.com/ca' labelSelector {}", "CBD"},
        Case{"WithoutSelectorNothing", "signerName: 'example.com/ca'", kZero},
        Case{"OptionalWithoutSelector", "signerName: 'example.com/ca' optional: true", ""},
        Case{"ByLabel", "signerName: 'example.com/ca' labelSelector { matchLabels { key: 'age' value: 'old' } }", "CB"},
        Case{"OtherLabel", "signerName: 'example.com/ca' labelSelector { matchLabels { key: 'a' value: 'b' } }", kZero},
        Case{"In",
             "signerName: 'example.com/ca' labelSelector { matchExpressions { key: 'age' operator: 'In' values: 'new' "
             "values: 'x' } }",
             "CD"},
        Case{"NotIn",
             "signerName: 'example.com/ca' labelSelector { matchExpressions { key: 'age' operator: 'NotIn' values: "
             "'new' } }",
             "CB"},
        Case{"Exists",
             "signerName: 'other.com/ca' labelSelector { matchExpressions { key: 'age' operator: 'Exists' } }", "E"},
        Case{"DoesNotExist",
             "signerName: 'other.com/ca' labelSelector { matchExpressions { key: 'age' operator: 'DoesNotExist' } }",
             kZero},
        Case{"BadOperator",
             "signerName: 'other.com/ca' labelSelector { matchExpressions { key: 'age' operator: 'Like' } }",
             "parse the label selector: \"Like\" is not a valid label selector operator"}),
    [](const auto& test) { return test.param.name; });

TEST(TrustAnchors, CMS_10_AreWithoutCommentsAndHeadersAndOtherBlocks) {
  core::ClusterTrustBundleProjection source;
  source.set_name("messy");
  const std::string longLine(100, 'A');
  const objects::TrustBundles bundles = {
      {"messy",
       {},
       "",
       "a comment\r\n-----BEGIN CERTIFICATE-----\r\nQU\r\nFB\r\n-----END CERTIFICATE-----\nmore\n" + block("QUFB") +
           "-----BEGIN CERTIFICATE-----\nProc-Type: 4\nX: y\n\nQkJC\n-----END CERTIFICATE-----\n" +
           "-----BEGIN PUBLIC KEY-----\nUFVC\n-----END PUBLIC KEY-----\n" + block(longLine) +
           "-----BEGIN CERTIFICATE-----\ncut off"}};
  EXPECT_EQ(trustAnchors(bundles, source).value(),
            block(std::string(64, 'A') + "\n" + std::string(36, 'A')) + block("QUFB") + block("QkJC"));
}

}  // namespace
}  // namespace cubelet::volumes
