#include "cri/fake/fake_server.h"

#include <google/protobuf/empty.pb.h>

#include "base/wake.h"
#include "proto/containerd/events.pb.h"
#include "proto/containerd/events_service.pb.h"

namespace cubelet::cri {
namespace {

using ::containerd::types::Envelope;
namespace events = ::containerd::events;
namespace events_service = ::containerd::services::events::v1;

// containerd answers UNKNOWN where our clients say kAlreadyExists.
Error asOnTheWire(Error error) {
  if (error.code == Code::kAlreadyExists) error.code = Code::kInternal;
  return error;
}

template <class Request, class Reply>
Task<Result<Reply>> answer(std::function<Task<Result<Reply>>(FakeRuntime*, Request)> handler, FakeRuntime* runtime,
                           Request request) {
  Result<Reply> reply = co_await handler(runtime, std::move(request));
  if (!reply) co_return fail(asOnTheWire(reply.error()));
  co_return std::move(*reply);
}

template <class Request, class Reply>
void serve(rpc::TestServer& server, FakeRuntime& runtime, const std::string& method,
           Task<Result<Reply>> (*handler)(FakeRuntime*, Request)) {
  std::function<Task<Result<Reply>>(Request)> onCall = [handler, target = &runtime](Request request) {
    std::function<Task<Result<Reply>>(FakeRuntime*, Request)> call = handler;
    return answer<Request, Reply>(std::move(call), target, std::move(request));
  };
  server.onCall<Request, Reply>(method, std::move(onCall));
}

// A reply without content.
template <class Reply>
Result<Reply> emptyReply(const Result<void>& done) {
  if (!done) return fail(done.error());
  return Reply();
}

// ---- RuntimeService ----

Task<Result<v1::VersionResponse>> version(FakeRuntime* runtime, v1::VersionRequest) {
  return runtime->version();
}
Task<Result<v1::StatusResponse>> status(FakeRuntime* runtime, v1::StatusRequest) {
  return runtime->status();
}
Task<Result<v1::RuntimeConfigResponse>> runtimeConfig(FakeRuntime* runtime, v1::RuntimeConfigRequest) {
  return runtime->runtimeConfig();
}
Task<Result<v1::UpdateRuntimeConfigResponse>> updateRuntimeConfig(FakeRuntime* runtime,
                                                                  v1::UpdateRuntimeConfigRequest request) {
  Result<void> done = co_await runtime->updateRuntimeConfig(request.runtime_config().network_config().pod_cidr());
  co_return emptyReply<v1::UpdateRuntimeConfigResponse>(done);
}

Task<Result<v1::RunPodSandboxResponse>> runPodSandbox(FakeRuntime* runtime, v1::RunPodSandboxRequest request) {
  auto id = co_await runtime->runPodSandbox(request.config(), request.runtime_handler());
  if (!id) co_return fail(id.error());
  v1::RunPodSandboxResponse response;
  response.set_pod_sandbox_id(*id);
  co_return std::move(response);
}
Task<Result<v1::StopPodSandboxResponse>> stopPodSandbox(FakeRuntime* runtime, v1::StopPodSandboxRequest request) {
  Result<void> done = co_await runtime->stopPodSandbox(request.pod_sandbox_id());
  co_return emptyReply<v1::StopPodSandboxResponse>(done);
}
Task<Result<v1::RemovePodSandboxResponse>> removePodSandbox(FakeRuntime* runtime, v1::RemovePodSandboxRequest request) {
  Result<void> done = co_await runtime->removePodSandbox(request.pod_sandbox_id());
  co_return emptyReply<v1::RemovePodSandboxResponse>(done);
}
Task<Result<v1::PodSandboxStatusResponse>> podSandboxStatus(FakeRuntime* runtime, v1::PodSandboxStatusRequest request) {
  return runtime->podSandboxStatus(request.pod_sandbox_id());
}
Task<Result<v1::ListPodSandboxResponse>> listPodSandbox(FakeRuntime* runtime, v1::ListPodSandboxRequest request) {
  auto items = co_await runtime->listPodSandbox(request.filter());
  if (!items) co_return fail(items.error());
  v1::ListPodSandboxResponse response;
  for (v1::PodSandbox& item : *items) *response.add_items() = std::move(item);
  co_return std::move(response);
}

Task<Result<v1::CreateContainerResponse>> createContainer(FakeRuntime* runtime, v1::CreateContainerRequest request) {
  auto id = co_await runtime->createContainer(request.pod_sandbox_id(), request.config(), request.sandbox_config());
  if (!id) co_return fail(id.error());
  v1::CreateContainerResponse response;
  response.set_container_id(*id);
  co_return std::move(response);
}
Task<Result<v1::StartContainerResponse>> startContainer(FakeRuntime* runtime, v1::StartContainerRequest request) {
  Result<void> done = co_await runtime->startContainer(request.container_id());
  co_return emptyReply<v1::StartContainerResponse>(done);
}
// containerd, unlike FakeRuntime, says so when there is nothing to stop.
Task<Result<v1::StopContainerResponse>> stopContainer(FakeRuntime* runtime, v1::StopContainerRequest request) {
  if (runtime->container(request.container_id()) == nullptr)
    co_return fail(Code::kNotFound, "", "an error occurred when try to find container: not found");
  Result<void> done = co_await runtime->stopContainer(request.container_id(), std::chrono::seconds(request.timeout()));
  co_return emptyReply<v1::StopContainerResponse>(done);
}
Task<Result<v1::RemoveContainerResponse>> removeContainer(FakeRuntime* runtime, v1::RemoveContainerRequest request) {
  if (runtime->container(request.container_id()) == nullptr)
    co_return fail(Code::kNotFound, "", "an error occurred when try to find container: not found");
  Result<void> done = co_await runtime->removeContainer(request.container_id());
  co_return emptyReply<v1::RemoveContainerResponse>(done);
}
Task<Result<v1::ContainerStatusResponse>> containerStatus(FakeRuntime* runtime, v1::ContainerStatusRequest request) {
  return runtime->containerStatus(request.container_id());
}
Task<Result<v1::ListContainersResponse>> listContainers(FakeRuntime* runtime, v1::ListContainersRequest request) {
  auto items = co_await runtime->listContainers(request.filter());
  if (!items) co_return fail(items.error());
  v1::ListContainersResponse response;
  for (v1::Container& item : *items) *response.add_containers() = std::move(item);
  co_return std::move(response);
}
Task<Result<v1::UpdatePodSandboxResourcesResponse>> updatePodSandboxResources(
    FakeRuntime* runtime, v1::UpdatePodSandboxResourcesRequest request) {
  Result<void> done =
      co_await runtime->updatePodSandboxResources(request.pod_sandbox_id(), request.resources(), request.overhead());
  co_return emptyReply<v1::UpdatePodSandboxResourcesResponse>(done);
}
Task<Result<v1::UpdateContainerResourcesResponse>> updateContainerResources(
    FakeRuntime* runtime, v1::UpdateContainerResourcesRequest request) {
  Result<void> done = co_await runtime->updateContainerResources(request.container_id(), request.linux());
  co_return emptyReply<v1::UpdateContainerResourcesResponse>(done);
}
Task<Result<v1::ReopenContainerLogResponse>> reopenContainerLog(FakeRuntime* runtime,
                                                                v1::ReopenContainerLogRequest request) {
  Result<void> done = co_await runtime->reopenContainerLog(request.container_id());
  co_return emptyReply<v1::ReopenContainerLogResponse>(done);
}

Task<Result<v1::ExecSyncResponse>> execSync(FakeRuntime* runtime, v1::ExecSyncRequest request) {
  std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  return runtime->execSync(request.container_id(), std::move(command), std::chrono::seconds(request.timeout()));
}
Task<Result<v1::ExecResponse>> exec(FakeRuntime* runtime, v1::ExecRequest request) {
  auto url = co_await runtime->exec(std::move(request));
  if (!url) co_return fail(url.error());
  v1::ExecResponse response;
  response.set_url(*url);
  co_return std::move(response);
}
Task<Result<v1::AttachResponse>> attach(FakeRuntime* runtime, v1::AttachRequest request) {
  auto url = co_await runtime->attach(std::move(request));
  if (!url) co_return fail(url.error());
  v1::AttachResponse response;
  response.set_url(*url);
  co_return std::move(response);
}
Task<Result<v1::PortForwardResponse>> portForward(FakeRuntime* runtime, v1::PortForwardRequest request) {
  auto url = co_await runtime->portForward(std::move(request));
  if (!url) co_return fail(url.error());
  v1::PortForwardResponse response;
  response.set_url(*url);
  co_return std::move(response);
}

Task<Result<v1::ListContainerStatsResponse>> listContainerStats(FakeRuntime* runtime,
                                                                v1::ListContainerStatsRequest request) {
  return runtime->listContainerStats(request.filter());
}
Task<Result<v1::ListPodSandboxStatsResponse>> listPodSandboxStats(FakeRuntime* runtime,
                                                                  v1::ListPodSandboxStatsRequest request) {
  return runtime->listPodSandboxStats(request.filter());
}

// ---- ImageService ----

Task<Result<v1::ListImagesResponse>> listImages(FakeRuntime* runtime, v1::ListImagesRequest) {
  auto images = co_await runtime->listImages();
  if (!images) co_return fail(images.error());
  v1::ListImagesResponse response;
  for (v1::Image& image : *images) *response.add_images() = std::move(image);
  co_return std::move(response);
}
Task<Result<v1::ImageStatusResponse>> imageStatus(FakeRuntime* runtime, v1::ImageStatusRequest request) {
  auto image = co_await runtime->imageStatus(request.image().image());
  if (!image) co_return fail(image.error());
  v1::ImageStatusResponse response;
  if (*image) *response.mutable_image() = std::move(**image);
  co_return std::move(response);
}
Task<Result<v1::PullImageResponse>> pullImage(FakeRuntime* runtime, v1::PullImageRequest request) {
  auto ref = co_await runtime->pullImage(request.image().image(), request.auth(), request.sandbox_config());
  if (!ref) co_return fail(ref.error());
  v1::PullImageResponse response;
  response.set_image_ref(*ref);
  co_return std::move(response);
}
Task<Result<v1::RemoveImageResponse>> removeImage(FakeRuntime* runtime, v1::RemoveImageRequest request) {
  Result<void> done = co_await runtime->removeImage(request.image().image());
  co_return emptyReply<v1::RemoveImageResponse>(done);
}
Task<Result<v1::ImageFsInfoResponse>> imageFsInfo(FakeRuntime* runtime, v1::ImageFsInfoRequest) {
  return runtime->imageFsInfo();
}

// ---- Events ----

Task<Result<google::protobuf::Empty>> emptyAnswer() {
  co_return google::protobuf::Empty();
}

v1::ContainerEventResponse toCri(const RuntimeEvent& event) {
  v1::ContainerEventResponse response;
  response.set_container_id(event.id);
  switch (event.kind) {
    case RuntimeEvent::Kind::kCreated:
      response.set_container_event_type(v1::CONTAINER_CREATED_EVENT);
      break;
    case RuntimeEvent::Kind::kStarted:
      response.set_container_event_type(v1::CONTAINER_STARTED_EVENT);
      break;
    case RuntimeEvent::Kind::kExited:
    case RuntimeEvent::Kind::kOom:
      response.set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
      break;
    case RuntimeEvent::Kind::kDeleted:
      response.set_container_event_type(v1::CONTAINER_DELETED_EVENT);
      break;
  }
  if (event.at) response.set_created_at(std::chrono::nanoseconds(event.at->time_since_epoch()).count());
  if (event.sandbox) *response.mutable_pod_sandbox_status() = *event.sandbox;
  for (const v1::ContainerStatus& status : event.containers) *response.add_containers_statuses() = status;
  return response;
}

void setTime(WallTime time, google::protobuf::Timestamp* out) {
  auto nanos = std::chrono::nanoseconds(time.time_since_epoch()).count();
  out->set_seconds(nanos / 1'000'000'000);
  out->set_nanos(static_cast<int>(nanos % 1'000'000'000));
}

template <class Event>
Envelope wrap(const Event& event, const std::string& topic, std::optional<WallTime> at) {
  Envelope envelope;
  envelope.set_namespace_("k8s.io");
  envelope.set_topic(topic);
  if (at) setTime(*at, envelope.mutable_timestamp());
  envelope.mutable_event()->set_type_url(Event::descriptor()->full_name());
  envelope.mutable_event()->set_value(event.SerializeAsString());
  return envelope;
}

Envelope exitOf(const RuntimeEvent& event, const std::string& process) {
  events::TaskExit exit;
  exit.set_container_id(event.id);
  exit.set_id(process);
  exit.set_exit_status(static_cast<unsigned>(event.exitCode.value_or(0)));
  if (event.at) setTime(*event.at, exit.mutable_exited_at());
  return wrap(exit, "/tasks/exit", event.at);
}

Envelope toContainerd(const RuntimeEvent& event) {
  events::ContainerCreate create;
  events::TaskStart start;
  events::TaskOOM oom;
  events::ContainerDelete gone;
  switch (event.kind) {
    case RuntimeEvent::Kind::kCreated:
      create.set_id(event.id);
      return wrap(create, "/containers/create", event.at);
    case RuntimeEvent::Kind::kStarted:
      start.set_container_id(event.id);
      return wrap(start, "/tasks/start", event.at);
    case RuntimeEvent::Kind::kExited:
      return exitOf(event, event.id);
    case RuntimeEvent::Kind::kOom:
      oom.set_container_id(event.id);
      return wrap(oom, "/tasks/oom", event.at);
    case RuntimeEvent::Kind::kDeleted:
      gone.set_id(event.id);
      return wrap(gone, "/containers/delete", event.at);
  }
  return Envelope();
}

}  // namespace

struct FakeServer::Subscription final : FakeEventHub::Listener {
  Subscription(FakeServer& s, FakeEventHub& h) : server(s), hub(&h) {
    hub->add(this);
    server.subscriptions_.insert(this);
  }
  ~Subscription() override {
    if (hub != nullptr) hub->remove(this);
    server.subscriptions_.erase(this);
  }
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  void event(const RuntimeEvent& event) override {
    // An exec in the same container has ended too.
    if (event.kind == RuntimeEvent::Kind::kExited) queue.push_back(exitOf(event, "exec-1"));
    queue.push_back(toContainerd(event));
    park.wake();
  }
  void broken(const Error&) override {
    hub = nullptr;
    park.wake();
  }
  void push(Envelope envelope) {
    queue.push_back(std::move(envelope));
    park.wake();
  }

  FakeServer& server;
  FakeEventHub* hub;  // null once broken
  std::deque<Envelope> queue;
  Park park;
};

FakeServer::FakeServer(Loop& loop, FakeRuntime& runtime, std::string socketPath)
    : runtime_(runtime), server_(loop, std::move(socketPath)) {
  serveRuntime();
  serveImages();
  serveEvents();
}

FakeServer::~FakeServer() = default;

void FakeServer::serveRuntime() {
  const std::string service = "/runtime.v1.RuntimeService/";
  serve(server_, runtime_, service + "Version", version);
  serve(server_, runtime_, service + "Status", status);
  serve(server_, runtime_, service + "RuntimeConfig", runtimeConfig);
  serve(server_, runtime_, service + "UpdateRuntimeConfig", updateRuntimeConfig);
  serve(server_, runtime_, service + "RunPodSandbox", runPodSandbox);
  serve(server_, runtime_, service + "StopPodSandbox", stopPodSandbox);
  serve(server_, runtime_, service + "RemovePodSandbox", removePodSandbox);
  serve(server_, runtime_, service + "PodSandboxStatus", podSandboxStatus);
  serve(server_, runtime_, service + "ListPodSandbox", listPodSandbox);
  serve(server_, runtime_, service + "CreateContainer", createContainer);
  serve(server_, runtime_, service + "StartContainer", startContainer);
  serve(server_, runtime_, service + "StopContainer", stopContainer);
  serve(server_, runtime_, service + "RemoveContainer", removeContainer);
  serve(server_, runtime_, service + "ContainerStatus", containerStatus);
  serve(server_, runtime_, service + "ListContainers", listContainers);
  serve(server_, runtime_, service + "UpdatePodSandboxResources", updatePodSandboxResources);
  serve(server_, runtime_, service + "UpdateContainerResources", updateContainerResources);
  serve(server_, runtime_, service + "ReopenContainerLog", reopenContainerLog);
  serve(server_, runtime_, service + "ExecSync", execSync);
  serve(server_, runtime_, service + "Exec", exec);
  serve(server_, runtime_, service + "Attach", attach);
  serve(server_, runtime_, service + "PortForward", portForward);
  serve(server_, runtime_, service + "ListContainerStats", listContainerStats);
  serve(server_, runtime_, service + "ListPodSandboxStats", listPodSandboxStats);
}

void FakeServer::serveImages() {
  const std::string service = "/runtime.v1.ImageService/";
  serve(server_, runtime_, service + "ListImages", listImages);
  serve(server_, runtime_, service + "ImageStatus", imageStatus);
  serve(server_, runtime_, service + "PullImage", pullImage);
  serve(server_, runtime_, service + "RemoveImage", removeImage);
  serve(server_, runtime_, service + "ImageFsInfo", imageFsInfo);
}

void FakeServer::serveEvents() {
  server_.onStream(
      "/runtime.v1.RuntimeService/GetContainerEvents",
      [this](std::string, std::shared_ptr<rpc::TestSink> sink) { return streamCriEvents(&runtime_, std::move(sink)); });
  server_.onStream("/containerd.services.events.v1.Events/Subscribe",
                   [this](std::string request, std::shared_ptr<rpc::TestSink> sink) {
                     return subscribe(std::move(request), std::move(sink));
                   });
  std::function<Task<Result<google::protobuf::Empty>>(events_service::PublishRequest)> onPublish =
      [this](events_service::PublishRequest request) -> Task<Result<google::protobuf::Empty>> {
    publish(request.topic());
    return emptyAnswer();
  };
  server_.onCall<events_service::PublishRequest, google::protobuf::Empty>(
      "/containerd.services.events.v1.Events/Publish", std::move(onPublish));
}

Task<Result<void>> FakeServer::streamCriEvents(FakeRuntime* runtime, std::shared_ptr<rpc::TestSink> sink) {
  if (runtime->eventStyle() != FakeRuntime::EventStyle::kCri)
    co_return fail(Code::kUnimplemented, "", "unknown method GetContainerEvents for service runtime.v1.RuntimeService");
  FakeEventStream stream(&runtime->hub());
  for (;;) {
    auto event = co_await stream.next();
    if (!event) co_return fail(event.error());
    std::string message = toCri(*event).SerializeAsString();
    Result<void> sent = co_await sink->send(std::move(message));
    if (!sent) co_return fail(sent.error());
  }
}

Task<Result<void>> FakeServer::subscribe(std::string bytes, std::shared_ptr<rpc::TestSink> sink) {
  if (runtime_.eventStyle() != FakeRuntime::EventStyle::kContainerd)
    co_return fail(Code::kUnimplemented, "", "unknown service containerd.services.events.v1.Events");
  events_service::SubscribeRequest request;
  request.ParseFromString(bytes);
  filters_.assign(request.filters().begin(), request.filters().end());
  Subscription subscription(*this, runtime_.hub());
  for (;;) {
    while (subscription.queue.empty() && subscription.hub != nullptr) {
      co_await subscription.park.wait();
      co_await throwIfCancelled();
    }
    if (subscription.queue.empty()) co_return fail(Code::kUnavailable, "", "the runtime has gone");
    std::string message = subscription.queue.front().SerializeAsString();
    subscription.queue.pop_front();
    Result<void> sent = co_await sink->send(std::move(message));
    if (!sent) co_return fail(sent.error());
  }
}

void FakeServer::publish(const std::string& topic) {
  ++marksSeen_;
  if (marksToLose_ > 0) {
    --marksToLose_;
    return;
  }
  Envelope envelope;
  auto ns = server_.lastHeaders().find("containerd-namespace");
  if (ns != server_.lastHeaders().end()) envelope.set_namespace_(ns->second);
  envelope.set_topic(topic);
  envelope.mutable_event()->set_type_url("google.protobuf.Empty");
  for (Subscription* subscription : subscriptions_) subscription->push(envelope);
}

}  // namespace cubelet::cri
