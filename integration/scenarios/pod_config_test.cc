// What containers see of their pod's configuration: hosts file, names, name resolution, namespaces, security, files of
// environment variables; and what is told where it cannot be had.
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class PodConfig : public NodeTest {
 protected:
  // A pod p with a container c that must not start.
  void startRefused(const std::function<void(json&)>& change) {
    json manifest = pod("p", {marker("c", "c")});
    change(manifest["spec"]);
    node().write("p.json", manifest);
    node().startAgent();
  }
  std::string waitingMessage() { return statusOf(node().podOf("p"), "c")["state"]["waiting"].value("message", ""); }
  std::string podIp() { return node().podOf("p")["status"].value("podIP", "none"); }
};

// ---- Hosts file

TEST_F(PodConfig, NET_1_NET_2_NET_4_HostsFileNamesThePodAndItsAliases) {
  const std::string out = outputOf("cat /etc/hosts", [](json& spec) {
    spec["hostAliases"] = json::parse(R"([{"ip":"10.1.2.3","hostnames":["foo.remote","bar.remote"]}])");
  });
  EXPECT_EQ(out,
            "# Kubernetes-managed hosts file.\n"
            "127.0.0.1\tlocalhost\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            "fe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\n"
            "fe00::1\tip6-allnodes\n"
            "fe00::2\tip6-allrouters\n" +
                podIp() +
                "\tp-node1\n"
                "\n# Entries added by HostAliases.\n"
                "10.1.2.3\tfoo.remote\tbar.remote\n");
}

TEST_F(PodConfig, NET_1_ContainersShareTheHostsFileAndMayWriteIt) {
  // Each start of a container writes the file anew, as upstream: the line comes when both run.
  json manifest = pod(
      "p", {shell("a", "a",
                  "until [ -e /out/b ]; do usleep 20000; done; echo 10.9.9.9 friend >> /etc/hosts; exec sleep 1000"),
            shell("b", "b", "until grep friend /etc/hosts > /out/seen; do sleep 0.1; done; exec sleep 1000")});
  node().write("p.json", manifest);
  node().startAgent();
  EXPECT_TRUE(eventually("the other container sees the line", kSoon, [&] {
    return node().record("seen") == "10.9.9.9 friend\n" ? "" : "seen: " + node().record("seen");
  }));
}

TEST_F(PodConfig, NET_1_AVolumeOfThePodsOwnTakesItsPlace) {
  const fs::path mine = node().dir() / "my-hosts";
  std::ofstream(mine) << "mine\n";
  const std::string out = outputOf("cat /etc/hosts", [&](json& spec) {
    spec["volumes"].push_back({{"name", "h"}, {"hostPath", {{"path", mine.string()}, {"type", "File"}}}});
    spec["containers"][0]["volumeMounts"].push_back({{"name", "h"}, {"mountPath", "/etc/hosts"}});
  });
  EXPECT_EQ(out, "mine\n");
}

TEST_F(PodConfig, NET_3_NET_7_HostNetworkHasTheNodesFileAndName) {
  std::ifstream in("/etc/hosts");
  const std::string ofNode{std::istreambuf_iterator<char>(in), {}};
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
  const std::string out = outputOf("cat /etc/hosts; echo; hostname", [](json& spec) { spec["hostNetwork"] = true; });
  EXPECT_EQ(out, "# Kubernetes-managed hosts file (host network).\n" + ofNode + "\n" + name + "\n");
}

// ---- Names

TEST_F(PodConfig, NET_5_FullNameAsHostname) {
  node().config["clusterDomain"] = "cluster.local";
  const std::string out = outputOf("hostname; tail -n1 /etc/hosts", [](json& spec) {
    spec["hostname"] = "web";
    spec["subdomain"] = "db";
    spec["setHostnameAsFQDN"] = true;
  });
  const std::string fqdn = "web.db.default.svc.cluster.local";
  EXPECT_EQ(out, fqdn + "\n" + podIp() + "\t" + fqdn + "\tweb\n");
}

TEST_F(PodConfig, NET_5_FullNameThatIsTooLongKeepsThePodWaiting) {
  node().config["clusterDomain"] = "cluster.local";
  startRefused([](json& spec) {
    spec["hostname"] = std::string(50, 'h');
    spec["subdomain"] = "db";
    spec["setHostnameAsFQDN"] = true;
  });
  EXPECT_TRUE(eventually("the reason is told", kSoon, logSays(node(), "is too long (64 characters is the max")));
  EXPECT_EQ(node().podOf("p")["status"]["phase"], "Pending");
  EXPECT_EQ(node().starts("c"), 0U);
}

TEST_F(PodConfig, NET_6_HostnameOverride) {
  const std::string out = outputOf("hostname; tail -n1 /etc/hosts", [](json& spec) {
    spec["hostname"] = "web";
    spec["subdomain"] = "db";
    spec["hostnameOverride"] = "box.example.org";
  });
  EXPECT_EQ(out, "box.example.org\n" + podIp() + "\tbox.example.org\n");
}

