// EventPublisher: sends what the recorder tells to the API server. Surface 4.8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/events/recorder.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::cluster {

namespace core = ::k8s::core::v1;

// The strategic merge patch that tells of an event that has happened again.
std::string repeatPatch(const core::Event& event);

// Whether the same request may succeed later: the server gave no answer, none that makes sense, or asks for patience;
// or it does not know us yet or any more (credentials are renewed). Everything else is refused for good, as client-go
// sees it: no right, a namespace that is going away, an invalid event. Pure.
bool worthAnotherTry(const Error& error);

// One event after the other, in the order in which they happened. While the server does not answer, up to
// `options.queue` events wait; the oldest make room. An event that happens again while it waits is sent once, with the
// full count. Events of a static pod name the static pod's UID, not its mirror's: kubectl finds them by the mirror's
// annotation config.mirror. Loop thread only.
class EventPublisher {
 public:
  struct Options {
    std::size_t queue = 1000;
    // Events of the type Normal are held back for so long, so that the server's work with them does not compete with
    // the start of the pod that they tell of (both may be on one machine). A warning goes at once, with all before it.
    Duration hold = Duration(0);
    int tries = 12;                             // of one event
    Duration pause = std::chrono::seconds(10);  // between them; the first is a random part of it, so that the nodes
                                                // of a cluster do not come back all at once
    std::function<double()> random;             // uniform in [0, 1)
  };
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t overflowed = 0;  // made room
    std::uint64_t refused = 0;     // by the server
    std::uint64_t givenUp = 0;     // after all tries
  };

  // Listens from now on. `clock` and `client` must outlive this object.
  EventPublisher(Clock& clock, apiserver::ApiClient& client, events::EventRecorder& recorder, Options options);

  // Until cancelled: what still waits then, or is under way, is lost when the object goes.
  Task<void> run();
  // The server can be reached again: ends a pause.
  void serverIsBack() { back_.ring(); }

  std::size_t waiting() const { return queue_.size(); }
  const Counts& counts() const { return counts_; }

 private:
  struct Item {
    std::string key;  // "namespace/name"
    core::Event event;
    bool repeat = false;  // the server has it already, as far as we know
  };

  void take(const core::Event& event, bool repeat);
  Item next();
  Task<void> deliver(Item item);
  Task<Result<void>> send(Item item);
  Task<Result<void>> patch(Item item);
  Duration pauseAfter(int tries) const;
  void dropped(const Item& item, const Error& error, const char* why);

  Clock& clock_;
  apiserver::ApiClient& client_;
  Options options_;
  std::list<Item> queue_;  // oldest first
  std::unordered_map<std::string, std::list<Item>::iterator> byKey_;
  TimePoint due_;  // when those that wait are sent
  Counts counts_;
  std::string logged_;  // the kind of failure that was logged last
  Wake arrived_;
  Wake back_;
  events::Subscription subscription_;  // last: calls take()
};

}  // namespace cubelet::cluster
