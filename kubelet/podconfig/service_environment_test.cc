#include "kubelet/podconfig/service_environment.h"

#include <gtest/gtest.h>

namespace cubelet::podconfig {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

struct Port {
  std::string name;
  std::string protocol;
  int number;
};

ServicePtr service(const std::string& ns, const std::string& name, const std::string& address,
                   const std::vector<Port>& ports = {{"", "TCP", 80}}) {
  core::Service out;
  out.mutable_metadata()->set_namespace_(ns);
  out.mutable_metadata()->set_name(name);
  out.mutable_spec()->set_clusterip(address);
  for (const Port& port : ports) {
    core::ServicePort* added = out.mutable_spec()->add_ports();
    added->set_name(port.name);
    if (!port.protocol.empty()) added->set_protocol(port.protocol);
    added->set_port(port.number);
  }
  return std::make_shared<const core::Service>(out);
}

// The values of NAME_SERVICE_HOST: which services are shown.
std::vector<std::string> hosts(const std::vector<ServicePtr>& services, const std::string& ns, bool links = true) {
  std::vector<std::string> out;
  for (const auto& [name, value] : serviceVariables(services, ns, links))
    if (name.ends_with("_SERVICE_HOST")) out.push_back(name.substr(0, name.find("_SERVICE")) + "=" + value);
  return out;
}
using Hosts = std::vector<std::string>;

TEST(CFG_11_Services, HaveAllTheirVariables) {
  EXPECT_EQ(serviceVariables({service("prod", "my-db", "10.0.0.7", {{"sql", "TCP", 5432}, {"dns-u", "UDP", 53}})},
                             "prod", true),
            (Variables{{"MY_DB_SERVICE_HOST", "10.0.0.7"},
                       {"MY_DB_SERVICE_PORT", "5432"},
                       {"MY_DB_SERVICE_PORT_SQL", "5432"},
                       {"MY_DB_SERVICE_PORT_DNS_U", "53"},
                       {"MY_DB_PORT", "tcp://10.0.0.7:5432"},
                       {"MY_DB_PORT_5432_TCP", "tcp://10.0.0.7:5432"},
                       {"MY_DB_PORT_5432_TCP_PROTO", "tcp"},
                       {"MY_DB_PORT_5432_TCP_PORT", "5432"},
                       {"MY_DB_PORT_5432_TCP_ADDR", "10.0.0.7"},
                       {"MY_DB_PORT_53_UDP", "udp://10.0.0.7:53"},
                       {"MY_DB_PORT_53_UDP_PROTO", "udp"},
                       {"MY_DB_PORT_53_UDP_PORT", "53"},
                       {"MY_DB_PORT_53_UDP_ADDR", "10.0.0.7"}}));
}

TEST(CFG_11_Services, AnUnnamedPortWithoutProtocolIsTcp) {
  EXPECT_EQ(serviceVariables({service("prod", "a", "10.0.0.7", {{"", "", 1}})}, "prod", true),
            (Variables{{"A_SERVICE_HOST", "10.0.0.7"},
                       {"A_SERVICE_PORT", "1"},
                       {"A_PORT", "tcp://10.0.0.7:1"},
                       {"A_PORT_1_TCP", "tcp://10.0.0.7:1"},
                       {"A_PORT_1_TCP_PROTO", "tcp"},
                       {"A_PORT_1_TCP_PORT", "1"},
                       {"A_PORT_1_TCP_ADDR", "10.0.0.7"}}));
}

TEST(CFG_11_Services, IPv6IsBracketedInUrlsOnly) {
  const Variables all = serviceVariables({service("prod", "a", "fd00::1")}, "prod", true);
  EXPECT_EQ(all.at(0).second, "fd00::1");
  EXPECT_EQ(all.at(2).second, "tcp://[fd00::1]:80");
  EXPECT_EQ(all.back().second, "fd00::1");
}

TEST(CFG_11_Services, OnlyThoseOfTheNamespaceAndTheMaster) {
  const std::vector<ServicePtr> all = {service("default", "kubernetes", "10.0.0.1"),
                                       service("default", "web", "10.0.0.2"), service("prod", "db", "10.0.0.3")};
  EXPECT_EQ(hosts(all, "prod"), (Hosts{"DB=10.0.0.3", "KUBERNETES=10.0.0.1"}));
  EXPECT_EQ(hosts(all, "default"), (Hosts{"KUBERNETES=10.0.0.1", "WEB=10.0.0.2"}));
  EXPECT_EQ(hosts(all, "prod", false), Hosts{"KUBERNETES=10.0.0.1"});
}

TEST(CFG_11_Services, ThoseWithoutAnAddressAreNotShown) {
  EXPECT_EQ(hosts({service("prod", "headless", "None"), service("prod", "outside", "")}, "prod"), Hosts{});
}

TEST(CFG_11_Services, AnOwnServiceNamedLikeTheMasterTakesItsPlace) {
  const ServicePtr master = service("default", "kubernetes", "10.0.0.1");
  const ServicePtr own = service("prod", "kubernetes", "10.0.0.9");
  EXPECT_EQ(hosts({master, own}, "prod"), Hosts{"KUBERNETES=10.0.0.9"});
  EXPECT_EQ(hosts({own, master}, "prod"), Hosts{"KUBERNETES=10.0.0.9"});
  EXPECT_EQ(hosts({own, master}, "prod", false), Hosts{"KUBERNETES=10.0.0.1"});
}

TEST(CFG_11_Services, OneWithoutPortsDoesNoHarm) {
  EXPECT_EQ(serviceVariables({service("prod", "a", "10.0.0.7", {})}, "prod", true),
            (Variables{{"A_SERVICE_HOST", "10.0.0.7"}}));
}

}  // namespace
}  // namespace cubelet::podconfig
