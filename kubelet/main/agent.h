// Agent: every object of the running agent, wired together. The only place that names concrete classes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/http/client.h"
#include "base/loop.h"
#include "base/notify_socket.h"
#include "base/rpc/channel.h"
#include "base/task_group.h"
#include "cri/client/grpc_images.h"
#include "cri/client/grpc_runtime.h"
#include "kubelet/cgroups/host_tree.h"
#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/cgroups/sd_bus.h"
#include "kubelet/config/load.h"
#include "kubelet/devices/devices.h"
#include "kubelet/events/recorder.h"
#include "kubelet/hooks/hook_runner.h"
#include "kubelet/images/image_collector.h"
#include "kubelet/images/images.h"
#include "kubelet/images/node_credentials.h"
#include "kubelet/logs/log_rotator.h"
#include "kubelet/main/agent_metrics.h"
#include "kubelet/main/api_accounts.h"
#include "kubelet/main/cluster.h"
#include "kubelet/main/device_registry.h"
#include "kubelet/main/evictor.h"
#include "kubelet/main/late_announcer.h"
#include "kubelet/main/node_api.h"
#include "kubelet/main/node_shutdown.h"
#include "kubelet/main/node_stats.h"
#include "kubelet/main/static_sources.h"
#include "kubelet/main/storage.h"
#include "kubelet/observe/observer.h"
#include "kubelet/podresources/server.h"
#include "kubelet/probes/runner.h"
#include "kubelet/server/agent_view.h"
#include "kubelet/server/local_socket.h"
#include "kubelet/sync/sync_loop.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet {

class Agent final : public server::AgentView {
 public:
  // `channel` leads to the CRI socket, `imageChannel` may be the same. `cgroups` are those of `effective`, `pump` is
  // for further connections.
  Agent(Loop& loop, Clock& clock, config::Effective effective, cgroups::PodCgroupsOptions cgroups, rpc::Pump& pump,
        rpc::ChannelPtr channel, rpc::ChannelPtr imageChannel);
  ~Agent() override;

  // Opens the local socket and starts everything. After an error the process should end.
  Result<void> start();
  // Ends all work; pods run on.
  Task<void> close();

  std::vector<server::core::Pod> pods() const override;
  server::PodNews& podNews() override { return podNews_; }
  Result<server::Explanation> explain(std::string_view ns, std::string_view name) const override;
  server::AgentStatus status() const override;
  std::vector<server::VolumeView> volumes() const override;
  Task<Result<server::VolumeCheck>> checkVolumes(bool repair) override;
  Result<void> healthy() const override;
  events::EventRecorder& events() override { return events_; }
  Task<Result<server::StreamPlace>> streamPlace(server::StreamRequest request) override;
  Task<Result<std::string>> usage() override;

 private:
  Result<void> readCredentials();
  void checkResolvConf();
  void startSources();
  void makeCluster();
  void tellStaticPods();
  void nodeChanged(const k8s::core::v1::Node* stored);
  void devicesChanged();
  void showDevices();
  void pressureChanged(const eviction::Pressure& pressure);
  void shutdownChanged(bool shuttingDown);
  void podChanged(const std::string& uid);
  void runtimeSynced();
  void runtimeLost(const Error& error);
  Task<void> askVersion();
  Task<Result<std::optional<cgroups::DriverKind>>> askDriver();
  Task<void> makeCgroups();
  void limitsEnforced(const Result<std::string>& outcome);
  void changed();
  void tellStatus();
  void shareRoot();
  void addRoutes();

  Loop& loop_;
  Clock& clock_;
  const config::Effective effective_;
  const WallTime startedAt_;
  AgentMetrics metrics_;
  NotifySocket notify_;
  BlockingPool blocking_;
  BlockingPool volumeThreads_;  // many: one that hangs must not be missed by the others
  cri::GrpcRuntime runtime_;
  cri::GrpcImages imageService_;
  images::Images images_;
  events::EventRecorder events_;
  LateAnnouncer announcer_;
  DeviceRegistry deviceRegistry_;
  Storage storage_;
  volumes::PodVolumes volumes_;
  devices::Devices devices_;
  http::Client http_;  // of probes and hooks
  probes::Runner probes_;
  hooks::HookRunner hooks_;
  cgroups::HostTree cgroupTree_;
  cgroups::SdBus systemd_;
  cgroups::PodCgroups cgroups_;
  observe::Observer observer_;
  admission::NodeView admissionNode_;
  sync::Context context_;
  sync::TerminationRecords terminations_;
  server::PodNews podNews_;
  sync::SyncLoop sync_;
  StaticSources staticSources_;
  podresources::Server podResources_;
  logs::LogRotator logRotator_;
  images::ImageCollector imageCollector_;
  Evictor evictor_;
  NodeShutdown shutdown_;
  ApiAccounts accounts_{{.client = [this] { return cluster_ ? cluster_->client() : nullptr; },
                         .objects = [this] { return context_.objects; }}};
  std::unique_ptr<images::NodeCredentials> nodeCredentials_;
  std::unique_ptr<images::PullRecords> pullRecords_;
  std::unique_ptr<Cluster> cluster_;  // null: standalone
  std::unique_ptr<NodeStats> stats_;
  std::unique_ptr<NodeApi> nodeApi_;
  server::RuntimeView runtimeView_;
  std::unique_ptr<server::LocalSocket> socket_;
  std::optional<Watchdog> watchdog_;
  Timer statusTimer_;
  Timer trimTimer_;
  TaskGroup tasks_;
};

}  // namespace cubelet
