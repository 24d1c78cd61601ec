#include "kubelet/events/recorder.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>

#include "base/log.h"

namespace cubelet::events {
namespace {

constexpr std::string_view kComponent = "kubelet";

constexpr std::size_t kMaxName = 253;  // of any object

std::uint64_t unixNanos(WallTime at) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

void setTime(k8s::meta::v1::Time& time, WallTime at) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch());
  time.set_seconds(seconds.count());
  time.set_nanos(0);  // JSON has whole seconds
}

// Never inside a UTF-8 sequence.
void cut(std::string& text, std::size_t maxBytes) {
  if (text.size() <= maxBytes) return;
  std::size_t end = maxBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  text += "...";
}

// "web.17a2b3c4d5e6f708"; of a very long name the begin, which must end as a name may.
std::string eventName(std::string object, std::uint64_t nanos) {
  char hex[17];
  const std::string suffix = "." + std::string(hex, std::to_chars(hex, hex + sizeof hex, nanos, 16).ptr);
  if (object.size() + suffix.size() > kMaxName) object.resize(kMaxName - suffix.size());
  while (object.ends_with('.') || object.ends_with('-')) object.pop_back();
  return object + suffix;
}

core::Event makeEvent(const ObjectRef& object, EventType type, std::string_view reason, std::string message,
                      const std::string& nodeName, WallTime at, std::uint64_t nameNanos) {
  core::Event event;
  event.mutable_metadata()->set_name(eventName(object.name, nameNanos));
  event.mutable_metadata()->set_namespace_(object.ns.empty() ? "default" : object.ns);
  setTime(*event.mutable_metadata()->mutable_creationtimestamp(), at);
  core::ObjectReference& involved = *event.mutable_involvedobject();
  involved.set_kind(object.kind);
  if (!object.ns.empty()) involved.set_namespace_(object.ns);
  involved.set_name(object.name);
  involved.set_uid(object.uid);
  involved.set_apiversion(object.apiVersion);
  if (!object.fieldPath.empty()) involved.set_fieldpath(object.fieldPath);
  event.set_type(type == EventType::kNormal ? "Normal" : "Warning");
  event.set_reason(std::string(reason));
  event.set_message(std::move(message));
  event.mutable_source()->set_component(std::string(kComponent));
  event.mutable_source()->set_host(nodeName);
  event.set_reportingcomponent(std::string(kComponent));
  event.set_reportinginstance(nodeName);
  setTime(*event.mutable_firsttimestamp(), at);
  setTime(*event.mutable_lasttimestamp(), at);
  event.set_count(1);
  return event;
}

// "web" from "spec.containers{web}".
std::string containerOf(const std::string& fieldPath) {
  auto open = fieldPath.find('{');
  if (open == std::string::npos || fieldPath.back() != '}') return "";
  return fieldPath.substr(open + 1, fieldPath.size() - open - 2);
}

void logEvent(const core::Event& event) {
  const core::ObjectReference& object = event.involvedobject();
  auto priority = event.type() == "Warning" ? log::Priority::kWarning : log::Priority::kInfo;
  if (object.kind() != "Pod") {
    log::write(priority, event.message(),
               {{"object", object.kind() + "/" + object.name()}, {"reason", event.reason()}});
    return;
  }
  std::string pod = object.namespace_() + "/" + object.name();
  std::string container = containerOf(object.fieldpath());
  if (container.empty())
    log::write(priority, event.message(), {{"pod", pod}, {"uid", object.uid()}, {"reason", event.reason()}});
  else
    log::write(priority, event.message(),
               {{"pod", pod}, {"uid", object.uid()}, {"container", container}, {"reason", event.reason()}});
}

template <class Containers>
bool declares(const Containers& containers, std::string_view name) {
  for (const auto& container : containers)
    if (container.name() == name) return true;
  return false;
}

}  // namespace

