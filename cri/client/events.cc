#include "cri/client/events.h"

#include <deque>
#include <unistd.h>

#include <google/protobuf/empty.pb.h>

#include "base/rpc/stream.h"
#include "cri/client/ask.h"
#include "cri/client/event_translation.h"
#include "proto/containerd/events_service.pb.h"

namespace cubelet::cri {
namespace {

namespace containerd_events = ::containerd::services::events::v1;
using ::containerd::types::Envelope;

// However a stream ends, its reader has missed what follows: a new one must be opened.
Error broken(Error error) {
  error.code = Code::kUnavailable;
  return error;
}

Error brokenUnlessUnimplemented(Error error) {
  if (error.code == Code::kUnimplemented) return error;
  return broken(std::move(error));
}

Error streamEnded(const std::string& path) {
  return Error(Code::kUnavailable, "", "the runtime at " + path + " ended the event stream");
}

class CriEvents final : public EventStream {
 public:
  CriEvents(rpc::ChannelPtr channel, std::shared_ptr<bool> hasCriEvents)
      : path_(channel->path()),
        hasCriEvents_(std::move(hasCriEvents)),
        openedAt_(std::chrono::system_clock::now()),
        stream_(std::move(channel), "/runtime.v1.RuntimeService/GetContainerEvents", v1::GetEventsRequest(), {}) {}

  Task<Result<RuntimeEvent>> next() override {
    for (;;) {
      if (!early_.empty()) {
        RuntimeEvent event = std::move(early_.front());
        early_.pop_front();
        co_return std::move(event);
      }
      auto message = co_await stream_.next();
      if (!message) {
        if (message.error().code == Code::kUnimplemented) *hasCriEvents_ = false;
        co_return fail(broken(std::move(message.error())));
      }
      if (!*message) co_return fail(streamEnded(path_));
      keep(**message);
    }
  }

  Task<void> sent() { return stream_.sent(); }

  // What has arrived so far; an error when the stream has ended.
  Result<void> drain() {
    while (auto message = stream_.tryNext()) {
      if (!*message) return fail(brokenUnlessUnimplemented(std::move(message->error())));
      if (!**message) return fail(streamEnded(path_));
      keep(***message);
    }
    return {};
  }

 private:
  void keep(const v1::ContainerEventResponse& response) {
    RuntimeEvent event = fromCri(response);
    // containerd 1.7 first sends what it has kept since nobody listened, with the states of that time.
    if (event.at && *event.at < openedAt_) return;
    early_.push_back(std::move(event));
  }

  std::string path_;
  std::shared_ptr<bool> hasCriEvents_;
  WallTime openedAt_;
  rpc::Stream<v1::ContainerEventResponse> stream_;
  std::deque<RuntimeEvent> early_;
};

class ContainerdEvents final : public EventStream {
 public:
  ContainerdEvents(rpc::ChannelPtr channel, std::string markTopic)
      : path_(channel->path()),
        markTopic_(std::move(markTopic)),
        stream_(std::move(channel), "/containerd.services.events.v1.Events/Subscribe", subscription(markTopic_), {}) {}

  Task<Result<RuntimeEvent>> next() override {
    for (;;) {
      if (!early_.empty()) {
        RuntimeEvent event = std::move(early_.front());
        early_.pop_front();
        co_return std::move(event);
      }
      auto message = co_await stream_.next();
      if (!message) co_return fail(broken(std::move(message.error())));
      if (!*message) co_return fail(streamEnded(path_));
      keep(**message);
    }
  }

  Task<void> sent() { return stream_.sent(); }

  // True once one of our own events has come back.
  Result<bool> confirmed() {
    while (auto message = stream_.tryNext()) {
      if (!*message) return fail(brokenUnlessUnimplemented(std::move(message->error())));
      if (!**message) return fail(streamEnded(path_));
      keep(***message);
    }
    return confirmed_;
  }

 private:
  // Only what RuntimeEvent can tell: sandbox set-up alone makes half a dozen other events.
  static containerd_events::SubscribeRequest subscription(const std::string& markTopic) {
    containerd_events::SubscribeRequest request;
    request.add_filters("namespace==k8s.io,topic~=\"^/(tasks/(exit|start|oom)|containers/(create|delete))$\"");
    request.add_filters("topic==\"" + markTopic + "\"");
    return request;
  }

  void keep(const Envelope& envelope) {
    if (envelope.topic() == markTopic_) confirmed_ = true;
    std::optional<RuntimeEvent> event = fromContainerd(envelope);
    if (event) early_.push_back(std::move(*event));
  }

  std::string path_;
  std::string markTopic_;
  rpc::Stream<Envelope> stream_;
  std::deque<RuntimeEvent> early_;
  bool confirmed_ = false;
};

// Unlike any other in this process and, with its pid and the time, on this machine.
std::string newMarkTopic() {
  static int count = 0;
  auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return "/cubelet/subscribed/" + std::to_string(getpid()) + "-" + std::to_string(now) + "-" + std::to_string(++count);
}

Task<Result<void>> publishMark(rpc::ChannelPtr channel, std::string topic, Duration deadline) {
  containerd_events::PublishRequest request;
  request.set_topic(std::move(topic));
  request.mutable_event()->set_type_url("google.protobuf.Empty");
  rpc::CallOptions options;
  options.deadline = deadline;
  options.metadata.emplace_back("containerd-namespace", "cubelet");
  auto call = rpc::call<google::protobuf::Empty>(std::move(channel), "/containerd.services.events.v1.Events/Publish",
                                                 request, std::move(options));
  auto published = co_await std::move(call);
  if (!published) co_return fail(std::move(published.error()));
  co_return Result<void>();
}

// One or two are usual. More are needed only while containerd is too busy to reach the subscription; each takes a round
// trip then, so that this many last for seconds.
constexpr int kMaxMarks = 1000;

}  // namespace

Task<Result<std::unique_ptr<EventStream>>> openCriEvents(rpc::ChannelPtr channel, ClientOptions options,
                                                         std::shared_ptr<bool> hasCriEvents) {
  auto events = std::make_unique<CriEvents>(channel, hasCriEvents);
  co_await events->sent();
  v1::VersionRequest request;
  for (int round = 0; round < 2; ++round) {
    auto call = ask<v1::VersionResponse>(channel, "/runtime.v1.RuntimeService/Version", request,
                                         options.runtimeRequestTimeout, std::string());
    auto version = co_await std::move(call);
    Result<void> alive = events->drain();
    if (!alive && alive.error().code == Code::kUnimplemented) *hasCriEvents = false;
    if (!alive) co_return fail(std::move(alive.error()));
    if (!version) co_return fail(std::move(version.error()));
  }
  co_return std::unique_ptr<EventStream>(std::move(events));
}

Task<Result<std::unique_ptr<EventStream>>> openContainerdEvents(rpc::ChannelPtr channel, ClientOptions options) {
  std::string topic = newMarkTopic();
  auto events = std::make_unique<ContainerdEvents>(channel, topic);
  co_await events->sent();
  for (int mark = 0; mark < kMaxMarks; ++mark) {
    auto call = publishMark(channel, topic, options.runtimeRequestTimeout);
    auto published = co_await std::move(call);
    Result<bool> confirmed = events->confirmed();
    if (!confirmed) co_return fail(std::move(confirmed.error()));
    if (*confirmed) co_return std::unique_ptr<EventStream>(std::move(events));
    if (!published) co_return fail(brokenUnlessUnimplemented(std::move(published.error())));
  }
  co_return fail(Code::kUnavailable, "", "the runtime at " + channel->path() + " did not confirm the event stream");
}

}  // namespace cubelet::cri
