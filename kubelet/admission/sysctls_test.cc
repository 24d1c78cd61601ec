#include "kubelet/admission/sysctls.h"

#include <gtest/gtest.h>

namespace cubelet::admission {
namespace {

struct Case {
  std::string name;
  std::string sysctl;
  std::vector<std::string> allowed;
  bool hostNetwork = false;
  bool hostIpc = false;
  std::string forbidden;  // empty: it may be set
};

class Sysctls : public testing::TestWithParam<Case> {};

TEST_P(Sysctls, ADM_5_SEC_11_AreAllowedOrNot) {
  core::PodSpec spec;
  spec.set_hostnetwork(GetParam().hostNetwork);
  spec.set_hostipc(GetParam().hostIpc);
  spec.mutable_securitycontext()->add_sysctls()->set_name(GetParam().sysctl);
  EXPECT_EQ(forbiddenSysctl(spec, GetParam().allowed).value_or(""), GetParam().forbidden);
}

INSTANTIATE_TEST_SUITE_P(
    All, Sysctls,
    testing::Values(
        Case{"Safe", "net.ipv4.ping_group_range", {}, false, false, ""},
        Case{"SafeWithSlashes", "net/ipv4/ping_group_range", {}, false, false, ""},
        Case{"Unsafe", "net.core.somaxconn", {}, false, false, "\"net.core.somaxconn\" not allowlisted"},
        Case{"AllowedByName", "net.core.somaxconn", {"net.core.somaxconn"}, false, false, ""},
        Case{"AllowedByPrefix", "net.core.somaxconn", {"net.core.*"}, false, false, ""},
        Case{"PrefixOfAnother",
             "net.core.somaxconn",
             {"net.ipv4.*"},
             false,
             false,
             "\"net.core.somaxconn\" not allowlisted"},
        Case{"AllowedWithSlashes", "kernel.msgmax", {"kernel/msg*"}, false, false, ""},
        Case{"HostNetwork",
             "net.ipv4.tcp_rmem",
             {},
             true,
             false,
             "\"net.ipv4.tcp_rmem\" not allowed with host net enabled"},
        Case{"HostIpc",
             "kernel.shm_rmid_forced",
             {},
             false,
             true,
             "\"kernel.shm_rmid_forced\" not allowed with host ipc enabled"},
        Case{"InterfaceWithADot", "net/ipv4/conf/eth0.1/forwarding", {"net.ipv4.conf.eth0/1.*"}, false, false, ""}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::admission
