// Device plug-ins that register in the directory of all plug-ins, beside CSI drivers (SRV-14).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "csi/plugins/plugins.h"
#include "kubelet/devices/devices.h"

namespace cubelet {

// Loop thread only.
class DeviceRegistry final : public csi::OtherPlugins {
 public:
  // `devices` must outlive this object; nothing is asked of it before a plug-in comes.
  explicit DeviceRegistry(devices::Devices& devices) : devices_(devices) {}

  bool takes(const std::string& type) const override { return type == "DevicePlugin"; }
  Task<Result<void>> add(pluginregistration::PluginInfo info, std::string socket) override {
    const std::string serves = info.endpoint().empty() ? socket : info.endpoint();
    std::vector<std::string> versions(info.supported_versions().begin(), info.supported_versions().end());
    Result<void> added = co_await devices_.add(info.name(), std::move(versions), serves);
    if (added) serves_[socket] = serves;
    co_return added;
  }
  void remove(const std::string& socket) override {
    if (const auto known = serves_.extract(socket)) devices_.remove(known.mapped());
  }

 private:
  devices::Devices& devices_;
  std::map<std::string, std::string> serves_;  // by the socket where it has registered
};

}  // namespace cubelet
