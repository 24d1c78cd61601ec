// How much cubelet adds to what the runtime itself needs. Both run in turn on one containerd, in one run. Starts are
// taken from inside the containers (`mark` notes the monotonic clock, which all processes of a machine share).
//   bench [--singles N] [--many N] [--many-in-cluster N] [--rounds N] [--idle SECONDS] [--json FILE]
//         [--floor-only | --standalone-only | --csi-only | --cluster-only | --server-only]
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

#include "integration/bench/cluster_bench.h"
#include "integration/bench/csi_bench.h"
#include "integration/bench/floor.h"
#include "integration/bench/measure.h"
#include "integration/bench/server_bench.h"
#include "integration/bench/table.h"
#include "integration/harness/built.h"
#include "integration/harness/node.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class StandaloneBench {
 public:
  StandaloneBench(Settings settings, Containerd& containerd, const fs::path& dir, Table& table)
      : settings_(std::move(settings)),
        table_(table),
        node_(containerd, dir / "n"),
        floor_(containerd.socket().string(), node_.records(), dir / "floor-logs") {}

  void run() {
    say("single pods, the floor and cubelet in turn");
    if (!settings_.floorOnly) startAgent();
    singlePods();
    say("a program that ends and is started again");
    restarts();
    if (!settings_.floorOnly) {
      say("idle without pods");
      idle("0 pods");
    }
    say(std::to_string(settings_.many) + " pods at once");
    manyPods();
    if (settings_.floorOnly) return;
    say("idle with " + std::to_string(settings_.many) + " pods");
    idle(std::to_string(settings_.many) + " pods");
    say("start of the agent");
    agentStarts();
  }

 private:
  void startAgent() {
    node_.startAgent();
    must(eventually("the agent answers", 30s, agentAnswers(node_)), node_);
  }

  void removeOurs(const std::vector<std::string>& pods) {
    for (const std::string& pod : pods) node_.remove(pod + ".json");
    for (const std::string& pod : pods) must(eventually("pod " + pod + " is gone", 120s, isGone(node_, pod)), node_);
  }

  void singlePods() {
    std::vector<double> floor;
    std::vector<double> ours;
    for (int i = 0; i < settings_.singles; ++i) {
      std::string number = std::to_string(i);
      // The agent sees the floor's pod too (it is not one of a kubelet, so it stays untouched), as the floor's client
      // sees the agent's: both measure beside an otherwise idle runtime.
      std::chrono::nanoseconds begin = monotonicNow();
      floor_.startPods("f" + number + "-", 1);
      floor.push_back(milliseconds(startOf(node_, "f" + number + "-0") - begin));
      floor_.removeEverything();
      if (settings_.floorOnly) continue;
      std::string text = node_.textOf(pod("s" + number, {marker("c", "s" + number)}));
      begin = monotonicNow();
      node_.writeText("s" + number + ".json", text);
      ours.push_back(milliseconds(startOf(node_, "s" + number) - begin));
      removeOurs({"s" + number});
    }
    table_.addTimes("manifest to program running, one pod", ours, floor, "floor + 20 ms");
  }

  void restarts() {
    std::vector<double> floor;
    std::vector<double> ours;
    for (int i = 0; i < settings_.singles; ++i) {
      std::string number = std::to_string(i);
      floor_.startAndRestart("fr" + number);
      floor.push_back(milliseconds(startOf(node_, "fr" + number, 2) - startOf(node_, "fr" + number + ".exit")));
      floor_.removeEverything();
      if (settings_.floorOnly) continue;
      std::string name = "r" + number;
      node_.write(name + ".json",
                  pod(name, {container("c", {"mark", "/out/" + name, "sh", "-c", endOnceScript(name)})}));
      ours.push_back(milliseconds(startOf(node_, name, 2) - startOf(node_, name + ".exit")));
      removeOurs({name});
    }
    table_.addTimes("exit to program running again (first restart)", ours, floor, "floor + 10 ms");
  }

  void manyPods() {
    std::vector<double> floor;
    std::vector<double> ours;
    for (int round = 0; round < settings_.rounds; ++round) {
      std::string letter = std::string("fm") + static_cast<char>('a' + round) + "-";
      std::chrono::nanoseconds begin = monotonicNow();
      floor_.startPods(letter, settings_.many);
      floor.push_back(milliseconds(last(letter) - begin));
      floor_.removeEverything();
      if (settings_.floorOnly) continue;
      letter = std::string("m") + static_cast<char>('a' + round) + "-";
      std::map<std::string, std::string> files;
      manyNames_.clear();
      for (int i = 0; i < settings_.many; ++i) {
        std::string name = letter + std::to_string(i);
        files[name + ".json"] = node_.textOf(pod(name, {marker("c", name)}));
        manyNames_.push_back(name);
      }
      begin = monotonicNow();
      for (const auto& [file, text] : files) node_.writeText(file, text);
      ours.push_back(milliseconds(last(letter) - begin));
      // Those of the last round stay for what comes next.
      if (round + 1 < settings_.rounds) removeOurs(manyNames_);
    }
    table_.addTimes(std::to_string(settings_.many) + " pods at once, first manifest to last program", ours, floor,
                    "1.1 x floor");
  }

  std::chrono::nanoseconds last(const std::string& prefix) {
    std::chrono::nanoseconds latest{0};
    for (int i = 0; i < settings_.many; ++i) latest = std::max(latest, startOf(node_, prefix + std::to_string(i)));
    return latest;
  }

  void idle(const std::string& with) {
    // What the start left behind is given back within seconds.
    std::this_thread::sleep_for(15s);
    std::optional<ProcessFigures> before = figuresOf(node_.agent().pid());
    std::this_thread::sleep_for(std::chrono::seconds(settings_.idleSeconds));
    std::optional<ProcessFigures> after = figuresOf(node_.agent().pid());
    if (!before || !after) throw std::runtime_error("the agent is not running");
    double time = settings_.idleSeconds;
    table_.addFigure("idle, " + with + ": CPU", (after->cpuSeconds - before->cpuSeconds) / time * 100, "% of a core",
                     "0.1");
    table_.addFigure("idle, " + with + ": context switches",
                     static_cast<double>(after->contextSwitches - before->contextSwitches) / time, "/s", "");
    table_.addFigure("idle, " + with + ": RSS", static_cast<double>(after->rssKiB) / 1024, "MiB", "24");
    table_.addFigure("idle, " + with + ": PSS", static_cast<double>(after->pssKiB) / 1024, "MiB", "");
    table_.addFigure("idle, " + with + ": threads", static_cast<double>(after->threads), "", "");
  }

  // With the many pods running: killed and started again, with one manifest that is new.
  void agentStarts() {
    std::vector<double> withMany;
    std::vector<double> alone;
    for (int i = 0; i < 5; ++i) withMany.push_back(startWithNew("am" + std::to_string(i)));
    table_.addTimes("agent start, " + std::to_string(settings_.many) + " pods running, to a new pod's program",
                    withMany, "");
    removeOurs(manyNames_);
    for (int i = 0; i < 5; ++i) alone.push_back(startWithNew("as" + std::to_string(i)));
    table_.addTimes("agent start, nothing running, to the first program", alone, "");
  }

  double startWithNew(const std::string& name) {
    node_.killAgent();
    node_.write(name + ".json", pod(name, {marker("c", name)}));
    std::chrono::nanoseconds begin = monotonicNow();
    node_.startAgent();
    double took = milliseconds(startOf(node_, name) - begin);
    removeOurs({name});
    return took;
  }

  Settings settings_;
  Table& table_;
  Node node_;
  Floor floor_;
  std::vector<std::string> manyNames_;
};

