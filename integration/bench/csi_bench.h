// What cubelet adds to a CSI driver's own calls, on a standalone node.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/bench/csi_floor.h"
#include "integration/bench/measure.h"
#include "integration/bench/table.h"
#include "integration/harness/hostpath_driver.h"

namespace cubelet::integration {

class CsiBench {
 public:
  // Below `dir`; starts an agent and a driver.
  CsiBench(Settings settings, Containerd& containerd, const std::filesystem::path& dir, Table& table);

  void run();

 private:
  void start();
  std::vector<std::string> makeVolumes(const std::string& prefix, int count);
  void singlePods();
  void manyPods(int delay);
  double startTime(const std::string& name, const json& manifest);
  json withVolume(json manifest, const std::string& claim) const;
  void remove(const std::vector<std::string>& pods);

  Settings settings_;
  Table& table_;
  Node node_;
  HostpathDriver driver_;
  CsiFloor floor_;
};

}  // namespace cubelet::integration
