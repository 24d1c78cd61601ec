#include "integration/harness/cri.h"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/loop.h"
#include "base/rpc/channel.h"
#include "base/task_group.h"
#include "cri/client/grpc_runtime.h"

namespace cubelet::integration {
namespace {

template <class T>
T must(Result<T> answer) {
  if (!answer) throw std::runtime_error(answer.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*answer);
}

rpc::ChannelPtr connect(rpc::Pump& pump, const std::string& path) {
  return must(rpc::Channel::create(pump, path));
}

template <class T>
std::vector<T> ofPod(std::vector<T> objects, const std::string& podName) {
  std::erase_if(objects, [&](const T& object) {
    auto label = object.labels().find("io.kubernetes.pod.name");
    return label == object.labels().end() || label->second != podName;
  });
  std::sort(objects.begin(), objects.end(), [](const T& a, const T& b) { return a.created_at() > b.created_at(); });
  return objects;
}

// `problem`: what failed last.
Task<void> removeSandbox(cri::GrpcRuntime* runtime, std::string id, std::string* problem) {
  Result<void> gone = co_await runtime->stopPodSandbox(id);
  if (gone) gone = co_await runtime->removePodSandbox(id);
  if (!gone) *problem = gone.error().message;
}

}  // namespace

struct Cri::Connection {
  explicit Connection(const std::string& path)
      : pump(loop), runtime(connect(pump, path), {.runtimeRequestTimeout = std::chrono::seconds(60)}) {}

  Loop loop;
  rpc::Pump pump;
  cri::GrpcRuntime runtime;
};

Cri::Cri(const std::string& socketPath) : connection_(std::make_unique<Connection>(socketPath)) {}
Cri::~Cri() = default;

std::vector<runtime::v1::PodSandbox> Cri::sandboxes() {
  return must(connection_->loop.runToEnd(connection_->runtime.listPodSandbox({})));
}

std::vector<runtime::v1::Container> Cri::containers() {
  return must(connection_->loop.runToEnd(connection_->runtime.listContainers({})));
}

std::vector<runtime::v1::PodSandbox> Cri::sandboxesOf(const std::string& podName) {
  return ofPod(sandboxes(), podName);
}

std::vector<runtime::v1::Container> Cri::containersOf(const std::string& podName) {
  return ofPod(containers(), podName);
}

runtime::v1::ContainerStatus Cri::containerStatus(const std::string& id) {
  return must(connection_->loop.runToEnd(connection_->runtime.containerStatus(id))).status();
}

runtime::v1::PodSandboxStatus Cri::sandboxStatus(const std::string& id) {
  return must(connection_->loop.runToEnd(connection_->runtime.podSandboxStatus(id))).status();
}

std::string Cri::execUrl(const std::string& id, const std::vector<std::string>& command) {
  runtime::v1::ExecRequest request;
  request.set_container_id(id);
  for (const std::string& word : command) request.add_cmd(word);
  request.set_stdout(true);
  return must(connection_->loop.runToEnd(connection_->runtime.exec(request)));
}

void Cri::stopContainer(const std::string& id) {
  must(connection_->loop.runToEnd(connection_->runtime.stopContainer(id, std::chrono::seconds(1))));
}

void Cri::removeContainer(const std::string& id) {
  must(connection_->loop.runToEnd(connection_->runtime.removeContainer(id)));
}

void Cri::stopSandbox(const std::string& id) {
  must(connection_->loop.runToEnd(connection_->runtime.stopPodSandbox(id)));
}

bool Cri::answers() {
  return connection_->loop.runToEnd(connection_->runtime.version()).has_value();
}

void Cri::removeEverything() {
  must(connection_->loop.runToEnd(connection_->runtime.waitReady()));
  // The agent may have been killed in the middle of a start, which the runtime ends first.
  constexpr int kTries = 50;
  std::string problem;
  for (int tries = 0; tries < kTries; ++tries) {
    if (!std::exchange(problem, "").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    std::vector<Task<void>> removals;
    for (const auto& sandbox : sandboxes())
      removals.push_back(removeSandbox(&connection_->runtime, sandbox.id(), &problem));
    connection_->loop.runToEnd(runAll(connection_->loop, "clean up", std::move(removals)));
    if (problem.empty()) return;
  }
  throw std::runtime_error(problem);
}

}  // namespace cubelet::integration