ObjectRef podRef(const core::Pod& pod) {
  ObjectRef ref;
  ref.kind = "Pod";
  ref.ns = pod.metadata().namespace_();
  ref.name = pod.metadata().name();
  ref.uid = pod.metadata().uid();
  return ref;
}

ObjectRef containerRef(const core::Pod& pod, std::string_view container) {
  ObjectRef ref = podRef(pod);
  std::string_view member;
  if (declares(pod.spec().containers(), container)) {
    member = "containers";
  } else if (declares(pod.spec().initcontainers(), container)) {
    member = "initContainers";
  } else {
    for (const core::EphemeralContainer& ephemeral : pod.spec().ephemeralcontainers())
      if (ephemeral.ephemeralcontainercommon().name() == container) member = "ephemeralContainers";
  }
  if (!member.empty()) ref.fieldPath.append("spec.").append(member).append("{").append(container).append("}");
  return ref;
}

ObjectRef nodeRef(std::string name, std::string uid) {
  ObjectRef ref;
  ref.kind = "Node";
  ref.name = std::move(name);
  ref.uid = std::move(uid);
  return ref;
}

EventRecorder::EventRecorder(Clock& clock, std::string nodeName, Limits limits)
    : clock_(clock), nodeName_(std::move(nodeName)), limits_(limits), correlator_(limits.objects) {}

void EventRecorder::record(const ObjectRef& object, EventType type, std::string_view reason, std::string message,
                           const std::map<std::string, std::string>& annotations) {
  cut(message, limits_.messageBytes);
  const WallTime now = clock_.wallNow();
  // Two events in one nanosecond, or around a clock that was set back, must not share a name.
  lastNanos_ = std::max(unixNanos(now), lastNanos_ + 1);
  core::Event event = makeEvent(object, type, reason, std::move(message), nodeName_, now, lastNanos_);
  event.mutable_metadata()->mutable_annotations()->insert(annotations.begin(), annotations.end());
  std::string key = correlator_.keyFor(event, clock_.now());
  Kept& kept = keep(std::move(key), std::move(event));
  // Counted before it is filtered: once the object may speak again, the event carries the full count.
  if (correlator_.letThrough(kept.event, clock_.now())) {
    tell(kept);
  } else {
    ++heldBack_;
  }
}

EventRecorder::Kept& EventRecorder::keep(std::string key, core::Event fresh) {
  if (auto found = byKey_.find(key); found != byKey_.end()) {
    kept_.splice(kept_.end(), kept_, found->second);
    core::Event& event = kept_.back().event;
    event.set_count(event.count() + 1);
    *event.mutable_lasttimestamp() = fresh.lasttimestamp();
    event.set_message(fresh.message());  // combined events: that of the latest
    return kept_.back();
  }
  if (kept_.size() >= limits_.events) {
    byKey_.erase(kept_.front().key);
    kept_.pop_front();
  }
  kept_.push_back(Kept{std::move(key), std::move(fresh)});
  byKey_[kept_.back().key] = std::prev(kept_.end());
  return kept_.back();
}

void EventRecorder::tell(Kept& kept) {
  logEvent(kept.event);
  bool repeat = std::exchange(kept.told, true);
  // A copy: a subscriber may take itself, or another one, back while it is called.
  Listeners now = *listeners_;
  for (const std::shared_ptr<Listener>& listener : now)
    if (listener->listens) listener->fn(kept.event, repeat);
}

std::vector<core::Event> EventRecorder::list() const {
  std::vector<core::Event> events;
  events.reserve(kept_.size());
  for (const Kept& kept : kept_) events.push_back(kept.event);
  return events;
}

Subscription EventRecorder::subscribe(Subscriber fn) {
  auto listener = std::make_shared<Listener>(Listener{.fn = std::move(fn)});
  listeners_->push_back(listener);
  std::weak_ptr<Listeners> all = listeners_;
  return Subscription(std::shared_ptr<void>(nullptr, [all, listener](void*) {
    listener->listens = false;
    if (auto listeners = all.lock()) listeners->remove(listener);
  }));
}

}  // namespace cubelet::events
