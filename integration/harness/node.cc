#include "integration/harness/node.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <sys/mount.h>
#include <unistd.h>

#include "integration/harness/built.h"
#include "integration/harness/cgroups.h"
#include "integration/harness/components.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

std::string contentOf(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void unmountBelow(const fs::path& dir) {
  std::vector<std::string> points;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
    if (words.size() > 4 && words[4].starts_with(dir.string() + "/")) points.push_back(words[4]);
  }
  for (auto point = points.rbegin(); point != points.rend(); ++point) umount2(point->c_str(), MNT_DETACH);
}

// The agent keeps links to all container logs in one directory of the machine.
void removeLinksInto(const fs::path& dir) {
  std::error_code ignored;
  std::vector<fs::path> links;
  for (const auto& entry : fs::directory_iterator("/var/log/containers", ignored))
    if (fs::read_symlink(entry.path(), ignored).string().starts_with(dir.string())) links.push_back(entry.path());
  for (const fs::path& link : links) fs::remove(link, ignored);
}

std::string describe(const json& pod) {
  if (pod.is_null()) return "the agent does not know it";
  std::string text = pod["status"].value("phase", "no phase");
  for (const char* list : {"initContainerStatuses", "containerStatuses"})
    for (const json& status : pod["status"].value(list, json::array())) {
      text += "; " + status.value("name", "?") + " " + status.value("state", json::object()).dump();
      text += " restarts " + std::to_string(status.value("restartCount", 0));
    }
  return text;
}

}  // namespace

Node::Node(Containerd& containerd, fs::path dir)
    : containerd_(containerd),
      dir_(std::move(dir)),
      cgroupRoot_("/cubelet-test-" + std::to_string(getpid()) + "-" + dir_.filename().string()),
      cri_(containerd.socket().string()) {
  fs::create_directories(manifests());
  fs::create_directories(records());
  fs::permissions(records(), fs::perms::all | fs::perms::sticky_bit);
  config = {{"apiVersion", "kubelet.config.k8s.io/v1beta1"},
            {"kind", "KubeletConfiguration"},
            {"staticPodPath", manifests().string()},
            {"podLogsDir", podLogs().string()},
            {"containerRuntimeEndpoint", "unix://" + containerd.socket().string()},
            {"cgroupRoot", cgroupRoot_},
            {"cgroupDriver", isSystemdDriver() ? "systemd" : "cgroupfs"},
            // What else fills this machine is no business of a test.
            {"evictionHard", {{"memory.available", "1Mi"}}},
            // Several nodes may run on one machine.
            {"port", choosePort()},
            {"healthzPort", choosePort()},
            {"failCgroupV1", false},
            {"failSwapOn", false}};
}

Node::~Node() {
  // Whatever one step of it meets, the others are done: what stays mounted would be in the way of all that comes later.
  const auto attempt = [](const std::function<void()>& step) {
    try {
      step();
    } catch (const std::exception& problem) {
      ADD_FAILURE() << "cleaning up: " << problem.what();
    }
  };
  attempt([this] {
    agent_ = Process();
    containerd_.thaw();
    containerd_.start();
    cri_.removeEverything();
  });
  attempt([this] { removeCgroups(cgroupRoot_); });
  attempt([this] {
    unmountBelow(dir_);
    removeLinksInto(dir_);
    fs::remove_all(dir_);
  });
}

std::string Node::textOf(json manifest) const {
  json& spec = manifest["spec"];
  if (!spec.contains("volumes")) spec["volumes"] = json::array();
  spec["volumes"].push_back({{"name", "out"}, {"hostPath", {{"path", records().string()}}}});
  return manifest.dump(2) + "\n";
}

void Node::write(const std::string& file, json manifest) {
  writeText(file, textOf(std::move(manifest)));
}

void Node::writeText(const std::string& file, const std::string& text) {
  fs::path hidden = manifests() / ("." + file + ".new");
  std::ofstream(hidden) << text;
  fs::rename(hidden, manifests() / file);
}

void Node::writeInPlace(const std::string& file, const std::string& text) {
  std::ofstream(manifests() / file) << text;
}

void Node::remove(const std::string& file) {
  fs::remove(manifests() / file);
}

void Node::startAgent() {
  fs::path file = dir_ / "config.yaml";
  std::ofstream(file) << config.dump(2);
  std::vector<std::string> argv = {built::agent(),
                                   "--config=" + file.string(),
                                   "--root-dir=" + root().string(),
                                   "--local-socket=" + (dir_ / "cubelet.sock").string(),
                                   "--hostname-override=node1",
                                   "-v=2"};
  argv.insert(argv.end(), extraFlags.begin(), extraFlags.end());
  agent_ = Process(argv, logFile().string());
}

int Node::stopAgent() {
  agent_.signal(SIGTERM);
  std::optional<int> code = agent_.waitExit(patient(std::chrono::seconds(20)));
  if (!code) ADD_FAILURE() << "the agent does not end after SIGTERM";
  agent_ = Process();
  return code.value_or(-1);
}

void Node::killAgent() {
  agent_ = Process();
}

Finished Node::client(std::vector<std::string> words) {
  std::vector<std::string> argv = {built::agent(), words.at(0), "--socket", (dir_ / "cubelet.sock").string()};
  argv.insert(argv.end(), words.begin() + 1, words.end());
  return run(argv, std::chrono::seconds(20));
}

