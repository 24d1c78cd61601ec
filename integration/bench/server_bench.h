// The rows about the node's own server: a standalone node that a client asks over HTTPS, as an API server does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/bench/https_client.h"
#include "integration/bench/measure.h"
#include "integration/bench/table.h"
#include "integration/harness/certificates.h"
#include "integration/harness/node.h"

namespace cubelet::integration {

class ServerBench {
 public:
  ServerBench(Settings settings, Containerd& containerd, const std::filesystem::path& dir, Table& table);
  // Throws std::runtime_error when a step fails.
  void run();

 private:
  void start();
  void execs();
  void bigLog();
  void followers();
  void manyPods();
  void questions();
  double timeOf(const std::string& path);
  std::filesystem::path logFile();

  Settings settings_;
  Table& table_;
  Node node_;
  CertificateAuthority authority_;
  std::string url_;
  ClientFiles files_;
};

}  // namespace cubelet::integration
