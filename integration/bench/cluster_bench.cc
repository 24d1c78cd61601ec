#include "integration/bench/cluster_bench.h"

#include <algorithm>
#include <thread>

namespace cubelet::integration {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr const char* kPods = "/api/v1/namespaces/default/pods";

bool isReady(const json& object) {
  for (const json& condition : object["status"].value("conditions", json::array()))
    if (condition["type"] == "Ready") return condition["status"] == "True";
  return false;
}

}  // namespace

ClusterBench::ClusterBench(Settings settings, Containerd& containerd, const fs::path& dir, Table& table)
    : settings_(std::move(settings)),
      table_(table),
      node_(containerd, dir / "c"),
      floor_(containerd.socket().string(), node_.records(), dir / "floor-logs"),
      cluster_(dir / "control-plane") {}

void ClusterBench::run() {
  say("a node joins a control plane");
  join();
  say("single pods of the API server, the floor and cubelet in turn");
  singlePods();
  say("single pods with volumes of API objects, and without, in turn");
  podsWithObjects();
  editedObjects();
  say("static pods edited while the API server does not answer");
  editsWhileCutOff();
  say(std::to_string(settings_.manyInCluster) + " pods of the API server at once");
  manyPods();
  say(std::to_string(settings_.many) + " pods of the API server, nothing happens");
  steadyState();
}

void ClusterBench::join() {
  cluster_.start();
  const fs::path kubeconfig = node_.dir() / "kubelet.conf";
  cluster_.writeNodeKubeconfig(kubeconfig, "node1");
  node_.config["clusterDNS"] = {"10.96.0.10"};  // as every real node has it: without it each pod costs a warning
  node_.extraFlags.push_back("--kubeconfig=" + kubeconfig.string());
  node_.startAgent();
  must(eventually("node1 is Ready", 60s,
                  [&] {
                    const json found = cluster_.get({"node", "node1"});
                    return !found.is_null() && isReady(found) ? "" : "not yet";
                  }),
       node_);
}

// Bound when it is made: no scheduler is part of what is measured.
json ClusterBench::boundPod(const std::string& name) {
  json object = json::parse(node_.textOf(pod(name, {marker("c", name)})));
  object["spec"]["automountServiceAccountToken"] = false;
  object["spec"]["nodeName"] = "node1";
  return object;
}

void ClusterBench::removePods() {
  ApiRequests api(administrator(cluster_));
  api.remove(kPods);
  must(eventually("all pods are gone", 180s,
                  [&] { return api.get(std::string(kPods) + "?limit=1")["items"].empty() ? "" : "some are left"; }),
       node_);
}

// From the moment that the API server has answered: the object is bound and stored.
void ClusterBench::singlePods() {
  ApiRequests api(administrator(cluster_));
  ReadyWatch watch(administrator(cluster_));
  std::vector<double> floor;
  std::vector<double> ours;
  std::vector<double> ready;
  std::vector<double> stored;
  for (int i = 0; i < settings_.singles; ++i) {
    const std::string number = std::to_string(i);
    std::chrono::nanoseconds begin = monotonicNow();
    floor_.startPods("cf" + number + "-", 1);
    floor.push_back(milliseconds(startOf(node_, "cf" + number + "-0") - begin));
    floor_.removeEverything();

    const std::string name = "c" + number;
    const json object = boundPod(name);
    begin = monotonicNow();
    api.create(kPods, object);
    const std::chrono::nanoseconds bound = monotonicNow();
    stored.push_back(milliseconds(bound - begin));
    const std::chrono::nanoseconds started = startOf(node_, name);
    ours.push_back(milliseconds(started - bound));
    must(eventually(name + " is Ready in the API", 60s, [&] { return watch.readyAt(name) ? "" : "not yet"; }), node_);
    ready.push_back(milliseconds(*watch.readyAt(name) - started));
    removePods();
  }
  table_.addTimes("object bound to program running, one pod", ours, floor, "floor + 30 ms");
  table_.addTimes("program running to Ready in the API", ready, "50 ms");
  table_.addTimes("the API server's own time to store the object", stored, "");
}

