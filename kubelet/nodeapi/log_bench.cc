// What `kubectl logs` costs: a log of 100 MB, read over HTTPS by another process. Prints how much of the file goes over
// in a second, how much in a second of the server's own CPU time (which does not depend on what else the machine does),
// and the memory of 200 followers.
#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <malloc.h>
#include <memory>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/fd.h"
#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/certificates/certificate_store.h"
#include "kubelet/nodeapi/container_log.h"
#include "kubelet/nodeapi/fake_node_view.h"
#include "kubelet/web/server.h"

namespace cubelet::nodeapi {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kLogBytes = 100'000'000;
constexpr int kReads = 7;
constexpr int kFollowers = 200;
constexpr char kLog[] = "/containerLogs/shop/web/main";

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

// The client's side, which blocks.
class Reader {
 public:
  Reader(SSL_CTX* context, std::uint16_t port, const std::string& target)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), session_(SSL_new(context)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    SSL_set_fd(session_.get(), fd_.get());
    if (SSL_connect(session_.get()) != 1) std::abort();
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: node\r\n\r\n";
    SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
  }
  // 0: that was all.
  std::size_t read() {
    const int got = SSL_read(session_.get(), buffer_.data(), static_cast<int>(buffer_.size()));
    return static_cast<std::size_t>(std::max(got, 0));
  }

 private:
  Fd fd_;
  std::unique_ptr<SSL, FreeTls> session_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
};

void say(int pipe) {
  const char byte = 1;
  if (::write(pipe, &byte, 1) != 1) std::abort();
}

// Tells by a byte each time that it has read the log, and once when all follow; then stays until it is told to go.
void readAll(std::uint16_t port, int tell) {
  const std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_client_method()));
  for (int i = 0; i < kReads; ++i) {
    Reader reader(context.get(), port, kLog);
    std::size_t bytes = 0;
    while (const std::size_t got = reader.read()) bytes += got;
    if (bytes < kLogBytes / 2) std::abort();
    say(tell);
  }
  std::vector<std::unique_ptr<Reader>> followers;
  for (int i = 0; i < kFollowers; ++i) {
    followers.push_back(std::make_unique<Reader>(context.get(), port, std::string(kLog) + "?follow=true&tailLines=1"));
    followers.back()->read();
    followers.back()->read();
  }
  say(tell);
  ::pause();
}

double cpuSeconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

long residentKiB() {
  long size = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

void writeLog(const std::string& file) {
  const std::string line = "2027-01-15T08:00:00.123456789Z stdout F " + std::string(100, 'x') + "\n";
  std::ofstream out(file);
  for (std::size_t written = 0; written < kLogBytes; written += line.size()) out << line;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench() {
    const std::string directory = dir_ / "shop_web_uid-web/main";
    if (!makeDirectories(directory, 0755)) std::abort();
    writeLog(directory + "/0.log");
    core::ContainerStatus& status = *view_.addPod("shop", "web").mutable_status()->add_containerstatuses();
    status.set_name("main");
    status.mutable_state()->mutable_running();
    logs_.addRoutes(router_);
    auto pair = apiserver::loadOrMakeServingPair(dir_ / "pki", {"n1", {}, {"n1"}, {}}, clock_.wallNow());
    context_ = web::servingContext(pair->certificates(), *pair->key().secretPem(), {}).value();
    web::ServerOptions options;
    options.name = "bench";
    options.address = "127.0.0.1";
    options.tls = true;
    options.context = [this] { return context_; };
    server_ = std::make_unique<web::Server>(loop_, clock_, options,
                                            [this](web::Request request) { return route(std::move(request)); });
    if (!server_->open()) std::abort();
  }

  void run() {
    int told[2];
    if (::pipe(told) != 0) std::abort();
    const pid_t reader = ::fork();
    if (reader == 0) {
      readAll(server_->port(), told[1]);
      ::_exit(0);
    }
    boost::asio::posix::stream_descriptor news(loop_.context(), told[0]);
    std::vector<double> wall;
    std::vector<double> cpu;
    for (int i = 0; i < kReads; ++i) {
      const Steady::time_point begin = Steady::now();
      const double before = cpuSeconds();
      waitFor(news);
      wall.push_back(kLogBytes / 1e6 / std::chrono::duration<double>(Steady::now() - begin).count());
      cpu.push_back(kLogBytes / 1e6 / (cpuSeconds() - before));
    }
    std::printf("log of 100 MB: %.0f MB/s; in a second of the server's CPU time %.0f MB\n", median(wall), median(cpu));
    ::malloc_trim(0);
    const long before = residentKiB();
    waitFor(news);
    std::printf("%d followers: %ld KiB more resident memory", kFollowers, residentKiB() - before);
    ::malloc_trim(0);
    std::printf(", %ld KiB of it needed\n", residentKiB() - before);
    ::kill(reader, SIGKILL);
    ::waitpid(reader, nullptr, 0);
    loop_.runToEnd(server_->close());
    loop_.runToEnd(logs_.close());
  }

 private:
  void waitFor(boost::asio::posix::stream_descriptor& news) {
    char byte = 0;
    bool come = false;
    news.async_read_some(boost::asio::buffer(&byte, 1), [&](auto, auto) { come = true; });
    while (!come) loop_.context().run_one();
  }
  Task<web::Reply> route(web::Request request) {
    web::Router::Match match = router_.find(request.method, request.target.path);
    request.parameters = std::move(match.parameters);
    Task<web::Reply> handled = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    web::Reply reply = co_await std::move(handled);
    co_return reply;
  }

  Loop loop_;
  SystemClock clock_{loop_};
  TempDir dir_;
  FakeNodeView view_;
  ContainerLogs logs_{loop_, clock_, view_, dir_.path()};
  web::Router router_;
  std::shared_ptr<const tls::Context> context_;
  std::unique_ptr<web::Server> server_;
};

}  // namespace
}  // namespace cubelet::nodeapi

int main() {
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);  // as the agent does
  cubelet::nodeapi::Bench().run();
}
