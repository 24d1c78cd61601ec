// What the life of a volume does to this machine, beside calling the driver.
#pragma once

#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/files.h"
#include "base/result.h"
#include "base/task.h"
#include "csi/volumes/device_map.h"

namespace cubelet::csi {

// Loop thread only. All of it may be repeated.
class Host {
 public:
  virtual ~Host() = default;
  // Both for the journal. Adds `lines` to a file that there is; with Flush::kYes they, and what was added before, are
  // on disk when it answers, whatever happens to the machine then. An error: some of it may be there.
  virtual Task<Result<void>> appendRecords(std::string path, std::string lines, Flush flush) = 0;
  // A new file, on disk when it answers, with the whole content. Only then the files of the same directory that it
  // makes obsolete go, and stay away.
  virtual Task<Result<void>> replaceRecords(std::string path, std::string content,
                                            std::vector<std::string> obsolete) = 0;
  // Before a driver mounts: directories (mkdir -p, 0750), then a file.
  virtual Task<Result<void>> prepare(std::vector<std::string> directories, std::string file, std::string content) = 0;
  // After a driver has unmounted: `target` if it is an empty directory, then `rest`, files and directories that are
  // empty. What is missing is no error, and directories that are not empty stay. True: something is mounted at
  // `target`, and all stays.
  virtual Task<Result<bool>> clear(std::string target, std::vector<std::string> rest) = 0;
  virtual Task<Result<bool>> isMounted(std::string path) = 0;
  // Where else the file system that is mounted at `path` is mounted, with the same root.
  virtual Task<Result<std::vector<std::string>>> otherMounts(std::string path) = 0;
  // All mount points below `directory`, named as that is; one that is mounted over twice comes twice.
  virtual Task<Result<std::vector<std::string>>> mountsBelow(std::string directory) = 0;
  // What is mounted last at `path`; nothing: no error.
  virtual Task<Result<void>> unmount(std::string path) = 0;
  // See device_map.h.
  virtual Task<Result<void>> mapDevice(DeviceMap map) = 0;
  virtual Task<Result<void>> unmapDevice(DeviceMap map) = 0;
};

// Calls run in `pool`, which must outlive this object: a mount that hangs costs one thread.
class SystemHost final : public Host {
 public:
  explicit SystemHost(BlockingPool& pool) : pool_(pool) {}
  Task<Result<void>> appendRecords(std::string path, std::string lines, Flush flush) override;
  Task<Result<void>> replaceRecords(std::string path, std::string content, std::vector<std::string> obsolete) override;
  Task<Result<void>> prepare(std::vector<std::string> directories, std::string file, std::string content) override;
  Task<Result<bool>> clear(std::string target, std::vector<std::string> rest) override;
  Task<Result<bool>> isMounted(std::string path) override;
  Task<Result<std::vector<std::string>>> otherMounts(std::string path) override;
  Task<Result<std::vector<std::string>>> mountsBelow(std::string directory) override;
  Task<Result<void>> unmount(std::string path) override;
  Task<Result<void>> mapDevice(DeviceMap map) override;
  Task<Result<void>> unmapDevice(DeviceMap map) override;

 private:
  BlockingPool& pool_;
};

}  // namespace cubelet::csi
