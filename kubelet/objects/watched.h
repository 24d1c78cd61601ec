// Watched<T>: a reflector that runs, and whoever waits for its first read.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/reflector.h"

namespace cubelet::objects {

inline constexpr Duration kFirstRead = std::chrono::seconds(10);

// A node may read an object only once the server knows that a pod of the node refers to it, and the pod can be here
// before that. So the first refusals are followed by quick tries: after 25 ms, then twice as long each time.
inline constexpr Duration kQuickTry = std::chrono::milliseconds(25);
inline constexpr int kQuickTries = 6;

// Runs from its construction to stop(). To be kept by shared_ptr while anybody waits. Loop thread only.
template <class T>
class Watched {
 public:
  // `news` is called after each read of everything and after each change.
  Watched(Loop& loop, apiserver::ApiClient& client, apiserver::ReflectorOptions options, std::function<void()> news)
      : clock_(client.clock()),
        news_(std::move(news)),
        giveUp_(clock_.now() + kFirstRead),
        reflector_(loop, client, std::move(options), listener()),
        tasks_(loop) {
    tasks_.spawn("watch", reflector_.run());
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  bool read() const { return reflector_.synced(); }
  const apiserver::Reflector<T>& objects() const { return reflector_; }
  void retryNow() { reflector_.retryNow(); }

  // True when a question must be answered without a read.
  bool overdue() const { return !read() && clock_.now() >= giveUp_; }
  // Returns after the first read, when it is overdue, or after stop(): look again.
  Task<void> firstRead() {
    Place place(*this);
    if (!read() && !stopped_ && clock_.now() < giveUp_) co_await place.wake->waitUntil(giveUp_);
  }

  // Ends the watch and keeps what was read. May be called by `news`.
  void halt() {
    quick_.cancel();
    tasks_.cancel();
  }
  // Ends it for good; whoever waits is woken.
  Task<void> stop() {
    stopped_ = true;
    quick_.cancel();
    wakeAll();
    co_await tasks_.close();
  }

  const Error* lastError() const { return lastError_ ? &*lastError_ : nullptr; }

 private:
  struct Place {
    explicit Place(Watched& w) : watched(w) { wake = w.waiting_.emplace(w.waiting_.end(), w.clock_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { watched.waiting_.erase(wake); }
    Watched& watched;
    std::list<Wake>::iterator wake;
  };

  typename apiserver::Reflector<T>::Listener listener() {
    using Ptr = typename apiserver::Reflector<T>::Ptr;
    typename apiserver::Reflector<T>::Listener listener;
    listener.synced = [this] { heard(); };
    listener.changed = [this](apiserver::ChangeKind, Ptr, Ptr) { heard(); };
    listener.failed = [this](const Error& error) { failed(error); };
    return listener;
  }
  void heard() {
    lastError_.reset();
    quick_.cancel();
    wakeAll();
    news_();
  }
  void failed(const Error& error) {
    lastError_ = error;
    if (read() || error.reason != "Forbidden" || quickTries_ >= kQuickTries) return;
    quick_ = clock_.after(kQuickTry * (1 << quickTries_++), [this] { reflector_.retryNow(); });
  }
  void wakeAll() {
    for (Wake& wake : waiting_) wake.ring();
  }

  Clock& clock_;
  std::function<void()> news_;
  const TimePoint giveUp_;
  std::list<Wake> waiting_;
  std::optional<Error> lastError_;
  Timer quick_;
  int quickTries_ = 0;
  bool stopped_ = false;
  apiserver::Reflector<T> reflector_;
  TaskGroup tasks_;
};

}  // namespace cubelet::objects
