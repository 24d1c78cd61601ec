// integration/csi-hostpath on a node under test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/harness/node.h"
#include "integration/harness/process.h"

namespace cubelet::integration {

// Has the volume "disk" from the beginning, and registers with the node's agent, which need not run yet.
class HostpathDriver {
 public:
  static constexpr char kName[] = "hostpath.csi.cubelet.test";

  explicit HostpathDriver(Node& node) : node_(node) {}
  HostpathDriver(const HostpathDriver&) = delete;
  HostpathDriver& operator=(const HostpathDriver&) = delete;
  ~HostpathDriver() { kill(); }

  // Does not wait for anything. `more`: options, see integration/csi-hostpath/main.cc.
  void start(const std::vector<std::string>& more = {});
  void kill();  // SIGKILL: its sockets and mounts stay
  bool running() { return process_.running(); }
  // Faults that are to come, see integration/csi-hostpath/faults.h; and which of them are still to come.
  void order(const std::string& lines) const;
  std::string ordered() const;
  std::filesystem::path state() const { return node_.dir() / "driver"; }
  // What a file system volume holds.
  std::filesystem::path data(const std::string& handle) const { return state() / handle / "data"; }

 private:
  std::filesystem::path faults() const { return node_.dir() / "faults"; }

  Node& node_;
  Process process_;
};

// Lines of the mount table: what CSI drivers have mounted below the node's root.
std::vector<std::string> csiMounts(const Node& node);
// What the agent's journal of CSI volumes says: the last record of each.
std::vector<std::string> csiJournal(const Node& node);
// Nothing is mounted, noted or staged any more.
Look hasNoCsiVolumes(const Node& node);

}  // namespace cubelet::integration
