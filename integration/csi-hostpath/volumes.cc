#include "integration/csi-hostpath/volumes.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace cubelet::hostpath {
namespace {

constexpr char kRecord[] = "volume.pb";

}  // namespace

Result<void> Volumes::load() {
  if (auto made = makeDirectories(directory_, 0700); !made) return made;
  auto names = listDirectory(directory_);
  if (!names) return fail(names.error());
  for (const std::string& id : *names) {
    auto bytes = readFile(joinPath(joinPath(directory_, id), kRecord), 1 << 20);
    State volume;
    // A directory without a record was being made or removed when the driver ended.
    if (bytes && volume.ParseFromString(*bytes) && volume.id() == id) volumes_[id] = volume;
  }
  return {};
}

std::optional<State> Volumes::find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = volumes_.find(id);
  if (found == volumes_.end()) return std::nullopt;
  return found->second;
}

std::optional<State> Volumes::findByName(const std::string& name) const {
  std::lock_guard lock(mutex_);
  for (const auto& [id, volume] : volumes_)
    if (volume.name() == name) return volume;
  return std::nullopt;
}

std::vector<State> Volumes::all() const {
  std::lock_guard lock(mutex_);
  std::vector<State> volumes;
  for (const auto& [id, volume] : volumes_) volumes.push_back(volume);
  return volumes;
}

std::int64_t Volumes::usedCapacity() const {
  std::lock_guard lock(mutex_);
  std::int64_t used = 0;
  for (const auto& [id, volume] : volumes_) used += volume.capacity();
  return used;
}

std::string Volumes::dataPath(const State& volume) const {
  return joinPath(joinPath(directory_, volume.id()), volume.block() ? "disk.img" : "data");
}

Result<void> Volumes::create(const State& volume) {
  const std::string data = dataPath(volume);
  if (auto made = makeDirectories(joinPath(directory_, volume.id()), 0700); !made) return made;
  if (volume.block()) {
    Fd image(::open(data.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!image) return fail(errnoError(errno, "make " + data));
    if (::ftruncate(image.get(), volume.capacity()) != 0) return fail(errnoError(errno, "size " + data));
  } else if (::mkdir(data.c_str(), 0777) != 0 && errno != EEXIST) {
    return fail(errnoError(errno, "make " + data));
  } else if (::chmod(data.c_str(), 0777) != 0) {
    return fail(errnoError(errno, "open " + data + " to all"));
  }
  return save(volume);
}

Result<void> Volumes::save(const State& volume) {
  const std::string record = joinPath(joinPath(directory_, volume.id()), kRecord);
  if (auto written = writeFileAtomic(record, volume.SerializeAsString(), 0600); !written) return written;
  std::lock_guard lock(mutex_);
  volumes_[volume.id()] = volume;
  return {};
}

Result<void> Volumes::remove(const std::string& id) {
  const std::string home = joinPath(directory_, id);
  // The record first: what is left without one is no volume.
  if (auto removed = removeFile(joinPath(home, kRecord)); !removed) return removed;
  if (auto removed = removeTree(home); !removed) return removed;
  std::lock_guard lock(mutex_);
  volumes_.erase(id);
  return {};
}

Volumes::Turn Volumes::tryBegin(const std::string& id) {
  std::lock_guard lock(mutex_);
  if (!busy_.insert(id).second) return nullptr;
  return Turn(this, [id](void* self) {
    auto* volumes = static_cast<Volumes*>(self);
    std::lock_guard end(volumes->mutex_);
    volumes->busy_.erase(id);
  });
}

}  // namespace cubelet::hostpath
