// Hostnames and the hosts file. Behaviours NET-1 to NET-7.
#include "kubelet/podconfig/hosts_file.h"

#include <gtest/gtest.h>

#include "kubelet/podconfig/hostname.h"

namespace cubelet::podconfig {
namespace {

constexpr char kDomain[] = "cluster.local";

struct Names : testing::Test {
  Names() {
    pod.mutable_metadata()->set_name("web-n1");
    pod.mutable_metadata()->set_namespace_("shop");
  }
  void addAlias(const std::string& ip, const std::vector<std::string>& names) {
    core::HostAlias* alias = spec.add_hostaliases();
    alias->set_ip(ip);
    for (const std::string& name : names) alias->add_hostnames(name);
  }
  core::Pod pod;
  core::PodSpec& spec = *pod.mutable_spec();
};

TEST_F(Names, NET_5_HostnameIsCutAndTrimmed) {
  EXPECT_EQ(podNames(pod, kDomain).hostname, "web-n1");
  pod.mutable_metadata()->set_name(std::string(62, 'a') + "-bcd");
  EXPECT_EQ(podNames(pod, kDomain).hostname, std::string(62, 'a'));
  spec.set_hostname("given");
  EXPECT_EQ(podNames(pod, kDomain).hostname, "given");
}

TEST_F(Names, NET_5_SubdomainMakesAFullName) {
  EXPECT_EQ(podNames(pod, kDomain).fqdn(), "web-n1");
  spec.set_subdomain("db");
  EXPECT_EQ(podNames(pod, kDomain).fqdn(), "web-n1.db.shop.svc.cluster.local");
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), "web-n1");
  spec.set_sethostnameasfqdn(true);
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), "web-n1.db.shop.svc.cluster.local");
}

TEST_F(Names, NET_5_TheKernelTakes64Characters) {
  spec.set_subdomain("db");
  spec.set_sethostnameasfqdn(true);
  const std::string domain = ".db.shop.svc.cluster.local";
  spec.set_hostname(std::string(64 - domain.size(), 'a'));
  EXPECT_EQ(kernelHostname(pod, kDomain).value().size(), 64u);
  spec.set_hostname(std::string(65 - domain.size(), 'a'));
  const auto refused = kernelHostname(pod, kDomain);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "failed to construct FQDN from pod hostname and cluster domain, FQDN " +
                                         spec.hostname() + domain +
                                         " is too long (64 characters is the max, 65 characters requested)");
}

TEST_F(Names, NET_5_WithoutASubdomainThereIsNoFullNameToSet) {
  spec.set_sethostnameasfqdn(true);
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), "web-n1");
}

TEST_F(Names, NET_6_OverrideWinsAndHasNoDomain) {
  spec.set_hostname("given");
  spec.set_subdomain("db");
  spec.set_sethostnameasfqdn(true);
  spec.set_hostnameoverride("box.example.org");
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), "box.example.org");
  EXPECT_EQ(podNames(pod, kDomain).domain, "");
  spec.set_hostnameoverride(std::string(64, 'b'));
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), std::string(63, 'b'));
}

TEST_F(Names, NET_7_HostNetworkKeepsTheNodesName) {
  spec.set_hostnetwork(true);
  spec.set_hostname("given");
  EXPECT_EQ(kernelHostname(pod, kDomain).value(), "");
}

TEST_F(Names, NET_2_PodNetworkFile) {
  EXPECT_EQ(hostsFile(pod, {"10.1.0.2", "fd00::2"}, kDomain, "ignored"),
            "# Kubernetes-managed hosts file.\n"
            "127.0.0.1\tlocalhost\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            "fe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\n"
            "fe00::1\tip6-allnodes\n"
            "fe00::2\tip6-allrouters\n"
            "10.1.0.2\tweb-n1\n"
            "fd00::2\tweb-n1\n");
}

TEST_F(Names, NET_2_FullNameComesFirst) {
  spec.set_subdomain("db");
  const std::string file = hostsFile(pod, {"10.1.0.2"}, kDomain, "");
  EXPECT_TRUE(file.ends_with("\n10.1.0.2\tweb-n1.db.shop.svc.cluster.local\tweb-n1\n")) << file;
}

TEST_F(Names, NET_3_HostNetworkFileIsTheNodes) {
  spec.set_hostnetwork(true);
  EXPECT_EQ(hostsFile(pod, {"192.0.2.1"}, kDomain, "127.0.0.1 localhost\n192.0.2.1 node1\n"),
            "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n192.0.2.1 node1\n");
}

TEST_F(Names, NET_4_AliasesAreAppendedToBoth) {
  addAlias("10.1.2.3", {"foo.remote", "bar.remote"});
  addAlias("10.1.2.4", {"baz"});
  const std::string tail = "\n# Entries added by HostAliases.\n10.1.2.3\tfoo.remote\tbar.remote\n10.1.2.4\tbaz\n";
  EXPECT_TRUE(hostsFile(pod, {"10.1.0.2"}, kDomain, "").ends_with("\tweb-n1\n" + tail));
  spec.set_hostnetwork(true);
  EXPECT_EQ(hostsFile(pod, {}, kDomain, "x\n"), "# Kubernetes-managed hosts file (host network).\nx\n" + tail);
}

TEST_F(Names, NET_1_OnlyAMountAtExactlyThatPathTakesItsPlace) {
  core::Container container;
  container.add_volumemounts()->set_mountpath("/etc/hosts.d");
  EXPECT_TRUE(wantsHostsFile(container, {"10.1.0.2"}));
  EXPECT_FALSE(wantsHostsFile(container, {}));
  container.add_volumemounts()->set_mountpath("/etc/hosts");
  EXPECT_FALSE(wantsHostsFile(container, {"10.1.0.2"}));
}

}  // namespace
}  // namespace cubelet::podconfig
