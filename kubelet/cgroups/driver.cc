#include "kubelet/cgroups/driver.h"

#include "kubelet/cgroups/slice_properties.h"

namespace cubelet::cgroups {
namespace {

class CgroupfsDriver : public Driver {
 public:
  explicit CgroupfsDriver(CgroupFiles files) : files_(std::move(files)) {}

  DriverKind kind() const override { return DriverKind::kCgroupfs; }

  Result<void> apply(const CgroupName& name, const Values& values) override {
    const std::string path = pathOf(name, kind());
    if (Result<void> made = files_.make(path); !made) return made;
    return files_.write(path, values);
  }

  Result<bool> exists(const CgroupName& name) override { return files_.exists(pathOf(name, kind())); }

  Result<std::vector<std::string>> podUids(const CgroupName& qosCgroup) override {
    Result<std::vector<std::string>> names = files_.children(pathOf(qosCgroup, kind()));
    if (!names) return names;
    std::vector<std::string> uids;
    for (const std::string& name : *names)
      if (std::optional<std::string> uid = podUidOf(name, qosCgroup, kind())) uids.push_back(std::move(*uid));
    return uids;
  }

  Result<std::int64_t> memoryInUse(const CgroupName& name) override { return files_.memoryInUse(pathOf(name, kind())); }

  Result<std::int64_t> processesIn(const CgroupName& name) override { return files_.processesIn(pathOf(name, kind())); }

  // Runtimes name it by the ID, or by a scope with the ID in its name.
  Result<bool> killContainer(const CgroupName& pod, const std::string& containerId) override {
    const std::string path = pathOf(pod, kind());
    Result<std::vector<std::string>> names = files_.children(path);
    if (!names) return fail(names.error());
    bool any = false;
    for (const std::string& name : *names) {
      if (name.find(containerId) == std::string::npos) continue;
      if (Result<void> killed = files_.killAll(path + "/" + name); !killed) return fail(killed.error());
      any = true;
    }
    return any;
  }

  Result<void> remove(const CgroupName& name) override { return files_.remove(pathOf(name, kind())); }

 protected:
  CgroupFiles files_;
};

class SystemdDriver final : public CgroupfsDriver {
 public:
  SystemdDriver(CgroupFiles files, SystemdBus& bus) : CgroupfsDriver(std::move(files)), bus_(bus) {}

  DriverKind kind() const override { return DriverKind::kSystemd; }

  Result<void> apply(const CgroupName& name, const Values& values) override {
    // Starting a slice that runs already would be refused, and changing one that does not run would set nothing.
    Result<bool> there = exists(name);
    if (!there) return fail(there.error());
    const std::string slice = sliceOf(name);
    Result<void> told = *there ? bus_.setProperties(slice, valueProperties(values, files_.isV2()))
                               : bus_.startSlice(slice, sliceProperties(name, values, files_.isV2()));
    if (!told) return fail(told.error().within("slice " + slice));
    return CgroupfsDriver::apply(name, values);
  }

  Result<void> remove(const CgroupName& name) override {
    const std::string path = pathOf(name, kind());
    if (Result<void> killed = files_.killAll(path); !killed) return killed;
    const std::string slice = sliceOf(name);
    Result<void> stopped = bus_.stopUnit(slice);
    if (!stopped && stopped.error().code != Code::kNotFound) return fail(stopped.error().within("slice " + slice));
    return files_.remove(path);
  }

 private:
  SystemdBus& bus_;
};

}  // namespace

std::unique_ptr<Driver> makeCgroupfsDriver(CgroupFiles files) {
  return std::make_unique<CgroupfsDriver>(std::move(files));
}

std::unique_ptr<Driver> makeSystemdDriver(CgroupFiles files, SystemdBus& bus) {
  return std::make_unique<SystemdDriver>(std::move(files), bus);
}

}  // namespace cubelet::cgroups
