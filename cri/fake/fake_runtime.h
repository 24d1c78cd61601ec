// FakeRuntime: a container runtime with real state and invented programs. For tests.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fake_calls.h"
#include "base/park.h"
#include "base/wake.h"
#include "cri/client/runtime_service.h"
#include "cri/fake/fake_events.h"

namespace cubelet::cri {

// How the program in a container behaves.
struct FakeProgram {
  bool ignoresTerm = false;            // then only SIGKILL ends it, with 137
  int termCode = 143;                  // exit code after the stop signal
  Duration termTakes{0};               // from the stop signal to the exit
  std::optional<Duration> exitsAfter;  // by itself, that long after its start
  int exitCode = 0;                    // then
  std::string startError;              // StartContainer fails with this text; the container is exited, 128, StartError
};

// How a command in a container goes. With a longer `takes` than the caller's timeout it is kTimedOut; when the
// container ends first, it ends with 137.
struct FakeExec {
  int exitCode = 0;
  std::string output = {};
  std::string errorOutput = {};
  Duration takes{0};
  std::optional<Error> error = {};
};

struct FakeContainer {
  std::string id;
  std::string sandboxId;
  v1::ContainerConfig config;
  v1::ContainerState state = v1::CONTAINER_CREATED;
  WallTime createdAt;
  WallTime startedAt;
  WallTime finishedAt;
  int exitCode = 0;
  std::string reason;
  std::string message;
  std::string imageId;
  v1::LinuxContainerResources resources;
  std::optional<Duration> stopGrace;  // of the last StopContainer
  int logReopens = 0;
  std::uint64_t memoryBytes = 1 << 20;
  std::uint64_t writableBytes = 0;  // of its own layer
  std::uint64_t cpuNanos = 0;

  std::string name() const { return config.metadata().name(); }
  std::uint32_t attempt() const { return config.metadata().attempt(); }

  // Until then reads still say "running" (see staleAfterExit).
  TimePoint exitVisibleAt;
  Timer ending;               // the exit that is on its way
  std::list<Wake*> watchers;  // of stop calls under way
};

struct FakeSandbox {
  std::string id;
  v1::PodSandboxConfig config;
  std::string runtimeHandler;
  bool ready = true;
  WallTime createdAt;
  std::vector<std::string> ips;

  std::string name() const { return config.metadata().name(); }
};

struct FakeImage {
  std::string id;      // "sha256:..."
  std::string tag;     // "docker.io/library/web:1"
  std::string digest;  // "docker.io/library/web@sha256:..."
  std::uint64_t size = 1000;
  std::optional<std::int64_t> uid;
  std::string username;
  bool pinned = false;
};

// Implements both services directly on the loop: with a ManualClock everything is deterministic. Behaves as containerd
// does where that is known to matter: names are reserved, a stop waits until the exit is visible, a removed object is
// "done" for stop and remove, a sandbox's stop kills its containers. Errors have the code that the gRPC client would
// answer. Objects are named by id or by their metadata's name, which means the newest of that name. Loop thread only.
class FakeRuntime final : public RuntimeService, public ImageService {
 public:
  explicit FakeRuntime(Clock& clock)
      : calls_(clock, {"Version", "Status", "RuntimeConfig", "PodSandboxStatus", "ListPodSandbox", "ContainerStatus",
                       "ListContainers", "ListContainerStats", "ListPodSandboxStats", "GetContainerEvents",
                       "ListImages", "ImageStatus", "ImageFsInfo"}),
        clock_(clock) {}

  // ---- What goes wrong next, and what was called: see FakeCalls ----
  void failNext(const std::string& method, Error error) { calls_.failNext(method, std::move(error)); }
  void failNextAfterEffect(const std::string& method, Error error) {
    calls_.failNextAfterEffect(method, std::move(error));
  }
  void hangNext(const std::string& method, Duration deadline = std::chrono::minutes(2)) {
    calls_.hangNext(method, deadline);
  }
  void delayNext(const std::string& method, Duration by) { calls_.delayNext(method, by); }
  FakeCalls& faults() { return calls_; }
  const std::vector<std::string>& calls() const { return calls_.all(); }
  std::vector<std::string> actions() const { return calls_.actions(); }
  void clearCalls() { calls_.clearLog(); }