void ClusterBench::manyPods() {
  ApiRequests api(administrator(cluster_));
  std::vector<double> floor;
  std::vector<double> ours;
  const auto last = [this](const std::string& prefix) {
    std::chrono::nanoseconds latest{0};
    for (int i = 0; i < settings_.manyInCluster; ++i)
      latest = std::max(latest, startOf(node_, prefix + std::to_string(i)));
    return latest;
  };
  for (int round = 0; round < settings_.rounds; ++round) {
    const std::string letter(1, static_cast<char>('a' + round));
    std::chrono::nanoseconds begin = monotonicNow();
    floor_.startPods("cfm" + letter + "-", settings_.manyInCluster);
    floor.push_back(milliseconds(last("cfm" + letter + "-") - begin));
    floor_.removeEverything();

    std::vector<json> objects;
    for (int i = 0; i < settings_.manyInCluster; ++i)
      objects.push_back(boundPod("cm" + letter + "-" + std::to_string(i)));
    begin = monotonicNow();
    for (const json& object : objects) api.create(kPods, object);
    ours.push_back(milliseconds(last("cm" + letter + "-") - begin));
    removePods();
  }
  table_.addTimes(std::to_string(settings_.manyInCluster) + " pods bound at once, first request to last program", ours,
                  floor, "1.15 x floor");
}

// The end of the program is what both have in common; stopping and removing the old sandbox is the runtime's time too.
void ClusterBench::editsWhileCutOff() {
  std::vector<double> floor;
  std::vector<double> ours;
  for (int i = 0; i < settings_.singles; ++i) {
    const std::string name = "e" + std::to_string(i);
    floor_.startAndReplace("f" + name);
    floor.push_back(milliseconds(startOf(node_, "f" + name, 2) - node_.marks("f" + name, "term").at(0).monotonic));
    floor_.removeEverything();

    json manifest = pod(name, {marker("c", name)});
    node_.write(name + ".json", manifest);
    startOf(node_, name);
    cluster_.freezeApiServer();
    manifest["metadata"]["labels"]["edited"] = "yes";
    node_.write(name + ".json", manifest);
    ours.push_back(milliseconds(startOf(node_, name, 2) - node_.marks(name, "term").at(0).monotonic));
    cluster_.thawApiServer();
    node_.remove(name + ".json");
    must(eventually("pod " + name + " is gone", 120s, isGone(node_, name)), node_);
  }
  table_.addTimes("edited static pod without API server, end of the old program to the new one", ours, floor,
                  "floor + 100 ms");
}

void ClusterBench::steadyState() {
  ApiRequests api(administrator(cluster_));
  for (int i = 0; i < settings_.many; ++i) api.create(kPods, boundPod("st" + std::to_string(i)));
  for (int i = 0; i < settings_.many; ++i) startOf(node_, "st" + std::to_string(i));
  // What the start left behind is written and given back within seconds.
  std::this_thread::sleep_for(20s);
  const std::size_t requestsBefore = cluster_.nodeRequests().size();
  const std::optional<ProcessFigures> before = figuresOf(node_.agent().pid());
  // At least one minute: a node's heartbeats come every ten seconds.
  const int seconds = std::max(60, settings_.idleSeconds);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const std::optional<ProcessFigures> after = figuresOf(node_.agent().pid());
  const std::size_t requests = cluster_.nodeRequests().size() - requestsBefore;
  if (!before || !after) throw std::runtime_error("the agent is not running");
  const std::string what = "steady in a cluster, " + std::to_string(settings_.many) + " pods: ";
  table_.addFigure(what + "CPU", (after->cpuSeconds - before->cpuSeconds) / seconds * 100, "% of a core", "0.3");
  table_.addFigure(what + "RSS", static_cast<double>(after->rssKiB) / 1024, "MiB", "28");
  table_.addFigure(what + "PSS", static_cast<double>(after->pssKiB) / 1024, "MiB", "");
  table_.addFigure(what + "API requests", static_cast<double>(requests) * 60 / seconds, "/min", "leases only: 6");
  removePods();
}

}  // namespace cubelet::integration
