// What a question for statistics costs with 110 pods of two cgroups each beside the pod's own, measured anew each time:
// from the route to the text, without HTTP and with a runtime that answers at once. The cgroups are files in memory,
// which the kernel opens and reads about as fast as real ones. Build with a release preset: `ninja stats_bench`.
#include <benchmark/benchmark.h>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/temp_dir.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/cgroups/host_tree.h"
#include "kubelet/nodeapi/stats_routes.h"
#include "kubelet/stats/collector.h"

namespace cubelet::nodeapi {
namespace {

constexpr int kPods = 110;
constexpr int kFirstPid = 5000;
constexpr Duration kLater = std::chrono::seconds(10);

struct File {
  const char* controller;  // of v1
  const char* name;
  const char* content;
};

constexpr char kStatV1[] =
    "cache 675840\nrss 1622016\nrss_huge 0\nshmem 0\nmapped_file 135168\ndirty 0\nwriteback 0\nswap 0\npgpgin 1023\n"
    "pgpgout 462\npgfault 1254\npgmajfault 0\ninactive_anon 1622016\nactive_anon 0\ninactive_file 540672\n"
    "active_file 135168\nunevictable 0\nhierarchical_memory_limit 9223372036854771712\n"
    "hierarchical_memsw_limit 9223372036854771712\ntotal_cache 675840\ntotal_rss 1622016\ntotal_rss_huge 0\n"
    "total_shmem 0\ntotal_mapped_file 135168\ntotal_dirty 0\ntotal_writeback 0\ntotal_swap 0\ntotal_pgpgin 1023\n"
    "total_pgpgout 462\ntotal_pgfault 1254\ntotal_pgmajfault 0\ntotal_inactive_anon 1622016\ntotal_active_anon 0\n"
    "total_inactive_file 540672\ntotal_active_file 135168\ntotal_unevictable 0\n";
constexpr char kStatV2[] =
    "anon 1622016\nfile 675840\nkernel 520192\nkernel_stack 16384\npagetables 49152\nsec_pagetables 0\npercpu 864\n"
    "sock 0\nvmalloc 0\nshmem 0\nfile_mapped 135168\nfile_dirty 0\nfile_writeback 0\nswapcached 0\nanon_thp 0\n"
    "inactive_anon 1622016\nactive_anon 0\ninactive_file 540672\nactive_file 135168\nunevictable 0\n"
    "slab_reclaimable 330456\nslab_unreclaimable 113504\npgscan 0\npgsteal 0\npgfault 1254\npgmajfault 0\n"
    "pgrefill 0\npgactivate 0\npgdeactivate 0\nthp_fault_alloc 0\nthp_collapse_alloc 0\n";
constexpr char kPressure[] =
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=812\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=640\n";

constexpr File kFilesV1[] = {
    {"cpuacct", "cpuacct.usage", "41875342\n"},
    {"cpuacct", "cpuacct.stat", "user 2\nsystem 1\n"},
    {"cpu", "cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
    {"memory", "memory.usage_in_bytes", "2818048\n"},
    {"memory", "memory.limit_in_bytes", "9223372036854771712\n"},
    {"memory", "memory.memsw.usage_in_bytes", "2818048\n"},
    {"memory", "memory.memsw.limit_in_bytes", "9223372036854771712\n"},
    {"memory", "memory.failcnt", "0\n"},
    {"memory", "memory.max_usage_in_bytes", "6291456\n"},
    {"memory", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"},
    {"memory", "memory.stat", kStatV1},
    {"pids", "pids.current", "1\n"},
    {"blkio", "blkio.throttle.io_service_bytes",
     "254:0 Read 675840\n254:0 Write 0\n254:0 Sync 675840\n254:0 Async 0\n254:0 Total 675840\nTotal 675840\n"},
    {"blkio", "blkio.throttle.io_serviced",
     "254:0 Read 12\n254:0 Write 0\n254:0 Sync 12\n254:0 Async 0\n254:0 Total 12\nTotal 12\n"},
};
constexpr File kFilesV2[] = {
    {"", "cpu.stat",
     "usage_usec 41875\nuser_usec 20937\nsystem_usec 20937\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"},
    {"", "cpu.pressure", kPressure},
    {"", "memory.current", "2818048\n"},
    {"", "memory.max", "max\n"},
    {"", "memory.stat", kStatV2},
    {"", "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"},
    {"", "memory.peak", "6291456\n"},
    {"", "memory.pressure", kPressure},
    {"", "memory.swap.current", "0\n"},
    {"", "memory.swap.max", "max\n"},
    {"", "pids.current", "1\n"},
    {"", "io.stat", "254:0 rbytes=675840 wbytes=0 rios=12 wios=0 dbytes=0 dios=0\n"},
    {"", "io.pressure", kPressure},
};
// What else a runtime finds in each directory: none of it is read.
constexpr const char* kOthers[] = {"cgroup.clone_children", "cgroup.event_control", "notify_on_release", "tasks"};
constexpr const char* kControllers[] = {"cpu", "cpuacct", "memory", "pids", "blkio"};

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

// 110 pods as cgroups and processes in a directory, and the agent's routes over them.
class Node {
 public:
  explicit Node(bool v2) : v2_(v2) {
    if (v2_) write(dir_ / "cgroup/cgroup.controllers", "cpu memory pids io\n");
    cgroup("", 0);
    cgroup("/kubepods", 0);
    question_.nodeName = "n1";
    question_.rootDir = dir_.path();
    question_.podsCgroup = "/kubepods";
    process("self");
    write(dir_ / "proc/self/cgroup", v2_ ? "0::/kubepods\n" : "4:memory:/kubepods\n");
    for (int i = 0; i < kPods; ++i) pod(i);
    addStatsRoutes(router_, collector_);
  }
  ~Node() { loop_.runToEnd(collector_.close()); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::size_t ask(const std::string& path) {
    clock_.advance(kLater);
    web::Request request;
    request.method = "GET";
    request.target = *web::parseTarget(path);
    const web::Router::Match match = router_.find("GET", path);
    return loop_.runToEnd(match.route->handler(std::make_shared<const web::Request>(std::move(request)))).body.size();
  }

 private:
  void cgroup(const std::string& path, int pid) {
    const std::string procs = pid > 0 ? std::to_string(pid) + "\n" : "";
    const auto directory = [&](const std::string& place) {
      write(place + "/cgroup.procs", procs);
      for (const char* name : kOthers) write(place + "/" + name, "0\n");
    };
    if (v2_) {
      directory(dir_ / ("cgroup" + path));
      for (const File& file : kFilesV2) write(dir_ / ("cgroup" + path + "/" + file.name), file.content);
      return;
    }
    for (const char* controller : kControllers) directory(dir_ / ("cgroup/" + (controller + path)));
    for (const File& file : kFilesV1)
      write(dir_ / ("cgroup/" + (file.controller + path) + "/" + file.name), file.content);
  }
  void process(const std::string& pid) {
    write(dir_ / ("proc/" + pid + "/net/route"),
          "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
          "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
          "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
    write(dir_ / ("proc/" + pid + "/net/dev"),
          "Inter-|   Receive                            |  Transmit\n"
          " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier "
          "compressed\n"
          "    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
          "  eth0: 1500 10 0 0 0 0 0 0 2500 20 0 0 0 0 0 0\n");
  }
  void pod(int i) {
    stats::PodToRead& one = question_.pods.emplace_back();
    one.ns = "default";
    one.name = "web-" + std::to_string(i) + "-n1";
    const std::string digits = std::to_string(kFirstPid + i);
    one.uid = "5b0f6f5c-7a1c-4b0e-9d3c-00000000" + digits;
    one.cgroup = "/kubepods/burstable/pod" + one.uid;
    one.sandboxId = std::string(60, 'a') + digits;
    const std::string id = std::string(60, 'c') + digits;
    one.containers.push_back(
        {.name = "web", .id = id, .image = "registry.example.com/team/web:v1.2.3", .startedAt = clock_.wallNow()});
    cgroup(one.cgroup, 0);
    cgroup(one.cgroup + "/" + one.sandboxId, kFirstPid + i);
    cgroup(one.cgroup + "/" + id, kFirstPid + kPods + i);
    process(digits);
  }
  std::unique_ptr<stats::HostReader> makeReader() {
    return std::make_unique<stats::HostReader>(
        std::make_unique<cgroups::HostTree>(dir_ / "cgroup"), [this] { return clock_.wallNow(); }, dir_ / "proc");
  }

  const bool v2_;
  TempDir dir_{memoryDirectory()};
  Loop loop_;
  ManualClock clock_{loop_};
  BlockingPool pool_{loop_, clock_, 4};
  cri::FakeRuntime runtime_{clock_};
  stats::Question question_;
  stats::Collector collector_{{.loop = loop_,
                               .clock = clock_,
                               .pool = pool_,
                               .runtime = runtime_,
                               .images = runtime_,
                               .question = [this] { return question_; },
                               .makeReader = [this] { return makeReader(); }},
                              {.readers = 2}};
  web::Router router_;
};

void question(benchmark::State& state, const char* path, bool v2) {
  Node node(v2);
  std::size_t bytes = node.ask(path);
  for (auto _ : state) bytes = node.ask(path);
  state.counters["bytes"] = static_cast<double>(bytes);
}

#define CUBELET_QUESTION(name, path)                                                                 \
  BENCHMARK_CAPTURE(question, name##_v1, path, false)->Unit(benchmark::kMillisecond)->UseRealTime(); \
  BENCHMARK_CAPTURE(question, name##_v2, path, true)->Unit(benchmark::kMillisecond)->UseRealTime()

CUBELET_QUESTION(summary, "/stats/summary");
CUBELET_QUESTION(resource, "/metrics/resource");
CUBELET_QUESTION(cadvisor, "/metrics/cadvisor");

}  // namespace
}  // namespace cubelet::nodeapi

BENCHMARK_MAIN();