  // ---- Streams ----
  std::string streamingServer = "http://127.0.0.1:1";  // which nobody listens on
  v1::ExecRequest lastExec;
  v1::AttachRequest lastAttach;

  // ---- Programs ----
  // For containers of that name, from their next start on.
  FakeProgram& program(const std::string& containerName) { return programs_[containerName]; }
  // The program ends by itself. False when no such container runs.
  bool exitContainer(const std::string& nameOrId, int code, std::string reason = {});
  // The kernel kills it: an OOM event, exit code 137, reason OOMKilled.
  bool oomContainer(const std::string& nameOrId);
  // The pause process dies: the sandbox is not ready; its containers run on unless `containersToo`.
  bool killSandbox(const std::string& nameOrId, bool containersToo = false);
  std::function<FakeExec(const FakeContainer&, const std::vector<std::string>& command)> onExec;
  // An exited container that it names cannot be removed: something of it runs that the runtime has lost sight of.
  std::function<bool(const FakeContainer&)> isLost;
  // Writes to log files are the test's own business, and so is the new file.
  std::function<void(const FakeContainer&)> onReopenLog;

  // ---- The runtime ----
  // Nobody listens: every call is kUnavailable and streams break. Containers run on.
  void setDown(bool down);
  void setNetworkReady(bool ready, std::string message = "cni plugin not initialized");
  void setCgroupDriver(v1::CgroupDriver driver) { cgroupDriver_ = driver; }  // without: RuntimeConfig is unimplemented
  // Handlers that are configured, by name; "" is the default one. A sandbox with another one cannot be made.
  std::map<std::string, v1::RuntimeHandlerFeatures> handlers;
  bool tellsUsers = false;  // containers' statuses have the user and groups of their security context
  std::string imageFsMount = "/var/lib/fake";
  void setSandboxImage(std::string name) { sandboxImage_ = std::move(name); }
  void setAssignAddresses(bool assign) { assignAddresses_ = assign; }
  // The state that reads tell stays "running" for that long after an exit, as in containerd (up to 160 ms).
  void staleAfterExit(Duration by) { stale_ = by; }
  const std::string& podCidr() const { return podCidr_; }

  // ---- Events ----
  enum class EventStyle {
    kContainerd,  // id, exit code and time
    kCri,         // also the statuses of that moment
    kNone,        // openEvents is unimplemented
  };
  void setEventStyle(EventStyle style) { eventStyle_ = style; }
  EventStyle eventStyle() const { return eventStyle_; }
  void dropEvents(bool drop) { dropEvents_ = drop; }
  void breakEvents() { hub_.breakAll(Error(Code::kUnavailable, "", "the event stream broke")); }
  void emit(const RuntimeEvent& event) { hub_.emit(event); }
  int subscribers() const { return hub_.subscribers(); }
  FakeEventHub& hub() { return hub_; }

  // ---- State ----
  // Newest first. Null when there is none.
  FakeContainer* container(const std::string& nameOrId);
  FakeSandbox* sandbox(const std::string& nameOrId);
  std::vector<const FakeContainer*> containers() const;
  std::vector<const FakeSandbox*> sandboxes() const;
  // "web#1" (name and attempt) of what runs, sorted.
  std::vector<std::string> running() const;

  // ---- Images ----
  FakeImage& addImage(const std::string& name);
  void makeUnpullable(const std::string& name, Error error);  // all others can be pulled
  bool hasImage(const std::string& name) { return findImage(name) != nullptr; }
  const v1::AuthConfig& lastAuth() const { return lastAuth_; }

