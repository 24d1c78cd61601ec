#include "integration/bench/floor.h"

#include <stdexcept>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/rpc/channel.h"
#include "base/task_group.h"
#include "cri/client/grpc_runtime.h"
#include "integration/harness/containerd.h"

namespace cubelet::integration {
namespace {

namespace v1 = ::runtime::v1;

template <class T>
T must(Result<T> answer) {
  if (!answer) throw std::runtime_error(answer.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*answer);
}

rpc::ChannelPtr connect(rpc::Pump& pump, const std::string& path) {
  return must(rpc::Channel::create(pump, path));
}

struct Pod {
  v1::PodSandboxConfig sandbox;
  v1::ContainerConfig container;
  std::string sandboxId;
  std::string containerId;
};

Task<void> startContainer(cri::GrpcRuntime* runtime, Pod* pod) {
  Result<std::string> created = co_await runtime->createContainer(pod->sandboxId, pod->container, pod->sandbox);
  pod->containerId = must(std::move(created));
  Result<void> started = co_await runtime->startContainer(pod->containerId);
  must(std::move(started));
}

Task<void> startPod(cri::GrpcRuntime* runtime, Pod* pod) {
  Result<std::string> sandbox = co_await runtime->runPodSandbox(pod->sandbox, "");
  pod->sandboxId = must(std::move(sandbox));
  co_await startContainer(runtime, pod);
}

Task<void> startAndRestartPod(cri::GrpcRuntime* runtime, Pod* pod) {
  Result<std::unique_ptr<cri::EventStream>> opened = co_await runtime->openEvents();
  std::unique_ptr<cri::EventStream> events = must(std::move(opened));
  co_await startPod(runtime, pod);
  for (;;) {
    Result<cri::RuntimeEvent> next = co_await events->next();
    cri::RuntimeEvent event = must(std::move(next));
    if (event.kind == cri::RuntimeEvent::Kind::kExited && event.id == pod->containerId) break;
  }
  pod->container.mutable_metadata()->set_attempt(1);
  co_await startContainer(runtime, pod);
}

Task<void> removePod(cri::GrpcRuntime* runtime, std::string id) {
  Result<void> stopped = co_await runtime->stopPodSandbox(id);
  must(std::move(stopped));
  Result<void> removed = co_await runtime->removePodSandbox(id);
  must(std::move(removed));
}

Task<void> startAndReplacePod(cri::GrpcRuntime* runtime, Pod* pod) {
  co_await startPod(runtime, pod);
  Result<void> stopped = co_await runtime->stopContainer(pod->containerId, std::chrono::seconds(30));
  must(std::move(stopped));
  co_await removePod(runtime, pod->sandboxId);
  pod->sandbox.mutable_metadata()->set_uid(pod->sandbox.metadata().uid() + "-2");
  co_await startPod(runtime, pod);
}

}  // namespace

struct Floor::Client {
  Client(const std::string& path, std::filesystem::path r, std::filesystem::path l)
      : pump(loop),
        runtime(connect(pump, path), {.runtimeRequestTimeout = std::chrono::minutes(2)}),
        records(std::move(r)),
        logs(std::move(l)) {}

  Pod makePod(const std::string& name, const std::vector<std::string>& command) const {
    Pod pod;
    pod.sandbox.mutable_metadata()->set_name(name);
    pod.sandbox.mutable_metadata()->set_uid(name);
    pod.sandbox.mutable_metadata()->set_namespace_("default");
    pod.sandbox.set_hostname(name);
    pod.sandbox.set_log_directory((logs / name).string());
    pod.sandbox.mutable_linux();
    pod.container.mutable_metadata()->set_name("c");
    pod.container.mutable_image()->set_image(kImage);
    for (const std::string& word : command) pod.container.add_command(word);
    pod.container.set_log_path("c.log");
    v1::Mount* mount = pod.container.add_mounts();
    mount->set_host_path(records.string());
    mount->set_container_path("/out");
    pod.container.mutable_linux();
    return pod;
  }

  Loop loop;
  rpc::Pump pump;
  cri::GrpcRuntime runtime;
  std::filesystem::path records;
  std::filesystem::path logs;
};

Floor::Floor(const std::string& socketPath, std::filesystem::path records, std::filesystem::path logs)
    : client_(std::make_unique<Client>(socketPath, std::move(records), std::move(logs))) {}
Floor::~Floor() = default;

void Floor::startPods(const std::string& name, int count) {
  std::vector<Pod> pods;
  for (int i = 0; i < count; ++i) {
    std::string podName = name + std::to_string(i);
    pods.push_back(client_->makePod(podName, {"mark", "/out/" + podName}));
    std::filesystem::create_directories(client_->logs / podName);
  }
  std::vector<Task<void>> starts;
  starts.reserve(pods.size());
  for (Pod& pod : pods) starts.push_back(startPod(&client_->runtime, &pod));
  client_->loop.runToEnd(runAll(client_->loop, "floor", std::move(starts)));
}

void Floor::startAndRestart(const std::string& name) {
  std::filesystem::create_directories(client_->logs / name);
  Pod pod = client_->makePod(name, {"mark", "/out/" + name, "sh", "-c", endOnceScript(name)});
  client_->loop.runToEnd(startAndRestartPod(&client_->runtime, &pod));
}

void Floor::startAndReplace(const std::string& name) {
  std::filesystem::create_directories(client_->logs / name);
  Pod pod = client_->makePod(name, {"mark", "/out/" + name});
  client_->loop.runToEnd(startAndReplacePod(&client_->runtime, &pod));
}

void Floor::removeEverything() {
  std::vector<v1::PodSandbox> all = must(client_->loop.runToEnd(client_->runtime.listPodSandbox({})));
  std::vector<Task<void>> removals;
  removals.reserve(all.size());
  for (const v1::PodSandbox& each : all) removals.push_back(removePod(&client_->runtime, each.id()));
  client_->loop.runToEnd(runAll(client_->loop, "clean up", std::move(removals)));
}

std::string endOnceScript(const std::string& name) {
  return "[ $(grep -c start /out/" + name + ") -ge 2 ] && exec sleep 1000; usleep 500000; exec mark /out/" + name +
         ".exit true";
}

}  // namespace cubelet::integration
