// The floor of CSI volumes: a driver called directly, as many calls at once as an agent makes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cubelet::integration {

class CsiFloor {
 public:
  // `socket` of the driver; volumes are staged and published below `dir`.
  CsiFloor(const std::filesystem::path& socket, std::filesystem::path dir);
  ~CsiFloor();

  // Stages and publishes each, `parallel` of them at once. Throws std::runtime_error when a call fails.
  void mount(const std::vector<std::string>& handles, int parallel);
  // The way back.
  void unmount(const std::vector<std::string>& handles);

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

}  // namespace cubelet::integration
