// Event streams of the fake runtime. For tests.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "base/park.h"
#include "cri/client/runtime_service.h"

namespace cubelet::cri {

// Hands events to all that listen. Loop thread only; listeners are gone before the hub, or told broken().
class FakeEventHub {
 public:
  struct Listener {
    virtual ~Listener() = default;
    virtual void event(const RuntimeEvent& event) = 0;
    // No further event comes, and the hub has forgotten this listener.
    virtual void broken(const Error& error) = 0;
  };

  ~FakeEventHub() { breakAll(Error(Code::kUnavailable, "", "the runtime was destroyed")); }
  void add(Listener* listener) { listeners_.insert(listener); }
  void remove(Listener* listener) { listeners_.erase(listener); }

  void emit(const RuntimeEvent& event);
  void breakAll(const Error& error);
  int subscribers() const { return static_cast<int>(listeners_.size()); }

 private:
  std::set<Listener*> listeners_;
};

// What openEvents() answers. A broken stream still tells the events it has.
class FakeEventStream final : public EventStream, private FakeEventHub::Listener {
 public:
  explicit FakeEventStream(FakeEventHub* hub) : hub_(hub) { hub_->add(this); }
  ~FakeEventStream() override;
  Task<Result<RuntimeEvent>> next() override;

 private:
  void event(const RuntimeEvent& event) override;
  void broken(const Error& error) override;

  FakeEventHub* hub_;
  std::deque<RuntimeEvent> events_;
  std::optional<Error> broken_;
  Park park_;
};

}  // namespace cubelet::cri
