// One node under test: directories, an agent, and a view of what really happens. One per test; the containerd is
// shared.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration/harness/containerd.h"
#include "integration/harness/cri.h"
#include "integration/harness/manifest.h"
#include "integration/harness/process.h"
#include "integration/harness/wait.h"

namespace cubelet::integration {

// A line that `mark` wrote from inside a container.
struct Mark {
  std::string what;  // start, term
  std::chrono::nanoseconds monotonic{0};
  std::chrono::nanoseconds wall{0};
};

class Node {
 public:
  // Its directories lie below `dir`, which it makes and removes.
  Node(Containerd& containerd, std::filesystem::path dir);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();  // ends the agent, removes every pod from the runtime and all files

  // Manifests. write() renames a complete file into place.
  void write(const std::string& file, json manifest);  // adds the record directory as volume "out"
  void writeText(const std::string& file, const std::string& text);
  void writeInPlace(const std::string& file, const std::string& text);  // truncate and write, as editors do
  void remove(const std::string& file);
  std::string textOf(json manifest) const;  // what write() would write

  // The agent. Starting does not wait for anything.
  void startAgent();
  int stopAgent();   // SIGTERM; the exit code
  void killAgent();  // SIGKILL
  Process& agent() { return agent_; }
  json config;                          // KubeletConfiguration, read at the next start
  std::vector<std::string> extraFlags;  // behind the usual ones

  // What the agent says: `cubelet pods -o json`. Null when it does not answer or has no such pod.
  json pods();
  json podOf(const std::string& name);
  Finished client(std::vector<std::string> words);

  // What happened: records, containers, log.
  std::vector<Mark> marks(const std::string& record, const std::string& what = "start") const;
  std::size_t starts(const std::string& record) const { return marks(record).size(); }
  std::string record(const std::string& file) const;  // content of a file in the record directory, "" when missing
  Cri& cri() { return cri_; }
  Containerd& containerd() { return containerd_; }
  std::string log() const;

  std::string fullName(const std::string& podName) const { return podName + "-node1"; }
  std::filesystem::path dir() const { return dir_; }
  std::filesystem::path manifests() const { return dir_ / "manifests"; }
  std::filesystem::path records() const { return dir_ / "out"; }
  std::filesystem::path root() const { return dir_ / "root"; }
  std::filesystem::path logFile() const { return dir_ / "cubelet.log"; }
  std::filesystem::path podLogs() const { return dir_ / "logs"; }
  // The cgroup that its pods lie below, no other node's: "/cubelet-test-<pid>-<name>".
  const std::string& cgroupRoot() const { return cgroupRoot_; }

 private:
  Containerd& containerd_;
  std::filesystem::path dir_;
  std::string cgroupRoot_;
  Cri cri_;
  Process agent_;
};

// Looks, for eventually() and stays().
Look phaseIs(Node& node, const std::string& pod, const std::string& phase);
Look isReady(Node& node, const std::string& pod);
Look isWaiting(Node& node, const std::string& pod, const std::string& container, const std::string& reason);
Look hasStarts(Node& node, const std::string& record, std::size_t count);
Look hasMark(Node& node, const std::string& record, const std::string& what);
Look isUnknown(Node& node, const std::string& pod);  // the agent has no such pod
Look isGone(Node& node, const std::string& pod);     // unknown, and nothing of it runs in the runtime
Look agentAnswers(Node& node);
Look logSays(Node& node, const std::string& text);
// Exactly one ready sandbox, and exactly one running container of each of these names.
Look runsOnce(Node& node, const std::string& pod, const std::vector<std::string>& containers);

// The status entry of a container (init ones too) in a pod as podOf() answers it; {} when missing.
json statusOf(const json& pod, const std::string& container);
std::string conditionOf(const json& pod, const std::string& type);  // "True", "False", "" when missing

}  // namespace cubelet::integration
