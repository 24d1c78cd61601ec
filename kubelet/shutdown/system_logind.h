// The Logind of this machine: systemd-logind, by D-Bus.
#pragma once

#include <memory>
#include <string>

#include "base/loop.h"
#include "base/sdbus/bus.h"
#include "kubelet/shutdown/logind.h"

namespace cubelet::shutdown {

class SystemLogind final : public Logind {
 public:
  // `configDirectory` is where logind looks for additions to its configuration.
  SystemLogind(Loop& loop, Clock& clock, std::string configDirectory = "/etc/systemd/logind.conf.d");

  Result<void> open(std::function<void(bool shutdown)> announced) override;
  Task<Error> serve() override;
  Task<Result<bool>> isPreparing() override;
  Task<Result<Duration>> longestDelay() override;
  Task<Result<void>> setLongestDelay(Duration delay) override;
  Task<Result<Fd>> delayShutdown() override;

 private:
  Loop& loop_;
  Clock& clock_;
  const std::string configDirectory_;
  std::unique_ptr<sdbus::Bus> bus_;
};

}  // namespace cubelet::shutdown
