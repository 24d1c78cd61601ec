#include "kubelet/shutdown/shutdown_manager.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "base/time_text.h"

namespace cubelet::shutdown {
namespace {

// The message bus may be restarted, or come after us.
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLongestRetry = std::chrono::minutes(1);
// So often logind is asked whether it has read its configuration.
constexpr int kLooks = 10;
constexpr Duration kBetweenLooks = std::chrono::milliseconds(200);

}  // namespace

ShutdownManager::ShutdownManager(Loop& loop, Clock& clock, Logind& logind, std::vector<GroupTime> groups,
                                 std::string timesFile, Hooks hooks)
    : clock_(clock),
      logind_(logind),
      groups_(std::move(groups)),
      timesFile_(std::move(timesFile)),
      hooks_(std::move(hooks)),
      news_(clock),
      podsChanged_(clock),
      ending_(loop),
      tasks_(loop) {}

Task<void> ShutdownManager::close() {
  co_await tasks_.close();
  co_await ending_.close();
}

Task<void> ShutdownManager::run() {
  if (groups_.empty()) co_return;
  times_ = readShutdownTimes(timesFile_);
  Backoff backoff({.initial = kFirstRetry, .cap = kLongestRetry});
  std::string told;
  for (;;) {
    const TimePoint began = clock_.now();
    const Error why = co_await watch();
    if (clock_.now() - began > kLongestRetry) backoff.reset();
    if (std::exchange(told, why.message) != why.message)
      log::warning("cannot hear of a shutdown of this machine; pods would be killed by it. Trying again",
                   {{"error", why.message}});
    co_await tasks_.drain();
    co_await clock_.sleep(backoff.next());
  }
}

// Until the connection is lost, or cannot be made good use of.
Task<Error> ShutdownManager::watch() {
  announced_.clear();
  lost_.reset();
  Result<void> opened = logind_.open([this](bool shutdown) {
    announced_.push_back(shutdown);
    news_.ring();
  });
  if (!opened) co_return opened.error();
  tasks_.spawn("logind", serve());
  // A shutdown may have begun, or been called off, while nobody listened.
  Result<bool> preparing = co_await logind_.isPreparing();
  if (!preparing) co_return preparing.error();
  if (*preparing != shuttingDown_) announced_.push_front(*preparing);
  if (!*preparing) {
    Result<void> taken = co_await takeLock();
    if (!taken) co_return taken.error();
    log::notice("a shutdown of this machine waits for the pods", {{"longest", durationText(totalOf(groups_))}});
  }
  for (;;) {
    while (!announced_.empty()) {
      const bool shutdown = announced_.front();
      announced_.pop_front();
      co_await heed(shutdown);
    }
    if (lost_) co_return *lost_;
    co_await news_.wait();
  }
}

Task<void> ShutdownManager::serve() {
  Error why = co_await logind_.serve();
  lost_ = std::move(why);
  news_.ring();
}

Task<Result<void>> ShutdownManager::takeLock() {
  Result<void> enough = co_await makeDelayLongEnough();
  // Some time is better than none.
  if (!enough)
    log::warning("logind does not wait long enough for all pods: set InhibitDelayMaxSec in logind.conf",
                 {{"needed", durationText(totalOf(groups_))}, {"error", enough.error().message}});
  Result<Fd> lock = co_await logind_.delayShutdown();
  if (!lock) co_return fail(lock.error().within("ask logind to wait for pods"));
  lock_ = std::move(*lock);
  co_return Result<void>();
}

Task<Result<void>> ShutdownManager::makeDelayLongEnough() {
  const Duration needed = totalOf(groups_);
  Result<Duration> longest = co_await logind_.longestDelay();
  if (!longest) co_return fail(longest.error());
  if (*longest >= needed) co_return Result<void>();
  Result<void> set = co_await logind_.setLongestDelay(needed);
  if (!set) co_return fail(set.error());
  for (int look = 0; look < kLooks && *longest < needed; ++look) {
    co_await clock_.sleep(kBetweenLooks);
    longest = co_await logind_.longestDelay();
    if (!longest) co_return fail(longest.error());
  }
  if (*longest < needed) co_return fail(Code::kInternal, "", "it waits " + durationText(*longest) + " at most");
  co_return Result<void>();
}

Task<void> ShutdownManager::heed(bool shutdown) {
  if (shutdown == shuttingDown_) co_return;
  shuttingDown_ = shutdown;
  log::notice(shutdown ? "this machine is shutting down" : "the shutdown of this machine was called off");
  hooks_.event(shutdown ? "Shutdown manager detected shutdown event"
                        : "Shutdown manager detected shutdown cancellation");
  hooks_.shuttingDown(shutdown);
  if (shutdown) {
    ending_.spawn("end pods", endPods());
    co_return;
  }
  // What has begun to end does end; the others stay.
  co_await ending_.drain();
  Result<void> taken = co_await takeLock();
  if (!taken) lost_ = taken.error();
}

Task<void> ShutdownManager::endPods() {
  note({.began = clock_.wallNow(), .ended = std::nullopt});
  std::vector<Group> groups = groupPods(groups_, hooks_.pods());
  for (Group& group : groups) co_await endGroup(std::move(group));
  note({.began = times_.began, .ended = clock_.wallNow()});
  log::notice("the pods have ended, the machine may go down");
  lock_.reset();
}

Task<void> ShutdownManager::endGroup(Group group) {
  const TimePoint deadline = clock_.now() + group.time.period;
  for (const core::Pod& pod : group.pods) hooks_.end(pod.metadata().uid(), graceOf(pod, group.time));
  for (;;) {
    std::erase_if(group.pods, [&](const core::Pod& pod) { return !hooks_.isEnding(pod.metadata().uid()); });
    if (group.pods.empty()) co_return;
    if (clock_.now() >= deadline) break;
    co_await podsChanged_.waitUntil(deadline);
  }
  for (const core::Pod& pod : group.pods)
    log::warning("the pod has not ended in the time that the shutdown leaves it",
                 {{"pod", pod.metadata().namespace_() + "/" + pod.metadata().name()},
                  {"period", durationText(group.time.period)}});
}

void ShutdownManager::note(const ShutdownTimes& times) {
  times_ = times;
  if (Result<void> saved = writeShutdownTimes(timesFile_, times_); !saved)
    log::warning("cannot note the time of the shutdown", {{"error", saved.error().message}});
}

}  // namespace cubelet::shutdown
