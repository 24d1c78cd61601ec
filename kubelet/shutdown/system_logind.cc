#include "kubelet/shutdown/system_logind.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <utility>

#include "base/files.h"

namespace cubelet::shutdown {
namespace {

constexpr char kService[] = "org.freedesktop.login1";
constexpr char kObject[] = "/org/freedesktop/login1";
constexpr char kManager[] = "org.freedesktop.login1.Manager";
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

constexpr sdbus::Member kPrepareForShutdown{kService, kObject, kManager, "PrepareForShutdown"};
constexpr sdbus::Member kPreparingForShutdown{kService, kObject, kManager, "PreparingForShutdown"};
constexpr sdbus::Member kInhibitDelayMax{kService, kObject, kManager, "InhibitDelayMaxUSec"};
constexpr sdbus::Member kInhibit{kService, kObject, kManager, "Inhibit"};
constexpr sdbus::Member kKillUnit{"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                  "org.freedesktop.systemd1.Manager", "KillUnit"};

}  // namespace

SystemLogind::SystemLogind(Loop& loop, Clock& clock, std::string configDirectory)
    : loop_(loop), clock_(clock), configDirectory_(std::move(configDirectory)) {}

Result<void> SystemLogind::open(std::function<void(bool shutdown)> announced) {
  bus_.reset();
  Result<std::unique_ptr<sdbus::Bus>> opened = sdbus::Bus::open(loop_, clock_);
  if (!opened) return fail(opened.error());
  bus_ = std::move(*opened);
  return bus_->listen(kPrepareForShutdown, [this, told = std::move(announced)](sd_bus_message& signal) {
    int begins = 0;
    if (bus_->lib().message_read(&signal, "b", &begins) > 0) told(begins != 0);
  });
}

Task<Error> SystemLogind::serve() {
  return bus_->run();
}

Task<Result<bool>> SystemLogind::isPreparing() {
  Result<sdbus::MessagePtr> answer = co_await bus_->property(kPreparingForShutdown, 'b');
  if (!answer) co_return fail(answer.error());
  int preparing = 0;
  bus_->lib().message_read(answer->get(), "b", &preparing);
  co_return preparing != 0;
}

Task<Result<Duration>> SystemLogind::longestDelay() {
  Result<sdbus::MessagePtr> answer = co_await bus_->property(kInhibitDelayMax, 't');
  if (!answer) co_return fail(answer.error());
  std::uint64_t micros = 0;
  bus_->lib().message_read(answer->get(), "t", &micros);
  constexpr std::uint64_t kMost = std::chrono::microseconds(std::chrono::years(1)).count();
  co_return Duration(std::chrono::microseconds(std::min(micros, kMost)));
}

Task<Result<void>> SystemLogind::setLongestDelay(Duration delay) {
  const auto whole = std::chrono::ceil<std::chrono::seconds>(delay).count();
  const std::string text =
      "# Made by cubelet for shutdownGracePeriod: without it pods would not have their time to end.\n"
      "[Login]\nInhibitDelayMaxSec=" +
      std::to_string(whole) + "\n";
  Result<void> saved = makeDirectories(configDirectory_, kDirectoryMode);
  if (saved) saved = writeFileAtomic(joinPath(configDirectory_, "99-kubelet.conf"), text, kFileMode);
  if (!saved) co_return fail(saved.error().within("set InhibitDelayMaxSec"));
  // It reads its configuration again when it gets this signal.
  std::vector<std::string> words{"systemd-logind.service", "all"};
  Result<sdbus::MessagePtr> answer = co_await bus_->call(kKillUnit, std::move(words), SIGHUP);
  if (!answer) co_return fail(answer.error().within("let logind read its configuration"));
  co_return Result<void>();
}

Task<Result<Fd>> SystemLogind::delayShutdown() {
  std::vector<std::string> words{"shutdown", "cubelet", "pods need time to end", "delay"};
  Result<sdbus::MessagePtr> answer = co_await bus_->call(kInhibit, std::move(words));
  if (!answer) co_return fail(answer.error());
  int fd = -1;
  if (bus_->lib().message_read(answer->get(), "h", &fd) <= 0)
    co_return fail(Code::kInternal, "", "logind answers no descriptor to Inhibit");
  // The message's own is closed with it.
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) co_return fail(errnoError(errno, "keep logind's lock"));
  co_return copy;
}

}  // namespace cubelet::shutdown
