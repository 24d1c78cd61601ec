// LateAnnouncer: drivers may register before the node has joined its cluster.
#pragma once

#include <string>
#include <utility>

#include "csi/plugins/driver_facts.h"

namespace cubelet {

// Loop thread only.
class LateAnnouncer final : public csi::DriverAnnouncer {
 public:
  // `announcer` must outlive this object's use.
  void use(csi::DriverAnnouncer* announcer) { announcer_ = announcer; }

  Task<Result<void>> announce(csi::DriverFacts facts) override {
    if (announcer_ == nullptr) co_return fail(Code::kUnavailable, "", "this node has not joined its cluster yet");
    co_return co_await announcer_->announce(std::move(facts));
  }
  // Nobody has heard of it.
  Task<Result<void>> withdraw(std::string driver) override {
    if (announcer_ == nullptr) co_return Result<void>();
    co_return co_await announcer_->withdraw(std::move(driver));
  }
  Task<Result<Duration>> refreshPeriod(std::string driver) override {
    if (announcer_ == nullptr) co_return fail(Code::kUnavailable, "", "this node has not joined its cluster yet");
    co_return co_await announcer_->refreshPeriod(std::move(driver));
  }

 private:
  csi::DriverAnnouncer* announcer_ = nullptr;
};

}  // namespace cubelet
