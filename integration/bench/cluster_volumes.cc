// Rows of volumes that show objects of the API server.
#include <fstream>
#include <thread>

#include "integration/bench/cluster_bench.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

constexpr const char* kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";
constexpr const char* kSecrets = "/api/v1/namespaces/default/secrets";

json object(const std::string& kind, const std::string& name, const std::string& text) {
  return {{"apiVersion", "v1"},
          {"kind", kind},
          {"metadata", {{"name", name}}},
          {kind == "Secret" ? "stringData" : "data", {{"text", text}}}};
}

void mount(json& pod, const std::string& name, json volume) {
  volume["name"] = name;
  pod["spec"]["volumes"].push_back(std::move(volume));
  pod["spec"]["containers"][0]["volumeMounts"].push_back({{"name", name}, {"mountPath", "/" + name}});
}

void mountObjects(json& pod, const std::string& suffix) {
  const json labels = {{"path", "labels"}, {"fieldRef", {{"fieldPath", "metadata.labels"}}}};
  mount(pod, "v1", {{"configMap", {{"name", "a" + suffix}}}});
  mount(pod, "v2", {{"configMap", {{"name", "b" + suffix}}}});
  mount(pod, "v3", {{"secret", {{"secretName", "c" + suffix}}}});
  mount(pod, "v4", {{"downwardAPI", {{"items", {labels}}}}});
  mount(pod, "v5",
        {{"projected",
          {{"sources", {{{"configMap", {{"name", "a" + suffix}}}}, {{"secret", {{"name", "c" + suffix}}}}}}}}});
}

std::string contentOf(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

// The same pod with five directories of the host is the floor, so that the runtime has the same mounts to make. Each
// pod's objects are its own: none is known to the agent before the pod is.
void ClusterBench::podsWithObjects() {
  ApiRequests api(administrator(cluster_));
  std::vector<double> without;
  std::vector<double> with;
  const fs::path directory = node_.dir() / "five";
  const auto startTime = [&](const std::string& name, const json& pod) {
    api.create(kPods, pod);
    const std::chrono::nanoseconds bound = monotonicNow();
    const double time = milliseconds(startOf(node_, name) - bound);
    removePods();
    return time;
  };
  for (int i = 0; i < settings_.singles; ++i) {
    const std::string suffix = std::to_string(i);
    json plain = boundPod("hd" + suffix);
    for (int v = 1; v <= 5; ++v) {
      fs::create_directories(directory / std::to_string(v));
      mount(plain, "v" + std::to_string(v), {{"hostPath", {{"path", directory / std::to_string(v)}}}});
    }
    without.push_back(startTime("hd" + suffix, plain));
    api.create(kConfigMaps, object("ConfigMap", "a" + suffix, "1"));
    api.create(kConfigMaps, object("ConfigMap", "b" + suffix, "1"));
    api.create(kSecrets, object("Secret", "c" + suffix, "1"));
    json pod = boundPod("ob" + suffix);
    mountObjects(pod, suffix);
    with.push_back(startTime("ob" + suffix, pod));
  }
  table_.addTimes("five volumes of API objects instead of five hostPath ones, bound to program running", with, without,
                  "floor + 10 ms");
}

// From the server's answer to the writer of the object, which comes at about the time of the watch event.
void ClusterBench::editedObjects() {
  ApiRequests api(administrator(cluster_));
  api.create(kConfigMaps, object("ConfigMap", "edited", "0"));
  json pod = boundPod("reader");
  mount(pod, "v", {{"configMap", {{"name", "edited"}}}});
  api.create(kPods, pod);
  startOf(node_, "reader");
  const std::string uid = api.get(std::string(kPods) + "/reader")["metadata"]["uid"];
  const fs::path file = node_.root() / "pods" / uid / "volumes/kubernetes.io~configmap/v/text";
  std::vector<double> times;
  for (int i = 1; i <= settings_.singles; ++i) {
    const std::string text = std::to_string(i);
    api.replace(std::string(kConfigMaps) + "/edited", object("ConfigMap", "edited", text));
    const std::chrono::nanoseconds stored = monotonicNow();
    while (contentOf(file) != text) {
      if (monotonicNow() - stored > 60s)
        throw std::runtime_error("an edited ConfigMap does not show in " + file.string());
      std::this_thread::sleep_for(500us);
    }
    times.push_back(milliseconds(monotonicNow() - stored));
    std::this_thread::sleep_for(100ms);
  }
  table_.addTimes("edited ConfigMap to the file's content", times, "50 ms");
  removePods();
}

}  // namespace cubelet::integration
