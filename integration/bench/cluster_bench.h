// What cubelet adds to the runtime's own time when pods come from a real API server.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/bench/api_requests.h"
#include "integration/bench/floor.h"
#include "integration/bench/measure.h"
#include "integration/bench/table.h"

namespace cubelet::integration {

class ClusterBench {
 public:
  // Below `dir`; starts a control plane and an agent that joins it.
  ClusterBench(Settings settings, Containerd& containerd, const std::filesystem::path& dir, Table& table);

  void run();

 private:
  void join();
  json boundPod(const std::string& name);
  void singlePods();
  void podsWithObjects();
  void editedObjects();
  void manyPods();
  void editsWhileCutOff();
  void steadyState();
  void removePods();

  Settings settings_;
  Table& table_;
  Node node_;
  Floor floor_;
  ControlPlane cluster_;
};

}  // namespace cubelet::integration