  // ---- RuntimeService ----
  Task<Result<void>> waitReady() override;
  Task<Result<v1::VersionResponse>> version() override;
  Task<Result<v1::StatusResponse>> status() override;
  Task<Result<std::string>> sandboxImage() override;
  Task<Result<v1::RuntimeConfigResponse>> runtimeConfig() override;
  Task<Result<void>> updateRuntimeConfig(std::string podCidr) override;
  Task<Result<std::string>> runPodSandbox(v1::PodSandboxConfig config, std::string runtimeHandler) override;
  Task<Result<void>> stopPodSandbox(std::string id) override;
  Task<Result<void>> removePodSandbox(std::string id) override;
  Task<Result<v1::PodSandboxStatusResponse>> podSandboxStatus(std::string id) override;
  Task<Result<std::vector<v1::PodSandbox>>> listPodSandbox(v1::PodSandboxFilter filter) override;
  Task<Result<void>> updatePodSandboxResources(std::string id, v1::LinuxContainerResources resources,
                                               v1::LinuxContainerResources overhead) override;
  Task<Result<std::string>> createContainer(std::string sandboxId, v1::ContainerConfig config,
                                            v1::PodSandboxConfig sandboxConfig) override;
  Task<Result<void>> startContainer(std::string id) override;
  Task<Result<void>> stopContainer(std::string id, Duration grace) override;
  Task<Result<void>> removeContainer(std::string id) override;
  Task<Result<v1::ContainerStatusResponse>> containerStatus(std::string id) override;
  Task<Result<std::vector<v1::Container>>> listContainers(v1::ContainerFilter filter) override;
  Task<Result<void>> updateContainerResources(std::string id, v1::LinuxContainerResources resources) override;
  Task<Result<void>> reopenContainerLog(std::string id) override;
  Task<Result<v1::ExecSyncResponse>> execSync(std::string id, std::vector<std::string> command,
                                              Duration timeout) override;
  Task<Result<std::string>> exec(v1::ExecRequest request) override;
  Task<Result<std::string>> attach(v1::AttachRequest request) override;
  Task<Result<std::string>> portForward(v1::PortForwardRequest request) override;
  Task<Result<v1::ListContainerStatsResponse>> listContainerStats(v1::ContainerStatsFilter filter) override;
  Task<Result<v1::ListPodSandboxStatsResponse>> listPodSandboxStats(v1::PodSandboxStatsFilter filter) override;
  Task<Result<std::unique_ptr<EventStream>>> openEvents() override;

  // ---- ImageService ----
  Task<Result<std::vector<v1::Image>>> listImages() override;
  Task<Result<std::optional<v1::Image>>> imageStatus(std::string image) override;
  Task<Result<std::string>> pullImage(std::string image, v1::AuthConfig auth, v1::PodSandboxConfig sandbox) override;
  Task<Result<void>> removeImage(std::string image) override;
  Task<Result<v1::ImageFsInfoResponse>> imageFsInfo() override;

 private:
  using ContainerPtr = std::shared_ptr<FakeContainer>;
  using SandboxPtr = std::shared_ptr<FakeSandbox>;

  // FakeCalls::begin, and kUnavailable while the runtime is down.
  Task<Result<std::optional<Error>>> begin(std::string method, std::string object);
  Task<Result<void>> stopRunning(ContainerPtr container, Duration grace);

  ContainerPtr findContainer(const std::string& nameOrId) const;
  SandboxPtr findSandbox(const std::string& nameOrId) const;
  FakeImage* findImage(const std::string& name);
  std::string nameOf(const std::string& id) const;
  v1::ContainerState shownState(const FakeContainer& container) const;
  v1::ContainerStatus statusOf(const FakeContainer& container);
  v1::PodSandboxStatus statusOf(const FakeSandbox& sandbox) const;
  v1::ContainerStats statsOf(const FakeContainer& container) const;
  static v1::Image toCri(const FakeImage& image);

  void end(FakeContainer& container, int code, std::string reason);
  void endWithoutEvent(FakeContainer& container, int code, std::string reason);
  void killContainersOf(const std::string& sandboxId);
  void tell(RuntimeEvent::Kind kind, const std::string& id, std::optional<int> exitCode = std::nullopt);
  std::string streamingUrl(const std::string& kind);

  FakeCalls calls_;
  Clock& clock_;
  FakeEventHub hub_;
  std::vector<SandboxPtr> sandboxes_;  // oldest first
  std::vector<ContainerPtr> containers_;
  std::list<FakeImage> images_;  // a list: references stay good
  std::map<std::string, FakeProgram> programs_;
  std::map<std::string, Error> unpullable_;
  v1::AuthConfig lastAuth_;
  std::list<Park*> waitingReady_;
  std::optional<v1::CgroupDriver> cgroupDriver_;
  std::string podCidr_;
  std::string sandboxImage_;
  std::string networkMessage_;
  EventStyle eventStyle_ = EventStyle::kContainerd;
  Duration stale_{0};
  int made_ = 0;
  int addresses_ = 0;
  bool down_ = false;
  bool networkReady_ = true;
  bool assignAddresses_ = true;
  bool dropEvents_ = false;
};

}  // namespace cubelet::cri
