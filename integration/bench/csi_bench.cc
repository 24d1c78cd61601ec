#include "integration/bench/csi_bench.h"

#include <algorithm>
#include <fstream>
#include <thread>

namespace cubelet::integration {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr int kMany = 100;
constexpr int kParallel = 20;  // as many calls as the agent makes at once

// Volumes of pods that are mounted now.
std::size_t published(const Node& node) {
  const std::vector<std::string> mounts = csiMounts(node);
  return static_cast<std::size_t>(std::ranges::count_if(
      mounts, [](const std::string& line) { return line.find("kubernetes.io~csi") != std::string::npos; }));
}

}  // namespace

CsiBench::CsiBench(Settings settings, Containerd& containerd, const fs::path& dir, Table& table)
    : settings_(std::move(settings)),
      table_(table),
      node_(containerd, dir / "v"),
      driver_(node_),
      floor_(node_.root() / "plugins/hostpath/csi.sock", dir / "floor-volumes") {}

void CsiBench::run() {
  say("single pods with a CSI volume, those without and the driver alone, in turn");
  start();
  singlePods();
  for (const int delay : {0, 100}) {
    say(std::to_string(kMany) + " CSI volumes at once, calls that take " + std::to_string(delay) + " ms longer");
    manyPods(delay);
  }
}

void CsiBench::start() {
  std::vector<std::string> volumes;
  for (const auto& [prefix, count] : {std::pair("s", settings_.singles), std::pair("fs", settings_.singles),
                                      std::pair("m", kMany), std::pair("fm", kMany)})
    for (const std::string& name : makeVolumes(prefix, count)) volumes.push_back("--volume=" + name);
  driver_.start(volumes);
  node_.startAgent();
  must(eventually("the driver has registered", 30s, logSays(node_, "CSI driver registered")), node_);
}

// Volumes, and claims of their names.
std::vector<std::string> CsiBench::makeVolumes(const std::string& prefix, int count) {
  fs::create_directories(node_.dir() / "objects");
  std::ofstream file(node_.dir() / "objects" / (prefix + ".yaml"));
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    const std::string name = prefix + std::to_string(i);
    names.push_back(name);
    const json volume = {{"apiVersion", "v1"},
                         {"kind", "PersistentVolume"},
                         {"metadata", {{"name", "pv-" + name}}},
                         {"spec", {{"csi", {{"driver", HostpathDriver::kName}, {"volumeHandle", name}}}}}};
    const json claim = {{"apiVersion", "v1"},
                        {"kind", "PersistentVolumeClaim"},
                        {"metadata", {{"name", name}}},
                        {"spec", {{"volumeName", "pv-" + name}}}};
    file << volume.dump() << "\n---\n" << claim.dump() << "\n---\n";
  }
  return names;
}

json CsiBench::withVolume(json manifest, const std::string& claim) const {
  manifest["spec"]["volumes"].push_back({{"name", "v"}, {"persistentVolumeClaim", {{"claimName", claim}}}});
  manifest["spec"]["containers"][0]["volumeMounts"].push_back({{"name", "v"}, {"mountPath", "/v"}});
  return manifest;
}

void CsiBench::remove(const std::vector<std::string>& pods) {
  for (const std::string& name : pods) node_.remove(name + ".json");
  for (const std::string& name : pods) must(eventually("pod " + name + " is gone", 120s, isGone(node_, name)), node_);
  must(eventually("no CSI volume is left", 60s, hasNoCsiVolumes(node_)), node_);
}

// Milliseconds from the manifest to the program; the pod is gone afterwards.
double CsiBench::startTime(const std::string& name, const json& manifest) {
  const std::string text = node_.textOf(manifest);
  const std::chrono::nanoseconds begin = monotonicNow();
  node_.writeText(name + ".json", text);
  const double time = milliseconds(startOf(node_, name) - begin);
  remove({name});
  return time;
}

// The floor is the same pod without the volume, and the two calls to the driver.
void CsiBench::singlePods() {
  std::vector<double> floor;
  std::vector<double> ours;
  for (int i = 0; i < settings_.singles; ++i) {
    const std::string number = std::to_string(i);
    const std::chrono::nanoseconds begin = monotonicNow();
    floor_.mount({"fs" + number}, 1);
    const double calls = milliseconds(monotonicNow() - begin);
    floor_.unmount({"fs" + number});
    const std::string plain = "plain" + number;
    floor.push_back(calls + startTime(plain, pod(plain, {marker("c", plain)})));
    const std::string name = "csi" + number;
    ours.push_back(startTime(name, withVolume(pod(name, {marker("c", name)}), "s" + number)));
  }
  table_.addTimes("one pod with a CSI volume; floor: one without, and the driver's calls", ours, floor,
                  "floor + 15 ms");
}

// Another volume that never comes holds the pods back, so that no container starts and only volumes are measured.
void CsiBench::manyPods(int delay) {
  const std::string longer = std::to_string(delay);
  if (delay > 0)
    driver_.order("always NodeStageVolume before delay " + longer + "\nalways NodePublishVolume before delay " +
                  longer + "\n");
  std::vector<double> floor;
  std::vector<double> ours;
  for (int round = 0; round < settings_.rounds; ++round) {
    std::vector<std::string> handles;
    std::vector<std::string> names;
    std::vector<std::string> texts;
    for (int i = 0; i < kMany; ++i) {
      handles.push_back("fm" + std::to_string(i));
      names.push_back("many" + std::to_string(i));
      json manifest = withVolume(pod(names.back(), {marker("c", names.back())}), "m" + std::to_string(i));
      manifest["spec"]["volumes"].push_back({{"name", "never"}, {"persistentVolumeClaim", {{"claimName", "never"}}}});
      texts.push_back(node_.textOf(manifest));
    }
    std::chrono::nanoseconds begin = monotonicNow();
    floor_.mount(handles, kParallel);
    floor.push_back(milliseconds(monotonicNow() - begin));
    floor_.unmount(handles);

    begin = monotonicNow();
    for (int i = 0; i < kMany; ++i) node_.writeText(names[i] + ".json", texts[i]);
    while (published(node_) < kMany) {
      if (monotonicNow() - begin > 120s) must(::testing::AssertionFailure() << "not all volumes are mounted", node_);
      std::this_thread::sleep_for(10ms);
    }
    ours.push_back(milliseconds(monotonicNow() - begin));
    remove(names);
  }
  driver_.order("");
  table_.addTimes(
      std::to_string(kMany) + " CSI volumes at once, one a pod, each call of the driver " + longer + " ms longer", ours,
      floor, "1.2 x floor");
}

}  // namespace cubelet::integration
