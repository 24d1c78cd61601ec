#include "kubelet/nodeapi/log_watch.h"

#include <algorithm>
#include <sys/inotify.h>

#include "base/log.h"

namespace cubelet::nodeapi {
namespace {

constexpr std::uint32_t kChanges = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE;

}  // namespace

LogWatch::Subscription& LogWatch::Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  end();
  watch_ = std::exchange(other.watch_, nullptr);
  place_ = other.place_;
  return *this;
}

void LogWatch::Subscription::end() {
  if (watch_ == nullptr) return;
  LogWatch* watch = std::exchange(watch_, nullptr);
  const int number = place_->watch;
  watch->followers_.erase(place_);
  const bool shared =
      std::ranges::any_of(watch->followers_, [number](const LogFollower& one) { return one.watch == number; });
  if (!shared) watch->inotify_->remove(number);
}

Result<void> LogWatch::begin() {
  if (inotify_) return {};
  Result<Inotify> made = Inotify::create(loop_);
  if (!made) return fail(made.error());
  inotify_.emplace(std::move(*made));
  tasks_.spawn("log followers", readEvents());
  return {};
}

Result<LogWatch::Subscription> LogWatch::follow(const std::string& directory, std::string uid, Wake& wake) {
  if (Result<void> begun = begin(); !begun) return fail(begun.error());
  Result<int> watch = inotify_->add(directory, kChanges);
  if (!watch) return fail(watch.error());
  followers_.push_back({.watch = *watch, .uid = std::move(uid), .wake = &wake});
  return Subscription(this, std::prev(followers_.end()));
}

void LogWatch::podChanged(const std::string& uid) {
  for (LogFollower& follower : followers_)
    if (follower.uid == uid) follower.wake->ring();
}

Task<void> LogWatch::readEvents() {
  for (;;) {
    Result<std::vector<InotifyEvent>> events = co_await inotify_->next();
    if (!events) {
      log::error("cannot watch logs any more: those who follow one hear of it when its pod changes",
                 {{"error", events.error().message}});
      co_return;
    }
    for (const InotifyEvent& event : *events)
      for (LogFollower& follower : followers_)
        if (event.watch < 0 || follower.watch == event.watch) follower.wake->ring();
  }
}

}  // namespace cubelet::nodeapi
