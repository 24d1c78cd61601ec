// The driver's volumes and their data, on disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "integration/csi-hostpath/state.pb.h"

namespace cubelet::hostpath {

using State = ::csihostpath::Volume;

// <state-dir>/<id>/volume.pb and beside it data/ (a directory) or disk.img (a block volume). Thread-safe. A change is
// on disk when save() returns.
class Volumes {
 public:
  explicit Volumes(std::string directory) : directory_(std::move(directory)) {}
  Result<void> load();

  std::optional<State> find(const std::string& id) const;
  std::optional<State> findByName(const std::string& name) const;
  std::vector<State> all() const;  // by id
  std::int64_t usedCapacity() const;

  Result<void> create(const State& volume);
  Result<void> save(const State& volume);
  Result<void> remove(const std::string& id);

  // What gets mounted: the directory or the image file.
  std::string dataPath(const State& volume) const;

  // One operation at a time per volume; empty: one is pending already.
  using Turn = std::shared_ptr<void>;
  Turn tryBegin(const std::string& id);

 private:
  std::string directory_;
  mutable std::mutex mutex_;
  std::map<std::string, State> volumes_;
  std::set<std::string> busy_;
};

}  // namespace cubelet::hostpath
