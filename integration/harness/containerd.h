// The containerd of a test program: its own, by scripts/private-containerd.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/harness/process.h"

namespace cubelet::integration {

// Names of the images it holds.
inline constexpr const char* kImage = "cubelet.local/test:1";  // busybox and mark; user root, no entrypoint
inline constexpr const char* kUserImage =
    "cubelet.local/user:1";  // the same; entrypoint, user 65534, a working directory

// Throws std::runtime_error when a step fails.
class Containerd {
 public:
  // Below `dir` (short: it holds sockets). Does not start it.
  explicit Containerd(std::filesystem::path dir);
  Containerd(const Containerd&) = delete;
  Containerd& operator=(const Containerd&) = delete;
  ~Containerd();  // stops it and removes all it made

  // Also again after kill(); images and containers are as before.
  void start();
  void kill();    // SIGKILL; containers run on
  void freeze();  // SIGSTOP
  void thaw();    // SIGCONT
  bool running() const;
  pid_t pid() const;

  std::filesystem::path socket() const { return dir_ / "containerd.sock"; }
  // `ctr` in the CRI's namespace.
  Finished ctr(std::vector<std::string> words) const;
  // Brings our images in again, where they have been removed.
  void importImages() const;
  // Makes an image of this name from our test image's archive.
  void tagImage(const std::string& name) const;
  void removeImage(const std::string& name) const;

  // While held, the network set-up of that pod's sandbox waits, and with it RunPodSandbox.
  void holdNetworkOf(const std::string& podName) const;
  void releaseNetworkOf(const std::string& podName) const;
  // True once the set-up of a held pod has come to the gate.
  bool networkWaits(const std::string& podName) const;

  std::filesystem::path log() const { return dir_ / "containerd.log"; }
  std::string endOfLog() const;
  // How many StartContainer calls for that pod were given up by their caller half-way (which is what the end of a
  // caller means): containerd then kills the program if it has started already.
  std::size_t cancelledStarts(const std::string& podName) const;

 private:
  std::filesystem::path dir_;
};

}  // namespace cubelet::integration