TEST_F(PodConfig, NET_8_NET_9_OwnNameResolution) {
  const std::string out = outputOf("cat /etc/resolv.conf", [](json& spec) {
    spec["dnsPolicy"] = "None";
    spec["dnsConfig"] = json::parse(
        R"({"nameservers":["192.0.2.53"],"searches":["a.test","b.test"],"options":[{"name":"ndots","value":"2"},{"name":"rotate"}]})");
  });
  EXPECT_EQ(out, "search a.test b.test\nnameserver 192.0.2.53\noptions ndots:2 rotate\n");
}

// ---- Environment files

TEST_F(PodConfig, CFG_10_AnInitContainerWritesTheEnvironment) {
  const std::string out = outputOf("echo \"$COLOR\"; ls /vars 2>&1", [](json& spec) {
    spec["volumes"].push_back(json::parse(R"({"name":"vars","emptyDir":{}})"));
    json init = container("init", {"sh", "-c", "printf \"# mine\\ncolor='dark\\nred'\\n\" > /vars/file.env"});
    init["volumeMounts"].push_back({{"name", "vars"}, {"mountPath", "/vars"}});
    spec["initContainers"] = json::array({init});
    spec["containers"][0]["env"] = json::parse(
        R"([{"name":"COLOR","valueFrom":{"fileKeyRef":{"volumeName":"vars","path":"file.env","key":"color"}}}])");
  });
  EXPECT_TRUE(out.starts_with("dark\nred\n")) << out;
  EXPECT_NE(out.find("No such file"), std::string::npos) << "the volume is not mounted here: " << out;
}

// ---- Namespaces and security

TEST_F(PodConfig, SEC_11_ASafeSysctlIsSet) {
  const std::string out = outputOf("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", [](json& spec) {
    spec["securityContext"]["sysctls"] =
        json::parse(R"([{"name":"net/ipv4/ip_unprivileged_port_start","value":"80"}])");
  });
  EXPECT_EQ(out, "80\n");
}

TEST_F(PodConfig, SEC_12_WhatTellsOfTheHostIsHidden) {
  const std::string out =
      outputOf("wc -c < /proc/timer_list; echo x > /proc/sysrq-trigger && echo written", [](json&) {});
  EXPECT_TRUE(out.starts_with("0\n")) << out;
  EXPECT_EQ(out.find("written"), std::string::npos) << out;
}

TEST_F(PodConfig, SEC_13_EachContainerIsProcessOne) {
  EXPECT_EQ(outputOf("cat /proc/1/comm", [](json&) {}), "sh\n");
}

TEST_F(PodConfig, SEC_13_SharedProcessesBeginWithThePause) {
  EXPECT_EQ(outputOf("cat /proc/1/comm", [](json& spec) { spec["shareProcessNamespace"] = true; }), "pause\n");
}

TEST_F(PodConfig, SEC_13_HostProcesses) {
  const std::string out = outputOf("tr '\\0' ' ' < /proc/" + std::to_string(::getpid()) + "/cmdline",
                                   [](json& spec) { spec["hostPID"] = true; });
  EXPECT_NE(out.find("pod_config_test"), std::string::npos) << out;
}

TEST_F(PodConfig, SEC_9_ASeccompProfileThatIsNotThereIsTold) {
  startRefused([](json& spec) {
    spec["containers"][0]["securityContext"]["seccompProfile"] = {{"type", "Localhost"},
                                                                  {"localhostProfile", "none.json"}};
  });
  ASSERT_TRUE(eventually("it is refused", kSoon, isWaiting(node(), "p", "c", "CreateContainerError")));
  EXPECT_NE(waitingMessage().find((node().root() / "seccomp/none.json").string()), std::string::npos)
      << waitingMessage();
  EXPECT_EQ(node().starts("c"), 0U);
}

TEST_F(PodConfig, SEC_9_ASeccompProfileOfTheNodeHolds) {
  fs::create_directories(node().root() / "seccomp");
  std::ofstream(node().root() / "seccomp/no-mkdir.json")
      << R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]})";
  const std::string out = outputOf("mkdir /tmp-made || echo refused", [](json& spec) {
    spec["containers"][0]["securityContext"]["seccompProfile"] = {{"type", "Localhost"},
                                                                  {"localhostProfile", "no-mkdir.json"}};
  });
  EXPECT_NE(out.find("refused"), std::string::npos) << out;
}

TEST_F(PodConfig, SEC_14_UserNamespacesThatTheRuntimeCannotMakeAreTold) {
  startRefused([](json& spec) { spec["hostUsers"] = false; });
  EXPECT_TRUE(
      eventually("the reason is told", kSoon,
                 logSays(node(), "can't set `spec.hostUsers: false`, runtime does not support user namespaces")));
  EXPECT_EQ(node().starts("c"), 0U);
  EXPECT_TRUE(node().cri().containersOf("p-node1").empty());
}

TEST_F(PodConfig, RTC_2_ARuntimeClassThatNobodyHas) {
  startRefused([](json& spec) { spec["runtimeClassName"] = "gvisor"; });
  EXPECT_TRUE(eventually("the reason is told", kSoon,
                         logSays(node(), "no file in " + (node().dir() / "objects").string() + " defines it")));
  EXPECT_EQ(node().starts("c"), 0U);
}

}  // namespace
}  // namespace cubelet::integration
