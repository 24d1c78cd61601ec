#include "kubelet/node/node_addresses.h"

#include <gtest/gtest.h>

namespace cubelet::node {
namespace {

std::vector<IpAddress> ips(const std::string& list) {
  return parseNodeIps(list);
}

// One machine: lo, eth0 with both families and the default routes, eth1 without, eth2 down.
HostNetwork machine() {
  HostNetwork network;
  network.interfaces = {{"lo", true, true, ips("127.0.0.1,::1")},
                        {"eth0", true, false, ips("10.0.0.5,10.0.0.6,fe80::1,fd00::5")},
                        {"eth1", true, false, ips("192.168.7.1,169.254.1.1")},
                        {"eth2", false, false, ips("10.9.9.9")}};
  network.defaultRoutesV4 = {"eth0"};
  network.defaultRoutesV6 = {"eth0"};
  return network;
}

// "InternalIP=10.0.0.5 Hostname=n1", or the error.
std::string text(const Result<std::vector<Address>>& chosen) {
  if (!chosen) return "error: " + chosen.error().message;
  std::string out;
  for (const Address& one : *chosen) out += (out.empty() ? "" : " ") + one.type + "=" + one.address;
  return out;
}

struct Case {
  std::string name;
  std::string nodeIp;
  std::string nodeName;
  bool external;
  std::string resolved;
  std::vector<Address> present;
  std::string want;
};

class NOD6_Addresses : public testing::TestWithParam<Case> {};

TEST_P(NOD6_Addresses, AreChosen) {
  const Case& c = GetParam();
  const AddressWishes wishes{.nodeName = c.nodeName, .nodeIps = ips(c.nodeIp), .externalProvider = c.external};
  EXPECT_EQ(text(chooseAddresses(wishes, machine(), ips(c.resolved), c.present)), c.want);
}

const std::vector<Address> kCloud = {{"InternalIP", "10.0.0.5"}, {"ExternalIP", "198.51.100.7"}, {"Hostname", "vm-7"}};
const std::string kCloudText = "InternalIP=10.0.0.5 ExternalIP=198.51.100.7 Hostname=vm-7";

INSTANTIATE_TEST_SUITE_P(
    Cases, NOD6_Addresses,
    testing::Values(
        Case{"GivenOne", "192.168.7.1", "n1", false, "10.0.0.6", {}, "InternalIP=192.168.7.1 Hostname=n1"},
        Case{
            "GivenPair", "10.0.0.6,fd00::5", "n1", false, "", {}, "InternalIP=10.0.0.6 InternalIP=fd00::5 Hostname=n1"},
        Case{"GivenPairSixFirst",
             "fd00::5,10.0.0.6",
             "n1",
             false,
             "",
             {},
             "InternalIP=fd00::5 InternalIP=10.0.0.6 Hostname=n1"},
        Case{"NameIsAnAddress", "", "10.0.0.6", false, "10.0.0.5", {}, "InternalIP=10.0.0.6 Hostname=10.0.0.6"},
        Case{"NameResolves", "", "n1", false, "10.0.0.6", {}, "InternalIP=10.0.0.6 Hostname=n1"},
        Case{"ResolvedLoopbackDoesNotCount", "", "n1", false, "127.0.1.1", {}, "InternalIP=10.0.0.5 Hostname=n1"},
        Case{"ResolvedForeignDoesNotCount", "", "n1", false, "10.0.0.77", {}, "InternalIP=10.0.0.5 Hostname=n1"},
        Case{"ResolvedPrefersIpv4", "", "n1", false, "fd00::5,10.0.0.6", {}, "InternalIP=10.0.0.6 Hostname=n1"},
        Case{"ResolvedTakesWhatThereIs", "", "n1", false, "fd00::5", {}, "InternalIP=fd00::5 Hostname=n1"},
        Case{"DefaultRoute", "", "n1", false, "", {}, "InternalIP=10.0.0.5 Hostname=n1"},
        Case{"ZerosMeanIpv4", "0.0.0.0", "n1", false, "", {}, "InternalIP=10.0.0.5 Hostname=n1"},
        Case{"ColonsMeanIpv6", "::", "n1", false, "", {}, "InternalIP=fd00::5 Hostname=n1"},
        Case{"ColonsMeanIpv6OfNames", "::", "n1", false, "10.0.0.6,fd00::5", {}, "InternalIP=fd00::5 Hostname=n1"},
        Case{"OldAddressesDoNotCount", "", "n1", false, "", kCloud, "InternalIP=10.0.0.5 Hostname=n1"},
        Case{"GivenForeign",
             "10.0.0.77",
             "n1",
             false,
             "",
             {},
             "error: --node-ip 10.0.0.77 is not an address of any network interface of this machine"},
        Case{"GivenLoopback", "127.0.0.1", "n1", false, "", {}, "error: --node-ip 127.0.0.1 is a loopback address"},
        Case{"GivenMulticast", "224.0.0.1", "n1", false, "", {}, "error: --node-ip 224.0.0.1 is a multicast address"},
        Case{"GivenLinkLocal",
             "169.254.1.1",
             "n1",
             false,
             "",
             {},
             "error: --node-ip 169.254.1.1 is a link-local address"},
        Case{"GivenForeignSecond",
             "10.0.0.5,fd00::77",
             "n1",
             false,
             "",
             {},
             "error: --node-ip fd00::77 is not an address of any network interface of this machine"},
        Case{"ExternalKnowsNothing", "", "n1", true, "10.0.0.6", {}, "Hostname=n1"},
        Case{"ExternalGiven", "10.0.0.6", "n1", true, "", {}, "InternalIP=10.0.0.6 Hostname=n1"},
        Case{"ExternalHasWritten", "", "n1", true, "", kCloud, kCloudText},
        Case{"ExternalHasWrittenOverGiven", "10.0.0.6", "n1", true, "", kCloud, kCloudText}),
    [](const auto& test) { return test.param.name; });

TEST(Addresses, NOD6_OfAMachineWithoutNetworkAreAwaited) {
  const auto chosen = chooseAddresses({.nodeName = "n1", .nodeIps = {}}, {}, {}, {});
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, Code::kUnavailable);
}

TEST(Addresses, NOD6_OtherFamilyWhenThePreferredHasNoDefaultRoute) {
  HostNetwork network = machine();
  network.defaultRoutesV4 = {};
  EXPECT_EQ(text(chooseAddresses({.nodeName = "n1", .nodeIps = {}}, network, {}, {})),
            "InternalIP=fd00::5 Hostname=n1");
}

TEST(Addresses, NOD6_InterfaceThatIsDownIsPassedOver) {
  HostNetwork network = machine();
  network.defaultRoutesV4 = {"eth2", "eth0"};
  EXPECT_EQ(text(chooseAddresses({.nodeName = "n1", .nodeIps = {}}, network, {}, {})),
            "InternalIP=10.0.0.5 Hostname=n1");
}

TEST(Addresses, NOD6_UnnumberedLinksUseTheAddressOfLoopback) {
  HostNetwork network;
  network.interfaces = {{"lo", true, true, ips("127.0.0.1,10.255.0.1")}, {"eth0", true, false, ips("169.254.1.1")}};
  network.defaultRoutesV4 = {"eth0"};
  EXPECT_EQ(text(chooseAddresses({.nodeName = "n1", .nodeIps = {}}, network, {}, {})),
            "InternalIP=10.255.0.1 Hostname=n1");
}

TEST(Addresses, NOD4_ProvidedNodeIpIsForExternalProvidersOnly) {
  EXPECT_EQ(providedNodeIp({.nodeName = "n1", .nodeIps = ips("10.0.0.5"), .externalProvider = true}), "10.0.0.5");
  EXPECT_EQ(providedNodeIp({.nodeName = "n1", .nodeIps = ips("10.0.0.5,fd00::5"), .externalProvider = true}),
            "10.0.0.5,fd00::5");
  EXPECT_EQ(providedNodeIp({.nodeName = "n1", .nodeIps = ips("0.0.0.0"), .externalProvider = true}), "");
  EXPECT_EQ(providedNodeIp({.nodeName = "n1", .nodeIps = {}, .externalProvider = true}), "");
  EXPECT_EQ(providedNodeIp({.nodeName = "n1", .nodeIps = ips("10.0.0.5"), .externalProvider = false}), "");
}

TEST(Addresses, NameIsLookedUpOnlyWhenItDecides) {
  EXPECT_TRUE(wantsLookup({.nodeName = "n1", .nodeIps = {}}));
  EXPECT_TRUE(wantsLookup({.nodeName = "n1", .nodeIps = ips("::")}));
  EXPECT_FALSE(wantsLookup({.nodeName = "n1", .nodeIps = ips("10.0.0.5")}));
  EXPECT_FALSE(wantsLookup({.nodeName = "10.0.0.5", .nodeIps = {}}));
  EXPECT_FALSE(wantsLookup({.nodeName = "n1", .nodeIps = {}, .externalProvider = true}));
  EXPECT_TRUE(wantsLookup({.nodeName = "n1", .nodeIps = ips("0.0.0.0"), .externalProvider = true}));
}

TEST(DefaultRoutes, OfIpv4ComeInTheOrderOfTheirMetric) {
  const std::string table =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"
      "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0   \n"
      "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   \n"
      "eth1\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0   \n"  // rejects
      "eth2\t00000000\t00000000\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0   \n"  // 0.0.0.0/24
      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0   \n"
      "eth0\t00000000\t020200C0\t0003\t0\t0\t700\t00000000\t0\t0\t0   \n"
      "short\t00000000\n";
  EXPECT_EQ(parseDefaultRoutesV4(table), (std::vector<std::string>{"eth0", "wlan0"}));
}

TEST(DefaultRoutes, OfIpv6LeaveOutTheOneThatRejects) {
  const std::string zeros(32, '0');
  const std::string table = "fd000000000000000000000000000000 40 " + zeros + " 00 " + zeros +
                            " 00000100 00000001 00000000 00000001     eth9\n" + zeros + " 00 " + zeros +
                            " 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0\n" +
                            zeros + " 00 " + zeros + " 00 " + zeros + " ffffffff 00000001 00000000 00200200       lo\n";
  EXPECT_EQ(parseDefaultRoutesV6(table), (std::vector<std::string>{"eth0"}));
  EXPECT_TRUE(parseDefaultRoutesV6("").empty());
}

TEST(RealNetwork, HasALoopbackInterface) {
  const Result<HostNetwork> network = readHostNetwork();
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->has(*parseIp("127.0.0.1")));
  ASSERT_NE(network->find("lo"), nullptr);
  EXPECT_TRUE(network->find("lo")->loopback);
}

TEST(IpAddresses, AreParsedAndPrinted) {
  const std::pair<std::string, std::string> cases[] = {
      {"10.0.0.5", "10.0.0.5"}, {"FD00:0:0::5", "fd00::5"}, {"::ffff:10.0.0.5", "10.0.0.5"}, {"::", "::"}};
  for (const auto& [in, out] : cases) {
    ASSERT_TRUE(parseIp(in)) << in;
    EXPECT_EQ(parseIp(in)->text(), out);
  }
  for (const char* bad : {"", "n1", "10.0.0", "10.0.0.256", "fd00::g", "10.0.0.5/24"})
    EXPECT_FALSE(parseIp(bad)) << bad;
}

TEST(IpAddresses, KnowTheirScope) {
  for (const char* global : {"10.0.0.5", "8.8.8.8", "fd00::1", "2001:db8::1"}) EXPECT_TRUE(parseIp(global)->isGlobal());
  for (const char* other :
       {"127.0.0.1", "::1", "0.0.0.0", "::", "169.254.0.1", "fe80::1", "224.0.0.1", "ff02::1", "255.255.255.255"})
    EXPECT_FALSE(parseIp(other)->isGlobal()) << other;
}

}  // namespace
}  // namespace cubelet::node
