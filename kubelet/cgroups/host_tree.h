// The Tree of this machine.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "kubelet/cgroups/tree.h"

namespace cubelet::cgroups {

inline constexpr char kMountRoot[] = "/sys/fs/cgroup";

class HostTree final : public Tree {
 public:
  // `root` is opened by the first call that needs it.
  explicit HostTree(std::string root = kMountRoot) : root_(std::move(root)) {}

  Result<bool> isDirectory(const std::string& path) override;
  Result<std::vector<std::string>> directories(const std::string& path) override;
  Result<void> makeDirectory(const std::string& path) override;
  Result<void> removeDirectory(const std::string& path) override;
  Result<std::string> read(const std::string& path) override;
  Result<std::unique_ptr<OpenFile>> open(const std::string& path) override;
  Result<void> write(const std::string& path, const std::string& content) override;
  Result<void> kill(int pid) override;

 private:
  Result<Fd> openAt(const std::string& path, int flags);

  std::string root_;
  Fd anchor_;
};

}  // namespace cubelet::cgroups
