#include "kubelet/volumes/trust_anchors.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace cubelet::volumes {
namespace {

namespace meta = ::k8s::meta::v1;
using Labels = std::map<std::string, std::string>;

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
constexpr std::size_t kLine = 64;

Result<bool> matches(const meta::LabelSelectorRequirement& requirement, const Labels& labels) {
  auto label = labels.find(requirement.key());
  const bool has = label != labels.end();
  const auto& values = requirement.values();
  const bool listed = has && std::find(values.begin(), values.end(), label->second) != values.end();
  const std::string& how = requirement.operator_();
  if (how == "In") return listed;
  if (how == "NotIn") return !listed;
  if (how == "Exists") return has;
  if (how == "DoesNotExist") return !has;
  return fail(Code::kInvalid, "", "parse the label selector: \"" + how + "\" is not a valid label selector operator");
}

Result<bool> matches(const meta::LabelSelector& selector, const Labels& labels) {
  bool all = true;
  for (const auto& [key, value] : selector.matchlabels()) {
    auto label = labels.find(key);
    all = all && label != labels.end() && label->second == value;
  }
  for (const meta::LabelSelectorRequirement& requirement : selector.matchexpressions()) {
    Result<bool> one = matches(requirement, labels);
    if (!one) return one;
    all = all && *one;
  }
  return all;
}

// The base64 text of a block: its lines behind the headers, without white space.
std::string contentOf(std::string_view block) {
  if (block.find(':') != std::string_view::npos) {
    // Headers end with an empty line.
    const std::size_t end = std::min(block.find("\n\n"), block.find("\n\r\n"));
    block.remove_prefix(std::min(end, block.size()));
  }
  std::string content;
  for (char c : block)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') content += c;
  return content;
}

void addCertificates(std::string_view pem, std::set<std::string>& found) {
  for (;;) {
    const std::size_t begin = pem.find(kBegin);
    if (begin == std::string_view::npos) return;
    pem.remove_prefix(begin + kBegin.size());
    const std::size_t end = pem.find(kEnd);
    if (end == std::string_view::npos) return;
    if (std::string content = contentOf(pem.substr(0, end)); !content.empty()) found.insert(std::move(content));
    pem.remove_prefix(end + kEnd.size());
  }
}

std::string toPem(const std::set<std::string>& certificates) {
  std::string pem;
  for (const std::string& content : certificates) {
    pem.append(kBegin).append("\n");
    for (std::size_t at = 0; at < content.size(); at += kLine) pem.append(content, at, kLine).append("\n");
    pem.append(kEnd).append("\n");
  }
  return pem;
}

Result<bool> isMeant(const objects::TrustBundle& bundle, const core::ClusterTrustBundleProjection& source) {
  if (source.has_name()) return bundle.name == source.name();
  if (!source.has_labelselector()) return false;
  Result<bool> matched = matches(source.labelselector(), bundle.labels);
  if (!matched) return matched;
  return *matched && bundle.signer == source.signername();
}

}  // namespace

Result<std::string> trustAnchors(const objects::TrustBundles& bundles,
                                 const core::ClusterTrustBundleProjection& source) {
  std::set<std::string> certificates;
  bool found = false;
  for (const objects::TrustBundle& bundle : bundles) {
    Result<bool> meant = isMeant(bundle, source);
    if (!meant) return fail(meant.error());
    if (!*meant) continue;
    found = true;
    addCertificates(bundle.pem, certificates);
  }
  if (found || source.optional()) return toPem(certificates);
  if (source.has_name())
    return fail(Code::kNotFound, "", "clustertrustbundle.certificates.k8s.io \"" + source.name() + "\" not found");
  return fail(Code::kNotFound, "", "combination of signerName and labelSelector matched zero ClusterTrustBundles");
}

}  // namespace cubelet::volumes
