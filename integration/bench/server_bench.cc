#include "integration/bench/server_bench.h"

#include <fcntl.h>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/fd.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr std::size_t kLogBytes = 100'000'000;
constexpr int kFollowers = 200;
constexpr int kReads = 5;
// Longer than figures are kept: each question is answered by a measurement of its own.
constexpr auto kFiguresAge = 10'500ms;
constexpr int kQuestions = 3;

fs::path made(fs::path dir) {
  fs::create_directories(dir);
  return dir;
}

// As containerd writes it.
void writeLog(const fs::path& file, std::size_t bytes) {
  const std::string line = "2027-01-15T08:00:00.123456789Z stdout F " + std::string(100, 'x') + "\n";
  std::string piece;
  while (piece.size() < 1'000'000) piece += line;
  std::ofstream out(file, std::ios::app);
  for (std::size_t written = 0; written < bytes; written += piece.size()) out << piece;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

double megabytesPerSecond(std::uintmax_t bytes, Duration took) {
  return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(took).count();
}

double plainRead(const fs::path& file) {
  const Fd log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<char> piece(256 * 1024);
  const std::chrono::nanoseconds begin = monotonicNow();
  std::uintmax_t bytes = 0;
  for (ssize_t got; (got = ::read(log.get(), piece.data(), piece.size())) > 0;)
    bytes += static_cast<std::uintmax_t>(got);
  return megabytesPerSecond(bytes, monotonicNow() - begin);
}

}  // namespace

ServerBench::ServerBench(Settings settings, Containerd& containerd, const fs::path& dir, Table& table)
    : settings_(std::move(settings)), table_(table), node_(containerd, dir / "s"), authority_(made(dir / "s-pki")) {
  const KeyPair pair = authority_.issue("client", {.commonName = "bench", .organizations = {"system:masters"}});
  files_ = {.certificate = pair.certificate, .key = pair.key};
  url_ = "https://127.0.0.1:" + std::to_string(node_.config["port"].get<int>());
}

void ServerBench::run() {
  start();
  say("commands in a container, by the runtime alone and by the node's server in turn");
  execs();
  say("a log of 100 MB");
  bigLog();
  say(std::to_string(kFollowers) + " followers of a log");
  followers();
  say(std::to_string(settings_.many) + " pods for statistics and metrics");
  manyPods();
  questions();
}

void ServerBench::start() {
  node_.config["authentication"] = {{"x509", {{"clientCAFile", authority_.pair().certificate.string()}}}};
  node_.config["containerLogMaxSize"] = "1Gi";
  node_.startAgent();
  node_.write("s.json", pod("s", {shell("c", "s", "echo begun; exec sleep 100000")}));
  must(eventually("pod s is ready", 60s, isReady(node_, "s")), node_);
}

void ServerBench::execs() {
  const std::string id = node_.cri().containersOf(node_.fullName("s")).front().id();
  const std::string ours = url_ + "/exec/default/" + node_.fullName("s") + "/c?command=echo&command=hello&output=1";
  std::vector<double> floor;
  std::vector<double> own;
  const auto timed = [](const std::string& where, const ClientFiles* files) {
    if (execByWebSocket(where, files).find("hello") == std::string::npos)
      throw std::runtime_error("the command said nothing: " + where);
  };
  for (int i = 0; i < settings_.singles; ++i) {
    std::chrono::nanoseconds begin = monotonicNow();
    timed(node_.cri().execUrl(id, {"echo", "hello"}), nullptr);
    floor.push_back(milliseconds(monotonicNow() - begin));
    begin = monotonicNow();
    timed(ours, &files_);
    own.push_back(milliseconds(monotonicNow() - begin));
  }
  table_.addTimes("a command in a container, beside the runtime's own stream", own, floor, "floor + 10 ms");
}

fs::path ServerBench::logFile() {
  for (const auto& entry : fs::recursive_directory_iterator(node_.podLogs()))
    if (entry.path().filename() == "0.log") return entry.path();
  throw std::runtime_error("pod s has no log");
}

void ServerBench::bigLog() {
  const fs::path file = logFile();
  writeLog(file, kLogBytes);
  const std::uintmax_t size = fs::file_size(file);
  std::vector<double> plain;
  std::vector<double> own;
  HttpsClient client(url_, files_);
  for (int i = 0; i < kReads; ++i) {
    plain.push_back(plainRead(file));
    const std::chrono::nanoseconds begin = monotonicNow();
    const std::size_t got = client.count("/containerLogs/default/" + node_.fullName("s") + "/c");
    own.push_back(megabytesPerSecond(size, monotonicNow() - begin));
    if (got < size / 2) throw std::runtime_error("only " + std::to_string(got) + " bytes of the log came");
  }
  table_.addFigure("a log of 100 MB over HTTPS, bytes of the file", median(own), "MB/s", "300 MB/s or the disk");
  table_.addFigure("the same file, read by a program and thrown away", median(plain), "MB/s", "");
}

void ServerBench::followers() {
  const auto rss = [this] {
    const std::optional<ProcessFigures> figures = figuresOf(node_.agent().pid());
    if (!figures) throw std::runtime_error("the agent is not running");
    return figures->rssKiB;
  };
  // What the log before has left behind is given back within seconds.
  std::this_thread::sleep_for(15s);
  const long before = rss();
  const Followers all(url_ + "/containerLogs/default/" + node_.fullName("s") + "/c?follow=true&tailLines=1", files_,
                      kFollowers);
  table_.addFigure("RSS of " + std::to_string(kFollowers) + " followers", static_cast<double>(rss() - before), "KiB",
                   "16384");
}

void ServerBench::manyPods() {
  for (int i = 0; i < settings_.many; ++i) {
    const std::string name = "s" + std::to_string(i);
    node_.write(name + ".json", pod(name, {marker("c", name)}));
  }
  for (int i = 0; i < settings_.many; ++i) startOf(node_, "s" + std::to_string(i));
}

double ServerBench::timeOf(const std::string& path) {
  HttpsClient client(url_, files_);
  client.get("/healthz");  // the handshake is no part of what is measured
  const std::chrono::nanoseconds begin = monotonicNow();
  client.get(path);
  return milliseconds(monotonicNow() - begin);
}

void ServerBench::questions() {
  const std::string with = " with " + std::to_string(settings_.many) + " pods";
  timeOf("/stats/summary");  // the first one waits for volumes and logs to be measured
  struct Row {
    const char* path;
    const char* goal;
    std::vector<double> times;
  };
  std::vector<Row> rows = {
      {"/stats/summary", "30 ms", {}}, {"/metrics/resource", "15 ms", {}}, {"/metrics/cadvisor", "15 ms", {}}};
  std::vector<double> agent;
  for (int i = 0; i < kQuestions; ++i)
    for (Row& row : rows) {
      std::this_thread::sleep_for(kFiguresAge);
      row.times.push_back(timeOf(row.path));
      agent.push_back(timeOf("/metrics"));
    }
  for (const Row& row : rows) table_.addTimes(row.path + with + ", measured anew", row.times, row.goal);
  table_.addTimes("/metrics" + with, agent, "15 ms");
}

}  // namespace cubelet::integration
