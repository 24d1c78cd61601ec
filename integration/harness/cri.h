// What the runtime says, past the agent. Blocking; throws std::runtime_error when a call fails.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/cri/api.pb.h"

namespace cubelet::integration {

class Cri {
 public:
  explicit Cri(const std::string& socketPath);
  ~Cri();

  std::vector<runtime::v1::PodSandbox> sandboxes();
  std::vector<runtime::v1::Container> containers();
  // Those of one pod, by the label io.kubernetes.pod.name; newest first.
  std::vector<runtime::v1::PodSandbox> sandboxesOf(const std::string& podName);
  std::vector<runtime::v1::Container> containersOf(const std::string& podName);
  runtime::v1::ContainerStatus containerStatus(const std::string& id);
  runtime::v1::PodSandboxStatus sandboxStatus(const std::string& id);
  // Where the runtime runs that command for the first who comes, with its output only.
  std::string execUrl(const std::string& id, const std::vector<std::string>& command);
  void stopContainer(const std::string& id);
  void removeContainer(const std::string& id);
  void stopSandbox(const std::string& id);
  bool answers();

  // Stops and removes every sandbox with its containers, all at once.
  void removeEverything();

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace cubelet::integration
