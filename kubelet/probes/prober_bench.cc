// What probes cost: 110 pods, each with one HTTP readiness probe every second. Prints the share of one core that asking
// takes, and how far from its beat each request came in at the server, which is a process of its own.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/http/test_server.h"
#include "cri/fake/fake_runtime.h"
#include "kubelet/probes/pod_prober.h"

namespace cubelet::probes {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kPods = 110;
constexpr seconds kTime{20};

// By path: how far each request came from a whole number of seconds after the first.
class Beats {
 public:
  void add(const std::string& path) {
    const auto now = Steady::now();
    const auto first = first_.try_emplace(path, now).first->second;
    const double off = std::chrono::duration<double, std::milli>(now - first).count();
    const double beat = static_cast<double>(count_[path]++) * 1000.0;
    off_.push_back(std::abs(off - beat));
  }
  void print() {
    std::sort(off_.begin(), off_.end());
    const auto at = [&](double part) {
      return off_.empty() ? 0 : off_[static_cast<std::size_t>(part * static_cast<double>(off_.size() - 1))];
    };
    std::printf("requests %zu, off the beat p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", off_.size(), at(0.5), at(0.99),
                at(1));
  }

 private:
  std::map<std::string, Steady::time_point> first_;
  std::map<std::string, int> count_;
  std::vector<double> off_;
};

void serve(int portPipe) {
  Loop loop;
  Beats beats;
  http::TestServer server(loop, [&](const std::string& request) {
    beats.add(request.substr(0, request.find(" HTTP")));
    return http::okAnswer();
  });
  const std::uint16_t port = server.port();
  if (::write(portPipe, &port, sizeof port) != sizeof port) std::exit(1);
  loop.runUntil([] { return false; }, kTime + seconds(1));
  beats.print();
}

core::Pod makePod(int number, std::uint16_t port) {
  core::Pod pod;
  core::Container& container = *pod.mutable_spec()->add_containers();
  container.set_name("web");
  core::Probe& probe = *container.mutable_readinessprobe();
  probe.set_periodseconds(1);
  probe.set_timeoutseconds(1);
  core::HTTPGetAction& get = *probe.mutable_handler()->mutable_httpget();
  get.set_path("/" + std::to_string(number));
  get.mutable_port()->set_intval(port);
  return pod;
}

double cpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

void ask(std::uint16_t port) {
  Loop loop;
  SystemClock clock(loop);
  BlockingPool pool(loop, clock, 1);
  rpc::Pump pump(loop);
  cri::FakeRuntime runtime(clock);
  http::Client http(loop, clock, pool);
  Runner runner({.loop = loop,
                 .clock = clock,
                 .pool = pool,
                 .pump = pump,
                 .runtime = runtime,
                 .http = http,
                 .kubernetesVersion = "1.36"});
  int verdicts = 0;
  std::vector<std::unique_ptr<core::Pod>> pods;
  std::vector<std::unique_ptr<PodProber>> probers;
  for (int i = 0; i < kPods; ++i) {
    pods.push_back(std::make_unique<core::Pod>(makePod(i, port)));
    PodProber::Callbacks callbacks;
    callbacks.verdict = [&](const Verdict& verdict) { verdicts += verdict.success ? 1 : 0; };
    callbacks.warn = [](const std::string&, const ProbeEvent& event) { std::puts(event.message.c_str()); };
    callbacks.random = [i] { return static_cast<double>(i) / kPods; };
    probers.push_back(std::make_unique<PodProber>(loop, clock, runner, *pods.back(), std::move(callbacks)));
    RunningContainer running;
    running.name = "web";
    running.id = "c";
    running.startedAt = clock.wallNow();
    running.started = true;
    running.adopted = true;
    probers.back()->sync({running}, "127.0.0.1", false);
  }
  const double before = cpuSeconds();
  loop.runUntil([] { return false; }, kTime);
  const double share = (cpuSeconds() - before) / std::chrono::duration<double>(kTime).count();
  std::printf("%d probes a second, %d of the pods ready: %.2f %% of one core\n", kPods, verdicts, share * 100);
  for (auto& prober : probers) loop.runToEnd(prober->close());
}

}  // namespace
}  // namespace cubelet::probes

int main() {
  int portPipe[2];
  if (::pipe(portPipe) != 0) return 1;
  const pid_t server = ::fork();
  if (server == 0) {
    cubelet::probes::serve(portPipe[1]);
    return 0;
  }
  std::uint16_t port = 0;
  if (::read(portPipe[0], &port, sizeof port) != sizeof port) return 1;
  cubelet::probes::ask(port);
  ::waitpid(server, nullptr, 0);
}
