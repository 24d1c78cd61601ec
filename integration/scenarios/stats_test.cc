// What a node tells of itself: /stats/summary and /metrics*, checked against the kernel's own counters.
#include <sstream>
#include <thread>

#include "integration/harness/cgroups.h"
#include "integration/harness/free_port.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

constexpr long long kMi = 1 << 20;

class Stats : public NodeTest {
 protected:
  void startWith(const json& manifest) {
    port_ = freePort();
    node().config["readOnlyPort"] = port_;
    node().startAgent();
    const std::string name = manifest["metadata"]["name"];
    node().write(name + ".json", manifest);
    ASSERT_TRUE(eventually("pod " + name + " is ready", kSoon, isReady(node(), name)));
  }
  std::string get(const std::string& path) {
    const Finished got = run({"busybox", "wget", "-qO-", "http://127.0.0.1:" + std::to_string(port_) + path});
    EXPECT_TRUE(got.ok()) << path << ": " << got.errors;
    return got.output;
  }
  json summary(const std::string& query = "") { return json::parse(get("/stats/summary" + query), nullptr, false); }
  json podOf(const json& summary, const std::string& name) {
    for (const json& pod : summary["pods"])
      if (pod["podRef"]["name"] == node().fullName(name)) return pod;
    ADD_FAILURE() << "no figures of pod " << name << ": " << summary.dump();
    return json::object();
  }
  std::string podCgroup(const std::string& name) {
    return node().cgroupRoot() + "/kubepods/besteffort/pod" + node().podOf(name)["metadata"]["uid"].get<std::string>();
  }
  std::string containerCgroup(const std::string& name) {
    return podCgroup(name) + "/" + node().cri().containersOf(node().fullName(name)).front().id();
  }
  // Nanoseconds.
  static long long cpuOf(const std::string& cgroup) {
    if (!isCgroupV2()) return std::stoll(cgroupValue("cpuacct", cgroup, "cpuacct.usage"));
    std::istringstream stat(cgroupValue("cpu", cgroup, "cpu.stat"));
    std::string key;
    long long micros = 0;
    stat >> key >> micros;
    return micros * 1000;
  }
  static long long memoryOf(const std::string& cgroup) {
    return std::stoll(cgroupValue("memory", cgroup, isCgroupV2() ? "memory.current" : "memory.usage_in_bytes"));
  }
  // The value of the first sample whose line begins with `start`; negative: there is none.
  static double valueOf(const std::string& metrics, const std::string& start) {
    std::istringstream lines(metrics);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(start)) continue;
      const std::size_t end = line.find("} ");
      return std::stod(line.substr(end == std::string::npos ? line.find(' ') : end + 1));
    }
    return -1;
  }

 private:
  int port_ = 0;
};

TEST_F(Stats, SRV_5_TheSummaryAgreesWithTheKernel) {
  json manifest = pod("web", {shell("c", "web",
                                    "dd if=/dev/zero of=/tmp-volume/file bs=1M count=3 2>/dev/null; echo hello; echo "
                                    "yes > /out/done; exec sleep 1000")});
  manifest["spec"]["volumes"] = {{{"name", "tmp"}, {"emptyDir", json::object()}}};
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "tmp"}, {"mountPath", "/tmp-volume"}});
  ASSERT_NO_FATAL_FAILURE(startWith(manifest));
  ASSERT_TRUE(eventually("its script is done", kSoon, [&] { return node().record("done").empty() ? "not yet" : ""; }));
  // The runtime looks at its file systems every ten seconds only.
  ASSERT_TRUE(eventually("the runtime knows what it has stored", 60s, [&] {
    const json all = summary();
    const bool known = podOf(all, "web")["containers"][0]["rootfs"]["usedBytes"] > 0 &&
                       all["node"]["runtime"]["imageFs"]["usedBytes"] > 0;
    return known ? "" : "not yet";
  }));
  std::this_thread::sleep_for(11s);  // no answer that was kept from before
  const std::string cgroup = containerCgroup("web");
  const long long before = cpuOf(cgroup);
  const json all = summary();
  const long long after = cpuOf(cgroup);
  const json web = podOf(all, "web");
  EXPECT_EQ(web["podRef"]["uid"], node().podOf("web")["metadata"]["uid"]);
  ASSERT_EQ(web["containers"].size(), 1U);
  const json& container = web["containers"][0];
  EXPECT_EQ(container["name"], "c");
  EXPECT_GE(container["cpu"]["usageCoreNanoSeconds"].get<long long>(), before);
  EXPECT_LE(container["cpu"]["usageCoreNanoSeconds"].get<long long>(), after);
  EXPECT_NEAR(container["memory"]["usageBytes"].get<double>(), static_cast<double>(memoryOf(cgroup)), kMi);
  EXPECT_LE(container["memory"]["workingSetBytes"], container["memory"]["usageBytes"]);
  EXPECT_GT(container["rootfs"]["usedBytes"].get<long long>(), 0);
  EXPECT_GT(container["logs"]["usedBytes"].get<long long>(), 0);
  EXPECT_GE(web["memory"]["usageBytes"].get<long long>(), container["memory"]["usageBytes"].get<long long>());
  EXPECT_GE(web["process_stats"]["process_count"].get<int>(), 2) << "the sandbox's and the container's";
  EXPECT_EQ(web["network"]["name"], "eth0");
  EXPECT_EQ(web["volume"][0]["name"], "tmp");
  EXPECT_NEAR(web["volume"][0]["usedBytes"].get<double>(), 3 * kMi, kMi / 2);
  EXPECT_GE(web["ephemeral-storage"]["usedBytes"].get<long long>(), 3 * kMi);

  const json& host = all["node"];
  EXPECT_EQ(host["nodeName"], "node1");
  EXPECT_GT(host["cpu"]["usageCoreNanoSeconds"].get<long long>(), after);
  EXPECT_GT(host["memory"]["workingSetBytes"].get<long long>(), 0);
  EXPECT_GT(host["fs"]["capacityBytes"].get<long long>(), host["fs"]["usedBytes"].get<long long>());
  EXPECT_GT(host["runtime"]["imageFs"]["usedBytes"].get<long long>(), 0);
  EXPECT_GT(host["rlimit"]["curproc"].get<long long>(), 1);
  const json pods = host["systemContainers"].back();
  EXPECT_EQ(pods["name"], "pods");
  EXPECT_GE(pods["memory"]["usageBytes"].get<long long>(), web["memory"]["usageBytes"].get<long long>());
}

