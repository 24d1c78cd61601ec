// Semaphore: a bounded number of permits, handed out in order of asking.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

#include "base/park.h"
#include "base/task.h"
#include "base/wake.h"

namespace cubelet {

// Loop thread only; must outlive its permits.
class Semaphore {
 public:
  // Gives its place back when destroyed or released.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(Semaphore* semaphore) : semaphore_(semaphore) {}
    Permit(Permit&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        release();
        semaphore_ = std::exchange(other.semaphore_, nullptr);
      }
      return *this;
    }
    ~Permit() { release(); }
    void release() {
      if (semaphore_ != nullptr) std::exchange(semaphore_, nullptr)->giveBack();
    }

   private:
    Semaphore* semaphore_ = nullptr;
  };

  explicit Semaphore(std::size_t permits) : free_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Throws operation_aborted when the task is cancelled.
  Task<Permit> acquire() {
    if (free_ > 0 && queue_.empty()) {
      --free_;
      co_return Permit(this);
    }
    Place place(*this);
    while (!place.entry->granted) {
      co_await place.entry->park.wait();
      co_await throwIfCancelled();
    }
    place.entry->taken = true;
    co_return Permit(this);
  }

  std::size_t waiting() const { return queue_.size(); }

 private:
  struct Entry {
    Park park;
    bool granted = false;
    bool taken = false;
  };
  // Leaves the queue on every way out; a place that was granted but not taken goes to the next in line.
  struct Place {
    explicit Place(Semaphore& s) : semaphore(s) { entry = s.queue_.emplace(s.queue_.end()); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      const bool unused = entry->granted && !entry->taken;
      semaphore.queue_.erase(entry);
      if (unused) semaphore.giveBack();
    }
    Semaphore& semaphore;
    std::list<Entry>::iterator entry;
  };

  void giveBack() {
    for (Entry& entry : queue_) {
      if (entry.granted) continue;
      entry.granted = true;
      entry.park.wake();
      return;
    }
    ++free_;
  }

  std::size_t free_;
  std::list<Entry> queue_;
};

}  // namespace cubelet
