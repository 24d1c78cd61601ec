// What the tests of the coroutine core share: a loop, a clock that stands still, and a journal of what happened.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/park.h"
#include "base/wake.h"

namespace cubelet {

using Journal = std::vector<std::string>;

// Notes how the scope it lives in ended.
class Note {
 public:
  Note(Journal* journal, std::string text) : journal_(journal), text_(std::move(text)) {}
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  ~Note() { journal_->push_back(text_); }

 private:
  Journal* journal_;
  std::string text_;
};

inline Task<void> note(Journal* journal, std::string text) {
  journal->push_back(text);
  co_return;
}

inline Task<void> parkOnce(Park* park, Journal* journal) {
  co_await park->wait();
  journal->push_back("woken");
}

inline Task<void> waitForRing(Wake* wake, Journal* journal, std::string name) {
  Note end(journal, name + " left");
  co_await wake->wait();
  journal->push_back(name + " rung");
}

inline Task<void> waitUntil(Wake* wake, TimePoint when, Journal* journal) {
  const bool rung = co_await wake->waitUntil(when);
  journal->push_back(rung ? "ring" : "time");
}

inline Task<void> sleepFor(Clock* clock, Duration delay, Journal* journal, std::string name) {
  Note end(journal, name + " left");
  co_await clock->sleep(delay);
  journal->push_back(name + " woke");
}

class AsyncTest : public testing::Test {
 protected:
  Loop loop;
  ManualClock clock{loop};
  Journal journal;
};

}  // namespace cubelet