TEST_F(Stats, SRV_6_ResourceMetricsAgreeWithTheKernel) {
  ASSERT_NO_FATAL_FAILURE(startWith(pod("web", {marker("c", "web")})));
  const std::string metrics = get("/metrics/resource");
  const std::string labels = "{container=\"c\",namespace=\"default\",pod=\"" + node().fullName("web") + "\"} ";
  const std::string cgroup = containerCgroup("web");
  EXPECT_GT(valueOf(metrics, "container_cpu_usage_seconds_total" + labels), 0) << metrics;
  EXPECT_LE(valueOf(metrics, "container_cpu_usage_seconds_total" + labels) * 1e9,
            static_cast<double>(cpuOf(cgroup)) + 1);
  EXPECT_LE(valueOf(metrics, "container_memory_working_set_bytes" + labels),
            static_cast<double>(memoryOf(cgroup) + kMi));
  EXPECT_GT(valueOf(metrics, "container_start_time_seconds" + labels), 1.7e9);
  EXPECT_GT(valueOf(metrics, "node_cpu_usage_seconds_total"), 0);
  EXPECT_GT(valueOf(metrics, "pod_memory_working_set_bytes"), 0);
  EXPECT_EQ(valueOf(metrics, "resource_scrape_error"), 0);
}

TEST_F(Stats, SRV_2_TheAgentCountsWhatItDoes) {
  json one = marker("c", "web");
  one["livenessProbe"] = {{"exec", {{"command", {"true"}}}}, {"periodSeconds", 1}};
  ASSERT_NO_FATAL_FAILURE(startWith(pod("web", {one})));
  const std::string metrics = get("/metrics");
  EXPECT_EQ(valueOf(metrics, "kubelet_node_name{node=\"node1\"}"), 1) << metrics;
  EXPECT_EQ(valueOf(metrics, "kubelet_running_pods"), 1);
  EXPECT_EQ(valueOf(metrics, "kubelet_running_containers{container_state=\"running\"}"), 1);
  EXPECT_EQ(valueOf(metrics, "kubelet_pod_start_duration_seconds_count"), 1);
  EXPECT_EQ(valueOf(metrics, "kubelet_started_pods_total"), 1);
  EXPECT_EQ(valueOf(metrics, "kubelet_started_containers_total{container_type=\"container\"}"), 1);
  EXPECT_EQ(valueOf(metrics, "kubelet_runtime_operations_total{operation_type=\"run_podsandbox\"}"), 1);
  EXPECT_GE(valueOf(metrics, "kubelet_pleg_relist_duration_seconds_count"), 1);
  for (const char* step : {"cgroup", "volumes", "sandbox", "create_container", "start_container"})
    EXPECT_EQ(valueOf(metrics, "cubelet_pod_start_step_duration_seconds_count{step=\"" + std::string(step) + "\"}"), 1)
        << step;
  EXPECT_GT(valueOf(metrics, "process_resident_memory_bytes"), 0);
  EXPECT_TRUE(eventually("the probe is counted", kSoon, [&] {
    return valueOf(get("/metrics/probes"), "prober_probe_total{container=\"c\"") >= 1 ? "" : "not yet";
  }));
  const std::string cadvisor = get("/metrics/cadvisor");
  EXPECT_GT(valueOf(cadvisor, "container_memory_working_set_bytes{container=\"c\""), 0) << cadvisor;
  EXPECT_GE(valueOf(cadvisor, "container_network_receive_bytes_total{container=\"POD\""), 0);
  EXPECT_GT(valueOf(cadvisor, "machine_memory_bytes"), 0);
}

}  // namespace
}  // namespace cubelet::integration
