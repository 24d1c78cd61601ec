#include "kubelet/podconfig/dns.h"

#include <algorithm>
#include <sstream>

#include "kubelet/api/pod.h"

namespace cubelet::podconfig {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMaxNameservers = 3;
constexpr std::size_t kMaxSearches = 32;
constexpr std::size_t kMaxSearchLine = 2048;
// A DNS name in text form has at most 253 characters; some versions of glibc abort on longer ones.
constexpr std::size_t kMaxSearch = 253;
constexpr char kForming[] = "DNSConfigForming";

Words wordsOf(std::string_view line) {
  std::istringstream stream{std::string(line)};
  Words words;
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  return words;
}

std::string joined(const Words& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

void addNew(Words& all, const std::string& word) {
  if (std::find(all.begin(), all.end(), word) == all.end()) all.push_back(word);
}

// An option of the same name is replaced in its place.
void setOption(Words& options, const std::string& option) {
  const std::string name = option.substr(0, option.find(':'));
  for (std::string& known : options)
    if (known.substr(0, known.find(':')) == name) {
      known = option;
      return;
    }
  options.push_back(option);
}

void readSearches(const Words& words, Words& searches) {
  searches.clear();
  for (std::size_t i = 1; i < words.size(); ++i) {
    std::string domain = words[i];
    if (domain.ends_with('.')) domain.pop_back();
    if (!domain.empty()) searches.push_back(std::move(domain));
  }
}

enum class Kind { kCluster, kNode, kNone };

Kind kindOf(const core::PodSpec& spec) {
  if (spec.dnspolicy() == "None") return Kind::kNone;
  if (spec.dnspolicy() == "Default") return Kind::kNode;
  if (spec.dnspolicy() == "ClusterFirstWithHostNet") return Kind::kCluster;
  return spec.hostnetwork() ? Kind::kNode : Kind::kCluster;
}

ResolvConf clusterConf(const core::Pod& pod, const NodeDns& node) {
  ResolvConf out;
  out.nameservers = node.clusterDns;
  if (!node.clusterDomain.empty()) {
    addNew(out.searches, pod.metadata().namespace_() + ".svc." + node.clusterDomain);
    addNew(out.searches, "svc." + node.clusterDomain);
    addNew(out.searches, node.clusterDomain);
  }
  for (const std::string& search : node.resolvConf.searches) addNew(out.searches, search);
  out.options = {"ndots:5"};
  return out;
}

ResolvConf nodeConf(const NodeDns& node, std::vector<DnsWarning>& warnings) {
  if (!node.error.empty()) warnings.push_back({kForming, node.error, ""});
  if (node.localServers.empty()) return node.resolvConf;
  ResolvConf out;
  out.nameservers = node.localServers;
  out.searches = {"."};
  return out;
}

DnsWarning missingClusterDns(const core::Pod& pod) {
  const std::string text =
      "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling "
      "back "
      "to \"Default\" policy.";
  return {"MissingClusterDNS", "pod: \"" + api::podFullName(pod) + "\". " + text, text};
}

// The pod's own dnsConfig comes last and wins (NET-9).
void merge(const core::PodDNSConfig& own, ResolvConf& conf) {
  for (const std::string& server : own.nameservers()) addNew(conf.nameservers, server);
  for (const std::string& search : own.searches()) addNew(conf.searches, search);
  for (const core::PodDNSConfigOption& option : own.options()) {
    if (option.name().empty()) continue;
    setOption(conf.options, option.value().empty() ? option.name() : option.name() + ":" + option.value());
  }
}

void limitNameservers(Words& servers, std::vector<DnsWarning>& warnings) {
  if (servers.size() <= kMaxNameservers) return;
  servers.resize(kMaxNameservers);
  warnings.push_back({kForming,
                      "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver "
                      "line is: " +
                          joined(servers),
                      ""});
}

void limitSearches(Words& searches, std::vector<DnsWarning>& warnings) {
  const std::size_t before = searches.size();
  if (searches.size() > kMaxSearches) searches.resize(kMaxSearches);
  std::erase_if(searches, [](const std::string& search) { return search.size() > kMaxSearch; });
  while (joined(searches).size() > kMaxSearchLine) searches.pop_back();
  if (searches.size() == before) return;
  warnings.push_back({kForming,
                      "Search Line limits were exceeded, some search paths have been omitted, the applied search line "
                      "is: " +
                          joined(searches),
                      ""});
}

}  // namespace

ResolvConf parseResolvConf(std::string_view text) {
  ResolvConf out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const Words words = wordsOf(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0] == "nameserver" && words.size() > 1) out.nameservers.push_back(words[1]);
    if (words[0] == "search") readSearches(words, out.searches);
    if (words[0] == "options")
      for (std::size_t i = 1; i < words.size(); ++i) setOption(out.options, words[i]);
  }
  return out;
}

std::string resolvConfProblem(const NodeDns& node, const std::string& path) {
  if (!node.error.empty()) return node.error;
  // The cluster's own searches come before the node's.
  const std::size_t most = kMaxSearches - (node.clusterDomain.empty() ? 0 : 3);
  const Words& searches = node.resolvConf.searches;
  if (searches.size() > most)
    return "Resolv.conf file '" + path + "' contains search line consisting of more than " + std::to_string(most) +
           " domains!";
  for (const std::string& search : searches)
    if (search.size() > kMaxSearch)
      return "Resolv.conf file '" + path + "' contains a search path which length is more than allowed " +
             std::to_string(kMaxSearch) + " chars!";
  if (joined(searches).size() > kMaxSearchLine)
    return "Resolv.conf file '" + path + "' contains search line which length is more than allowed " +
           std::to_string(kMaxSearchLine) + " chars!";
  return "";
}

std::vector<std::string> localServersFor(const std::vector<std::string>& nodeIps) {
  std::vector<std::string> out;
  for (const std::string& ip : nodeIps) addNew(out, ip.find(':') != std::string::npos ? "::1" : "127.0.0.1");
  if (out.empty()) out.emplace_back("127.0.0.1");
  return out;
}

PodDns makeDnsConfig(const core::Pod& pod, const NodeDns& node) {
  PodDns out;
  ResolvConf conf;
  Kind kind = kindOf(pod.spec());
  if (kind == Kind::kCluster && node.clusterDns.empty()) {
    out.warnings.push_back(missingClusterDns(pod));
    kind = Kind::kNode;
  }
  if (kind == Kind::kCluster) conf = clusterConf(pod, node);
  if (kind == Kind::kNode) conf = nodeConf(node, out.warnings);
  merge(pod.spec().dnsconfig(), conf);
  limitNameservers(conf.nameservers, out.warnings);
  limitSearches(conf.searches, out.warnings);
  out.config.mutable_servers()->Assign(conf.nameservers.begin(), conf.nameservers.end());
  out.config.mutable_searches()->Assign(conf.searches.begin(), conf.searches.end());
  out.config.mutable_options()->Assign(conf.options.begin(), conf.options.end());
  return out;
}

}  // namespace cubelet::podconfig
