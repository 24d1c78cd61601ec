#include "kubelet/cluster/event_publisher.h"

#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "kubelet/api/times.h"
#include "kubelet/apiserver/wire.h"

namespace cubelet::cluster {
namespace {

using Json = nlohmann::json;

const apiserver::CallOptions kCall{.lane = apiserver::Lane::kEvents, .timeout = std::nullopt};

}  // namespace

std::string repeatPatch(const core::Event& event) {
  const Json patch = {{"count", event.count()},
                      {"lastTimestamp", api::timeText(event.lasttimestamp().seconds())},
                      {"message", event.message()}};
  // Messages hold what programs print: any bytes.
  return patch.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool worthAnotherTry(const Error& error) {
  if (isRetryable(error.code) || error.reason.empty()) return true;
  return error.reason == "Unauthorized" || error.reason == apiserver::kBadAnswer;
}

EventPublisher::EventPublisher(Clock& clock, apiserver::ApiClient& client, events::EventRecorder& recorder,
                               Options options)
    : clock_(clock), client_(client), options_(std::move(options)), arrived_(clock), back_(clock) {
  subscription_ = recorder.subscribe([this](const core::Event& event, bool repeat) { take(event, repeat); });
}

void EventPublisher::take(const core::Event& event, bool repeat) {
  if (event.type() != "Normal")
    due_ = clock_.now();
  else if (queue_.empty())
    due_ = clock_.now() + options_.hold;
  std::string key = event.metadata().namespace_() + "/" + event.metadata().name();
  if (auto found = byKey_.find(key); found != byKey_.end()) {
    found->second->event = event;  // still new to the server if it was so before
    arrived_.ring();
    return;
  }
  if (queue_.size() >= options_.queue) {
    byKey_.erase(queue_.front().key);
    queue_.pop_front();
    ++counts_.overflowed;
  }
  queue_.push_back(Item{key, event, repeat});
  byKey_[std::move(key)] = std::prev(queue_.end());
  arrived_.ring();
}

EventPublisher::Item EventPublisher::next() {
  Item item = std::move(queue_.front());
  queue_.pop_front();
  byKey_.erase(item.key);
  return item;
}

Task<void> EventPublisher::run() {
  for (;;) {
    if (queue_.empty()) {
      co_await arrived_.wait();
    } else if (clock_.now() < due_) {
      co_await arrived_.waitUntil(due_);
    } else {
      Item item = next();
      co_await deliver(std::move(item));
    }
  }
}

Task<void> EventPublisher::deliver(Item item) {
  for (int tries = 1;; ++tries) {
    back_.clear();
    Result<void> sent = co_await send(item);
    if (sent) {
      ++counts_.sent;
      logged_.clear();
      co_return;
    }
    if (!worthAnotherTry(sent.error())) {
      ++counts_.refused;
      dropped(item, sent.error(), "the API server refuses events");
      co_return;
    }
    if (tries >= options_.tries) {
      ++counts_.givenUp;
      dropped(item, sent.error(), "cannot send events to the API server, giving them up one by one");
      co_return;
    }
    co_await back_.waitUntil(clock_.now() + pauseAfter(tries));
  }
}

Duration EventPublisher::pauseAfter(int tries) const {
  if (tries > 1) return options_.pause;
  return std::chrono::duration_cast<Duration>(options_.pause * options_.random());
}

Task<Result<void>> EventPublisher::send(Item item) {
  if (item.repeat) {
    Result<void> patched = co_await patch(item);
    // The server keeps events for an hour only, and this one may never have got there.
    if (patched || patched.error().code != Code::kNotFound) co_return patched;
  }
  item.event.mutable_metadata()->clear_creationtimestamp();
  std::string path = apiserver::kEvents.collection(item.event.metadata().namespace_());
  Result<core::Event> created = co_await client_.create(std::move(path), item.event, kCall);
  // An earlier try has worked and its answer was lost.
  if (!created && created.error().code != Code::kAlreadyExists) co_return fail(std::move(created.error()));
  co_return Result<void>();
}

Task<Result<void>> EventPublisher::patch(Item item) {
  const auto& meta = item.event.metadata();
  std::string path = apiserver::kEvents.object(meta.namespace_(), meta.name());
  std::string body = repeatPatch(item.event);
  Result<core::Event> patched = co_await client_.patch<core::Event>(std::move(path), std::move(body), kCall);
  if (!patched) co_return fail(std::move(patched.error()));
  co_return Result<void>();
}

// Each event stands in the log already: that the cluster does not get them is worth one line.
void EventPublisher::dropped(const Item& item, const Error& error, const char* why) {
  const std::string kind = std::string(toString(error.code)) + " " + error.reason;
  if (std::exchange(logged_, kind) == kind) return;
  log::warning(why, {{"event", item.key}, {"error", error.message}});
}

}  // namespace cubelet::cluster
