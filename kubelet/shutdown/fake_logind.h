// A logind with real state, for tests.
#pragma once

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/wake.h"
#include "kubelet/shutdown/logind.h"

namespace cubelet::shutdown {

class FakeLogind final : public Logind {
 public:
  explicit FakeLogind(Clock& clock) : clock_(clock), lost_(clock) {}

  // ---- What the test does.
  void announce(bool shutdown) {
    preparing_ = shutdown;
    if (announced_) announced_(shutdown);
  }
  // As a restart of the message bus; locks stay.
  void lose() {
    announced_ = nullptr;
    lost_.ring();
  }
  void begin() { preparing_ = true; }  // nobody hears of it
  void callOff() { preparing_ = false; }

  // ---- What it sees.
  // Somebody holds a lock.
  bool delayed() const {
    return std::ranges::any_of(locks_, [](const Fd& lock) { return !isClosed(lock); });
  }
  int locksTaken() const { return static_cast<int>(locks_.size()); }
  bool connected() const { return announced_ != nullptr; }

  // ---- What it is.
  Duration delay = std::chrono::seconds(5);
  Duration mostDelay = std::chrono::hours(1);  // a file of the administrator's says so
  Duration reloadTakes = std::chrono::milliseconds(300);
  std::optional<Error> openFails;
  std::optional<Error> settingFails;

  Result<void> open(std::function<void(bool shutdown)> announced) override {
    if (openFails) return fail(*openFails);
    announced_ = std::move(announced);
    lost_.clear();
    return {};
  }
  Task<Error> serve() override {
    co_await lost_.wait();
    co_return Error(Code::kUnavailable, "", "the message bus has gone");
  }
  Task<Result<bool>> isPreparing() override { co_return preparing_; }
  Task<Result<Duration>> longestDelay() override { co_return delay; }
  Task<Result<void>> setLongestDelay(Duration wanted) override {
    if (settingFails) co_return fail(*settingFails);
    reload_ = clock_.after(reloadTakes, [this, wanted] { delay = std::min(wanted, mostDelay); });
    co_return Result<void>();
  }
  Task<Result<Fd>> delayShutdown() override {
    if (preparing_) co_return fail(Code::kInternal, "", "the operation is already running");
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) co_return fail(errnoError(errno, "make a pipe"));
    locks_.emplace_back(ends[0]);
    co_return Fd(ends[1]);
  }

 private:
  // Its other end, that is.
  static bool isClosed(const Fd& lock) {
    char byte = 0;
    return ::read(lock.get(), &byte, 1) == 0;
  }

  Clock& clock_;
  Wake lost_;
  Timer reload_;
  bool preparing_ = false;
  std::function<void(bool)> announced_;
  std::vector<Fd> locks_;
};

}  // namespace cubelet::shutdown
