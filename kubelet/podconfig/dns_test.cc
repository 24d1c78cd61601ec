#include "kubelet/podconfig/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::podconfig {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

core::Pod podWith(const std::string& policy, bool hostNetwork = false) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("web");
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_uid("u1");
  pod.mutable_spec()->set_dnspolicy(policy);
  pod.mutable_spec()->set_hostnetwork(hostNetwork);
  return pod;
}

NodeDns nodeWithCluster() {
  NodeDns node;
  node.resolvConf = {.nameservers = {"192.0.2.53"}, .searches = {"corp.example"}, .options = {"rotate"}};
  node.clusterDns = {"10.96.0.10"};
  node.clusterDomain = "cluster.local";
  return node;
}

// ---- resolv.conf ----

TEST(ResolvConf, NET_11_LastSearchLineWinsAndDotsGo) {
  const ResolvConf conf = parseResolvConf(
      "# nameserver 1.1.1.1\n  # search never\nnameserver 192.0.2.1 trailing\nnameserver\t2001:db8::1\r\n"
      "search old.example\nsearch . a.example. b.example\nnameserver\nsortlist 1\noptions ndots:2 rotate\n"
      "options ndots:3");
  EXPECT_THAT(conf.nameservers, ElementsAre("192.0.2.1", "2001:db8::1"));
  EXPECT_THAT(conf.searches, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(conf.options, ElementsAre("ndots:3", "rotate"));
}

TEST(ResolvConf, AnEmptySearchLineEmptiesTheList) {
  EXPECT_THAT(parseResolvConf("search a.example\nsearch\n").searches, IsEmpty());
  EXPECT_THAT(parseResolvConf("").nameservers, IsEmpty());
}

TEST(ResolvConf, NET_11_LocalServersFollowTheNodesFamilies) {
  EXPECT_THAT(localServersFor({"10.0.0.1", "2001:db8::2"}), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(localServersFor({"2001:db8::2"}), ElementsAre("::1"));
  EXPECT_THAT(localServersFor({}), ElementsAre("127.0.0.1"));
}

// ---- Policies ----

struct PolicyCase {
  const char* policy;
  bool hostNetwork;
  const char* server;
};
struct DnsPolicy : testing::TestWithParam<PolicyCase> {};

TEST_P(DnsPolicy, NET_8_ChoosesTheServers) {
  const PolicyCase& c = GetParam();
  const PodDns dns = makeDnsConfig(podWith(c.policy, c.hostNetwork), nodeWithCluster());
  EXPECT_THAT(dns.warnings, IsEmpty());
  if (std::string(c.server).empty())
    EXPECT_THAT(dns.config.servers(), IsEmpty());
  else
    EXPECT_THAT(dns.config.servers(), ElementsAre(c.server));
}

INSTANTIATE_TEST_SUITE_P(Each, DnsPolicy,
                         testing::Values(PolicyCase{"", false, "10.96.0.10"},
                                         PolicyCase{"ClusterFirst", false, "10.96.0.10"},
                                         PolicyCase{"ClusterFirst", true, "192.0.2.53"},
                                         PolicyCase{"ClusterFirstWithHostNet", true, "10.96.0.10"},
                                         PolicyCase{"ClusterFirstWithHostNet", false, "10.96.0.10"},
                                         PolicyCase{"Default", false, "192.0.2.53"}, PolicyCase{"None", false, ""}));

TEST(Dns, NET_8_ClusterFirstSearchesTheClusterThenTheNodesDomains) {
  const PodDns dns = makeDnsConfig(podWith("ClusterFirst"), nodeWithCluster());
  EXPECT_THAT(dns.config.searches(),
              ElementsAre("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"));
  EXPECT_THAT(dns.config.options(), ElementsAre("ndots:5"));
}

TEST(Dns, NET_8_WithoutAClusterDomainOnlyTheNodesDomainsAreSearched) {
  NodeDns node = nodeWithCluster();
  node.clusterDomain.clear();
  EXPECT_THAT(makeDnsConfig(podWith("ClusterFirst"), node).config.searches(), ElementsAre("corp.example"));
}

TEST(Dns, NET_8_DefaultIsTheNodesFile) {
  const PodDns dns = makeDnsConfig(podWith("Default"), nodeWithCluster());
  EXPECT_THAT(dns.config.searches(), ElementsAre("corp.example"));
  EXPECT_THAT(dns.config.options(), ElementsAre("rotate"));
}

TEST(Dns, NET_8_WithoutClusterServersTheNodesFileIsUsedWithAWarning) {
  NodeDns node = nodeWithCluster();
  node.clusterDns.clear();
  const PodDns dns = makeDnsConfig(podWith("ClusterFirst"), node);
  EXPECT_THAT(dns.config.servers(), ElementsAre("192.0.2.53"));
  ASSERT_EQ(dns.warnings.size(), 1u);
  EXPECT_EQ(dns.warnings[0].reason, "MissingClusterDNS");
  EXPECT_THAT(dns.warnings[0].message, HasSubstr("pod: \"web_shop(u1)\". kubelet does not have ClusterDNS IP"));
  EXPECT_THAT(dns.warnings[0].nodeMessage, testing::StartsWith("kubelet does not have ClusterDNS IP configured"));
}

TEST(Dns, NET_11_NoFileMeansLoopback) {
  NodeDns node;
  node.localServers = {"127.0.0.1"};
  const PodDns dns = makeDnsConfig(podWith("Default"), node);
  EXPECT_THAT(dns.config.servers(), ElementsAre("127.0.0.1"));
  EXPECT_THAT(dns.config.searches(), ElementsAre("."));
  node.clusterDns = {"10.96.0.10"};
  EXPECT_THAT(makeDnsConfig(podWith("ClusterFirst"), node).config.searches(), IsEmpty());
}

TEST(Dns, AnUnreadableFileIsAWarningWhereItIsNeeded) {
  NodeDns node = nodeWithCluster();
  node.resolvConf = {};
  node.error = "cannot read /etc/resolv.conf";
  EXPECT_THAT(makeDnsConfig(podWith("ClusterFirst"), node).warnings, IsEmpty());
  const PodDns dns = makeDnsConfig(podWith("Default"), node);
  ASSERT_EQ(dns.warnings.size(), 1u);
  EXPECT_EQ(dns.warnings[0].message, "cannot read /etc/resolv.conf");
}

// ---- The pod's own dnsConfig ----

TEST(Dns, NET_9_OwnConfigIsAppendedAndItsOptionsWin) {
  core::Pod pod = podWith("ClusterFirst");
  core::PodDNSConfig& own = *pod.mutable_spec()->mutable_dnsconfig();
  own.add_nameservers("10.96.0.10");
  own.add_nameservers("1.1.1.1");
  own.add_searches("corp.example");
  own.add_searches("own.example");
  core::PodDNSConfigOption* option = own.add_options();
  option->set_name("ndots");
  option->set_value("2");
  own.add_options()->set_name("edns0");
  const PodDns dns = makeDnsConfig(pod, nodeWithCluster());
  EXPECT_THAT(dns.config.servers(), ElementsAre("10.96.0.10", "1.1.1.1"));
  EXPECT_THAT(dns.config.searches(), ElementsAre("shop.svc.cluster.local", "svc.cluster.local", "cluster.local",
                                                 "corp.example", "own.example"));
  EXPECT_THAT(dns.config.options(), ElementsAre("ndots:2", "edns0"));
}

TEST(Dns, NET_9_NoneHasOnlyTheOwnConfig) {
  core::Pod pod = podWith("None");
  pod.mutable_spec()->mutable_dnsconfig()->add_nameservers("1.1.1.1");
  const PodDns dns = makeDnsConfig(pod, nodeWithCluster());
  EXPECT_THAT(dns.config.servers(), ElementsAre("1.1.1.1"));
  EXPECT_THAT(dns.config.searches(), IsEmpty());
}

// ---- Limits ----

PodDns withSearches(const std::vector<std::string>& searches) {
  core::Pod pod = podWith("None");
  for (const std::string& search : searches) pod.mutable_spec()->mutable_dnsconfig()->add_searches(search);
  return makeDnsConfig(pod, {});
}

TEST(Dns, NET_10_ThreeNameservers) {
  core::Pod pod = podWith("None");
  for (const char* server : {"1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"})
    pod.mutable_spec()->mutable_dnsconfig()->add_nameservers(server);
  const PodDns dns = makeDnsConfig(pod, {});
  EXPECT_EQ(dns.config.servers_size(), 3);
  ASSERT_EQ(dns.warnings.size(), 1u);
  EXPECT_EQ(dns.warnings[0].reason, "DNSConfigForming");
  EXPECT_EQ(dns.warnings[0].message,
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
            "1.1.1.1 1.1.1.2 1.1.1.3");
}

TEST(Dns, NET_10_ThirtyTwoSearches) {
  std::vector<std::string> searches;
  for (int i = 0; i < 32; ++i) searches.push_back("d" + std::to_string(i));
  EXPECT_THAT(withSearches(searches).warnings, IsEmpty());
  searches.emplace_back("one.more");
  const PodDns dns = withSearches(searches);
  EXPECT_EQ(dns.config.searches_size(), 32);
  ASSERT_EQ(dns.warnings.size(), 1u);
  EXPECT_THAT(dns.warnings[0].message,
              HasSubstr("some search paths have been omitted, the applied search line is: d0 d1 "));
}

TEST(Dns, NET_10_SearchLineOf2048Characters) {
  // Eight of 227 and their separators make 1824; one of 224 fills the line to the last character.
  std::vector<std::string> searches;
  for (int i = 0; i < 8; ++i) searches.push_back(std::to_string(i) + std::string(226, 'a'));
  searches.emplace_back(224, 'b');
  EXPECT_THAT(withSearches(searches).warnings, IsEmpty());
  searches.back() += 'b';
  const PodDns dns = withSearches(searches);
  EXPECT_EQ(dns.config.searches_size(), 8);
  EXPECT_EQ(dns.warnings.size(), 1u);
}

TEST(Dns, NET_10_SearchThatIsTooLongForANameIsLeftOut) {
  const PodDns dns = withSearches({std::string(253, 'a'), std::string(254, 'b'), "c"});
  EXPECT_THAT(dns.config.searches(), ElementsAre(std::string(253, 'a'), "c"));
  EXPECT_EQ(dns.warnings.size(), 1u);
}

TEST(Dns, NET_12_TheNodesFileIsCheckedAgainstTheLimits) {
  NodeDns node;
  node.clusterDomain = "cluster.local";
  const auto problem = [&node](std::vector<std::string> searches) {
    node.resolvConf.searches = std::move(searches);
    return resolvConfProblem(node, "/etc/resolv.conf");
  };
  std::vector<std::string> many;
  for (int i = 0; i < 29; ++i) many.push_back("d" + std::to_string(i));
  EXPECT_EQ(problem(many), "");
  many.emplace_back("one.more");
  EXPECT_EQ(problem(many),
            "Resolv.conf file '/etc/resolv.conf' contains search line consisting of more than 29 domains!");
  EXPECT_EQ(problem({std::string(254, 'a')}),
            "Resolv.conf file '/etc/resolv.conf' contains a search path which length is more than allowed 253 chars!");
  EXPECT_EQ(problem(std::vector<std::string>(9, std::string(230, 'a'))),
            "Resolv.conf file '/etc/resolv.conf' contains search line which length is more than allowed 2048 chars!");
  node.error = "open /etc/resolv.conf: no such file";
  EXPECT_EQ(problem({}), node.error);
}

}  // namespace
}  // namespace cubelet::podconfig
