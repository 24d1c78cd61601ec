#include "integration/harness/containerd.h"

#include <csignal>
#include <fstream>
#include <set>
#include <stdexcept>

#include "integration/harness/built.h"
#include "integration/harness/cgroups.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

// Stands in for the CNI bridge plugin: waits while a file with the pod's name lies in the directory "hold", then
// becomes the plugin. What it is told comes by environment and stdin, which it must not touch.
constexpr const char* kGate = R"(#!/bin/sh
pod=${CNI_ARGS#*K8S_POD_NAME=}
pod=${pod%%;*}
if [ "$CNI_COMMAND" = ADD ] && [ -e "@/hold/$pod" ]; then
  touch "@/hold/$pod.waits"
  while [ -e "@/hold/$pod" ]; do sleep 0.02; done
fi
exec /usr/lib/cni/bridge
)";

std::string gateFor(const fs::path& dir) {
  std::string text = kGate;
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@')) text.replace(at, 1, dir.string());
  return text;
}

// The text between \" and \" behind `words` in a line of containerd's log; empty when there is none.
std::string quotedAfter(const std::string& line, const std::string& words) {
  const std::string quote = "\\\"";
  const std::size_t at = line.find(words + quote);
  if (at == std::string::npos) return "";
  const std::size_t from = at + words.size() + quote.size();
  return line.substr(from, line.find(quote, from) - from);
}

void must(const Finished& finished, const std::string& doing) {
  if (!finished.ok()) throw std::runtime_error(doing + " failed:\n" + finished.output + finished.errors);
}

}  // namespace

Containerd::Containerd(fs::path dir) : dir_(std::move(dir)) {}

Containerd::~Containerd() {
  try {
    for (const auto& file : fs::directory_iterator(dir_ / "hold")) fs::remove(file);
    must(run({built::script("private-containerd"), "stop", dir_.string()}, std::chrono::minutes(2)), "stop containerd");
  } catch (const std::exception& problem) {
    fprintf(stderr, "%s\n", problem.what());
  }
}

void Containerd::start() {
  bool first = !fs::exists(dir_ / "settings");
  if (first) {
    fs::create_directories(dir_ / "hold");
    fs::create_directories(dir_ / "cni/bin");
    for (const auto& plugin : fs::directory_iterator("/usr/lib/cni"))
      if (plugin.path().filename() != "bridge")
        fs::create_symlink(plugin.path(), dir_ / "cni/bin" / plugin.path().filename());
    std::ofstream(dir_ / "cni/bin/bridge") << gateFor(dir_);
    fs::permissions(dir_ / "cni/bin/bridge", fs::perms(0755));
    fs::create_directories(dir_);
    fs::copy_file(built::image("pause"), dir_ / "pause.tar", fs::copy_options::skip_existing);
  }
  must(run({"env", "CNI_BIN=" + (dir_ / "cni/bin").string(),
            std::string("SYSTEMD_CGROUP=") + (isSystemdDriver() ? "true" : "false"),
            built::script("private-containerd"), "start", dir_.string()}),
       "start containerd");
  if (first) importImages();
}

void Containerd::importImages() const {
  must(ctr({"images", "import", built::image("test")}), "import the test image");
  must(ctr({"images", "import", built::image("user")}), "import the user image");
}

pid_t Containerd::pid() const {
  pid_t pid = -1;
  std::ifstream(dir_ / "containerd.pid") >> pid;
  return pid;
}

bool Containerd::running() const {
  return pid() > 0 && ::kill(pid(), 0) == 0;
}

void Containerd::kill() {
  pid_t victim = pid();
  if (victim <= 0 || ::kill(victim, SIGKILL) != 0) return;
  // Not our child: its end shows when the pid is gone. A SIGKILL is not refused, so this ends.
  while (::kill(victim, 0) == 0) {
    std::ifstream stat("/proc/" + std::to_string(victim) + "/stat");
    std::string text{std::istreambuf_iterator<char>(stat), {}};
    if (text.find(") Z ") != std::string::npos) break;
  }
}

void Containerd::freeze() {
  ::kill(pid(), SIGSTOP);
}
void Containerd::thaw() {
  ::kill(pid(), SIGCONT);
}

Finished Containerd::ctr(std::vector<std::string> words) const {
  std::vector<std::string> argv = {"ctr", "-a", socket().string(), "-n", "k8s.io"};
  argv.insert(argv.end(), words.begin(), words.end());
  return run(argv);
}

void Containerd::tagImage(const std::string& name) const {
  must(ctr({"images", "tag", kImage, name}), "tag " + name);
}
void Containerd::removeImage(const std::string& name) const {
  must(ctr({"images", "rm", "--sync", name}), "remove " + name);
}

void Containerd::holdNetworkOf(const std::string& podName) const {
  std::ofstream(dir_ / "hold" / podName) << "";
}

void Containerd::releaseNetworkOf(const std::string& podName) const {
  fs::remove(dir_ / "hold" / podName);
  fs::remove(dir_ / "hold" / (podName + ".waits"));
}

bool Containerd::networkWaits(const std::string& podName) const {
  return fs::exists(dir_ / "hold" / (podName + ".waits"));
}

std::size_t Containerd::cancelledStarts(const std::string& podName) const {
  // containerd names a pod when its sandbox runs, the sandbox when a container is made, and then the container only.
  std::ifstream in(log());
  std::set<std::string> sandboxes;
  std::set<std::string> containers;
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) {
    const std::string sandbox = quotedAfter(line, "CreateContainer within sandbox ");
    if (line.find("RunPodSandbox for &PodSandboxMetadata{Name:" + podName + ",") != std::string::npos)
      sandboxes.insert(quotedAfter(line, "returns sandbox id "));
    else if (sandboxes.contains(sandbox))
      containers.insert(quotedAfter(line, "returns container id "));
    else if (line.find("context canceled") != std::string::npos &&
             containers.contains(quotedAfter(line, "StartContainer for ")))
      ++count;
    // Lines that name nothing, and calls that begin and have no answer yet.
    sandboxes.erase("");
    containers.erase("");
  }
  return count;
}

std::string Containerd::endOfLog() const {
  return run({"tail", "-n", "20", log().string()}).output;
}

}  // namespace cubelet::integration
