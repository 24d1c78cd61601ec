#include "cri/fake/fake_events.h"

#include <utility>

#include "base/wake.h"

namespace cubelet::cri {

void FakeEventHub::emit(const RuntimeEvent& event) {
  for (Listener* listener : listeners_) listener->event(event);
}

void FakeEventHub::breakAll(const Error& error) {
  for (Listener* listener : std::exchange(listeners_, {})) listener->broken(error);
}

FakeEventStream::~FakeEventStream() {
  if (hub_ != nullptr) hub_->remove(this);
}

void FakeEventStream::event(const RuntimeEvent& event) {
  events_.push_back(event);
  park_.wake();
}

void FakeEventStream::broken(const Error& error) {
  hub_ = nullptr;
  broken_ = error;
  park_.wake();
}

Task<Result<RuntimeEvent>> FakeEventStream::next() {
  while (events_.empty() && !broken_) {
    co_await park_.wait();
    co_await throwIfCancelled();
  }
  if (events_.empty()) co_return fail(*broken_);
  RuntimeEvent event = std::move(events_.front());
  events_.pop_front();
  co_return std::move(event);
}

}  // namespace cubelet::cri
