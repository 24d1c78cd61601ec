// EventRecorder: what happened on this node, for people. Core v1 Events in memory, newest last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "kubelet/events/correlation.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::events {

namespace core = ::k8s::core::v1;

// The object that an event is about.
struct ObjectRef {
  std::string kind;  // "Pod", "Node"
  std::string ns;    // empty for nodes
  std::string name;
  std::string uid;
  std::string fieldPath;  // "spec.containers{web}"; empty for the whole object
  std::string apiVersion = "v1";
};

ObjectRef podRef(const core::Pod& pod);
// The reference of one container; the member of the spec that declares it (containers, initContainers,
// ephemeralContainers) is looked up. A name that the pod does not have gives the pod's own reference.
ObjectRef containerRef(const core::Pod& pod, std::string_view container);
ObjectRef nodeRef(std::string name, std::string uid);

enum class EventType { kNormal, kWarning };

// Takes a subscription back when it is destroyed. May outlive the recorder.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> token) : token_(std::move(token)) {}

 private:
  std::shared_ptr<void> token_;
};

// Counts identical events, combines similar ones and holds back floods as client-go's event correlator does (reference:
// correlation.h). Every event that is let through is logged and told to the subscribers; one that is held back still
// counts in the list. Loop thread only; keeps no timer.
class EventRecorder {
 public:
  struct Limits {
    std::size_t events = 1000;        // kept; the one not seen for longest goes first
    std::size_t objects = 1000;       // whose rate and similar events are remembered
    std::size_t messageBytes = 4096;  // longer messages are cut
  };

  // `nodeName` becomes source.host and reportingInstance. `clock` must outlive this object.
  EventRecorder(Clock& clock, std::string nodeName) : EventRecorder(clock, std::move(nodeName), Limits()) {}
  EventRecorder(Clock& clock, std::string nodeName, Limits limits);
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // `annotations` are those of the event when it is the first of its kind.
  void record(const ObjectRef& object, EventType type, std::string_view reason, std::string message,
              const std::map<std::string, std::string>& annotations = {});
  void normal(const ObjectRef& object, std::string_view reason, std::string message) {
    record(object, EventType::kNormal, reason, std::move(message));
  }
  void warning(const ObjectRef& object, std::string_view reason, std::string message,
               const std::map<std::string, std::string>& annotations = {}) {
    record(object, EventType::kWarning, reason, std::move(message), annotations);
  }

  // Oldest lastTimestamp first.
  std::vector<core::Event> list() const;

  // `fn` is called inside record() with each event that is let through. `repeat` is true when an event of that name was
  // told before: its count, lastTimestamp (and message, when combined) have changed. It must not record events itself.
  using Subscriber = std::function<void(const core::Event& event, bool repeat)>;
  [[nodiscard]] Subscription subscribe(Subscriber fn);

  // How many were held back by the flood filter.
  std::uint64_t heldBack() const { return heldBack_; }

 private:
  struct Kept {
    std::string key;
    core::Event event;
    bool told = false;
  };
  struct Listener {
    Subscriber fn;
    bool listens = true;
  };
  using Listeners = std::list<std::shared_ptr<Listener>>;

  Kept& keep(std::string key, core::Event fresh);
  void tell(Kept& kept);

  Clock& clock_;
  std::string nodeName_;
  Limits limits_;
  Correlator correlator_;
  std::list<Kept> kept_;  // least recently seen first
  std::unordered_map<std::string, std::list<Kept>::iterator> byKey_;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
  std::uint64_t heldBack_ = 0;
  std::uint64_t lastNanos_ = 0;  // in the name of the last event
};

}  // namespace cubelet::events