int number(const std::string& text) {
  return std::max(1, std::atoi(text.c_str()));
}

Settings parse(const std::vector<std::string>& words) {
  Settings settings;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--floor-only") {
      settings.floorOnly = true;
      continue;
    }
    if (word == "--standalone-only" || word == "--csi-only" || word == "--cluster-only" || word == "--server-only") {
      settings.standalone = word == "--standalone-only";
      settings.csi = word == "--csi-only";
      settings.cluster = word == "--cluster-only";
      settings.server = word == "--server-only";
      continue;
    }
    if (i + 1 == words.size()) throw std::runtime_error("unknown option " + word + ", or no value for it");
    const std::string& value = words[++i];
    if (word == "--singles")
      settings.singles = number(value);
    else if (word == "--many")
      settings.many = number(value);
    else if (word == "--many-in-cluster")
      settings.manyInCluster = number(value);
    else if (word == "--rounds")
      settings.rounds = number(value);
    else if (word == "--idle")
      settings.idleSeconds = number(value);
    else if (word == "--json")
      settings.jsonFile = value;
    else
      throw std::runtime_error("unknown option " + word);
  }
  return settings;
}

int runBench(const std::vector<std::string>& words) {
  std::string pattern = "/tmp/cbl.XXXXXX";
  fs::path dir = mkdtemp(pattern.data());
  fs::permissions(dir, fs::perms(0711));
  int code = 0;
  try {
    Settings settings = parse(words);
    if (std::string reason = built::missing(); !reason.empty()) throw std::runtime_error(reason);
    Containerd containerd(dir / "containerd");
    containerd.start();
    Table table;
    if (settings.standalone) StandaloneBench(settings, containerd, dir, table).run();
    if (settings.csi && !settings.floorOnly) CsiBench(settings, containerd, dir, table).run();
    if (settings.server && !settings.floorOnly) ServerBench(settings, containerd, dir, table).run();
    if (settings.cluster && !settings.floorOnly) {
      if (std::string reason = ControlPlane::missing(); reason.empty())
        ClusterBench(settings, containerd, dir, table).run();
      else
        say("no cluster rows: " + reason);
    }
    printf("%s", table.text().c_str());
    if (!settings.jsonFile.empty()) std::ofstream(settings.jsonFile) << table.json().dump(2) << "\n";
  } catch (const std::exception& problem) {
    fprintf(stderr, "bench: %s\n", problem.what());
    code = 1;
  }
  std::error_code ignored;
  fs::remove_all(dir, ignored);
  return code;
}

}  // namespace
}  // namespace cubelet::integration

int main(int argc, char** argv) {
  return cubelet::integration::runBench({argv + 1, argv + argc});
}