json Node::pods() {
  Finished answer = client({"pods", "-o", "json"});
  if (!answer.ok()) return nullptr;
  json list = json::parse(answer.output, nullptr, false);
  return list.is_object() ? list.value("items", json::array()) : json(nullptr);
}

json Node::podOf(const std::string& name) {
  json all = pods();
  if (all.is_array())
    for (const json& each : all)
      if (each["metadata"]["name"] == fullName(name)) return each;
  return nullptr;
}

std::vector<Mark> Node::marks(const std::string& record, const std::string& what) const {
  std::vector<Mark> found;
  std::ifstream in(records() / record);
  std::string word;
  long long monotonic = 0;
  long long wall = 0;
  int pid = 0;
  while (in >> word >> monotonic >> wall >> pid)
    if (word == what) found.push_back({word, std::chrono::nanoseconds(monotonic), std::chrono::nanoseconds(wall)});
  return found;
}

std::string Node::record(const std::string& file) const {
  return contentOf(records() / file);
}

std::string Node::log() const {
  return contentOf(logFile());
}

Look phaseIs(Node& node, const std::string& pod, const std::string& phase) {
  return [&node, pod, phase] {
    json seen = node.podOf(pod);
    bool is = !seen.is_null() && seen["status"].value("phase", "") == phase;
    return is ? "" : "pod " + pod + ": " + describe(seen);
  };
}

Look isReady(Node& node, const std::string& pod) {
  return [&node, pod] {
    json seen = node.podOf(pod);
    return !seen.is_null() && conditionOf(seen, "Ready") == "True" ? "" : "pod " + pod + ": " + describe(seen);
  };
}

Look isWaiting(Node& node, const std::string& pod, const std::string& container, const std::string& reason) {
  return [&node, pod, container, reason] {
    json seen = node.podOf(pod);
    json state = statusOf(seen, container).value("state", json::object());
    bool is = state.contains("waiting") && state["waiting"].value("reason", "") == reason;
    return is ? "" : "pod " + pod + ": " + describe(seen);
  };
}

Look hasStarts(Node& node, const std::string& record, std::size_t count) {
  return [&node, record, count] {
    std::size_t seen = node.starts(record);
    return seen == count ? "" : record + " started " + std::to_string(seen) + " times";
  };
}

Look hasMark(Node& node, const std::string& record, const std::string& what) {
  return [&node, record, what] {
    return !node.marks(record, what).empty() ? "" : record + " has no line \"" + what + "\": " + node.record(record);
  };
}

Look isUnknown(Node& node, const std::string& pod) {
  return [&node, pod] {
    json seen = node.pods();
    if (seen.is_null()) return std::string("the agent does not answer");
    json found = node.podOf(pod);
    return found.is_null() ? std::string() : "pod " + pod + " is still there: " + describe(found);
  };
}

Look isGone(Node& node, const std::string& pod) {
  return [&node, pod] {
    if (std::string seen = isUnknown(node, pod)(); !seen.empty()) return seen;
    for (const auto& each : node.cri().containersOf(node.fullName(pod)))
      if (each.state() == runtime::v1::CONTAINER_RUNNING) return "container " + each.metadata().name() + " still runs";
    for (const auto& each : node.cri().sandboxesOf(node.fullName(pod)))
      if (each.state() == runtime::v1::SANDBOX_READY) return "sandbox " + each.id() + " is still ready";
    return std::string();
  };
}

Look agentAnswers(Node& node) {
  return [&node] { return node.pods().is_null() ? std::string("no answer on its socket") : std::string(); };
}

Look logSays(Node& node, const std::string& text) {
  return [&node, text] {
    return node.log().find(text) != std::string::npos ? std::string() : "the agent's log does not say \"" + text + "\"";
  };
}

Look runsOnce(Node& node, const std::string& pod, const std::vector<std::string>& containers) {
  return [&node, pod, containers]() -> std::string {
    std::map<std::string, int> running;
    for (const auto& each : node.cri().containersOf(node.fullName(pod)))
      if (each.state() == runtime::v1::CONTAINER_RUNNING) ++running[each.metadata().name()];
    int ready = 0;
    for (const auto& each : node.cri().sandboxesOf(node.fullName(pod)))
      if (each.state() == runtime::v1::SANDBOX_READY) ++ready;
    const std::string has = "pod " + pod + " has ";
    if (ready != 1) return has + std::to_string(ready) + " ready sandboxes";
    for (const std::string& name : containers)
      if (running[name] != 1)
        return std::string(has).append(std::to_string(running[name])).append(" running ").append(name);
    if (running.size() != containers.size()) return "pod " + pod + " runs containers that it should not";
    return "";
  };
}

json statusOf(const json& pod, const std::string& container) {
  if (pod.is_object() && pod.contains("status"))
    for (const char* list : {"initContainerStatuses", "containerStatuses"})
      for (const json& status : pod["status"].value(list, json::array()))
        if (status.value("name", "") == container) return status;
  return json::object();
}

std::string conditionOf(const json& pod, const std::string& type) {
  if (pod.is_object() && pod.contains("status"))
    for (const json& condition : pod["status"].value("conditions", json::array()))
      if (condition.value("type", "") == type) return condition.value("status", "");
  return "";
}

}  // namespace cubelet::integration
