#include "kubelet/main/agent.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/files.h"
#include "base/log.h"
#include "kubelet/admission/node_selection.h"
#include "kubelet/config/effective_flags.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/images/image_volumes.h"
#include "kubelet/main/agent_options.h"
#include "kubelet/main/cgroup_settings.h"
#include "kubelet/main/host.h"
#include "kubelet/main/memory.h"
#include "kubelet/main/project_quotas.h"
#include "kubelet/main/version.h"
#include "kubelet/node/admission_view.h"
#include "kubelet/node/host_access.h"
#include "kubelet/nodeapi/metrics_routes.h"
#include "kubelet/nodeapi/stats_routes.h"
#include "kubelet/nodeapi/z_pages.h"
#include "kubelet/podconfig/environment.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/run_program.h"

namespace cubelet {
namespace {

constexpr std::size_t kBlockingThreads = 16;
constexpr std::size_t kVolumeThreads = 64;
// Memory that a burst of work has left free goes back to the system once things have been quiet for this long.
constexpr Duration kTrimAfterQuiet = std::chrono::seconds(10);
// Changes within this time make one STATUS= line.
constexpr Duration kStatusDelay = std::chrono::milliseconds(200);

std::vector<logs::RunningLog> runningLogs(const layout::Directories& dirs, const observe::ObservedPod* pod) {
  std::vector<logs::RunningLog> running;
  if (pod == nullptr) return running;
  for (const observe::ObservedContainer& container : pod->containers) {
    if (container.state != observe::ContainerState::kRunning) continue;
    std::string path = container.logPath;
    if (path.empty())
      path = joinPath(layout::podLogDirectory(dirs, pod->ns, pod->name, pod->uid),
                      layout::containerLogFile(container.name, container.attempt));
    running.push_back({.containerId = container.id, .path = std::move(path)});
  }
  return running;
}

std::function<double()> jitter() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

// "v1.36.0" -> "1.36"
std::string minorVersion(std::string_view version) {
  if (version.starts_with('v')) version.remove_prefix(1);
  return std::string(version.substr(0, version.rfind('.')));
}

observe::Observer::Options observerOptions() {
  observe::Observer::Options options;
  options.reconnectMax = std::chrono::seconds(1);
  return options;
}

// The context is only read when a volume is set up: it may be made later.
volumes::Sources volumeSources(const sync::Context& context, Loop& loop, Clock& clock, Storage& storage,
                               events::EventRecorder& events, const config::Effective& effective) {
  volumes::Sources out;
  out.events = &events;
  out.nodeName = effective.nodeName;
  out.selinux = selinuxHost(effective);
  out.csi = &storage.volumes();
  out.csiDrivers = &storage.drivers();
  out.runProgram = volumes::programRunner(loop, clock);
  out.nodeMatches = [&context](const sync::core::NodeSelector& selector) {
    sync::core::PodSpec asked;
    *asked.mutable_affinity()->mutable_nodeaffinity()->mutable_requiredduringschedulingignoredduringexecution() =
        selector;
    return admission::selectsNode(asked, *context.admissionNode);
  };
  out.nodeMemory = [&context] {
    const auto memory = context.admissionNode->allocatable.find("memory");
    return memory != context.admissionNode->allocatable.end() ? memory->second : 0;
  };
  out.projectQuotas = projectQuotas(effective);
  // None of the fields that volumes may name is an address of the pod.
  out.fieldValue = [&context](const sync::core::Pod& pod, std::string_view path) {
    return podconfig::fieldValue(pod, context.node, {}, path);
  };
  // The selector names its container, always.
  out.resourceValue = [&context](const sync::core::Pod& pod, const sync::core::ResourceFieldSelector& selector) {
    return podconfig::resourceValue(pod, sync::core::Container(), context.node, selector);
  };
  return out;
}

}  // namespace

Agent::Agent(Loop& loop, Clock& clock, config::Effective effective, cgroups::PodCgroupsOptions cgroups, rpc::Pump& pump,
             rpc::ChannelPtr channel, rpc::ChannelPtr imageChannel)
    : loop_(loop),
      clock_(clock),
      effective_(std::move(effective)),
      startedAt_(clock.wallNow()),
      metrics_(clock),
      notify_(NotifySocket::fromEnvironment()),
      blocking_(loop, clock, kBlockingThreads),
      volumeThreads_(loop, clock, kVolumeThreads),
      runtime_(std::move(channel), clientOptions(effective_.config, metrics_.kubelet())),
      imageService_(std::move(imageChannel), clientOptions(effective_.config, metrics_.kubelet())),
      images_(imageService_, clock, pullLimits(effective_.config)),
      events_(clock, effective_.nodeName),
      deviceRegistry_(devices_),
      storage_({.loop = loop, .clock = clock, .pool = volumeThreads_, .pump = pump},
               {.root = effective_.commandLine.rootDir,
                .nodeName = effective_.nodeName,
                .announcer = wantsCluster(effective_) ? &announcer_ : nullptr,
                .otherPlugins = &deviceRegistry_},
               {.driverCame = [this] { sync_.retryVolumes(); },
                .volumesChanged =
                    [this] {
                      if (cluster_) cluster_->volumesChanged();
                    },
                .pods = [this] { return sync_.uids(); }}),
      volumes_(volumeThreads_, clock, readNodeFacts(effective_).dirs,
               volumeSources(context_, loop, clock, storage_, events_, effective_)),
      devices_({.loop = loop, .clock = clock, .pool = blocking_, .pump = pump},
               layout::devicePluginsDirectory(readNodeFacts(effective_).dirs), [this] { devicesChanged(); }),
      http_(loop, clock, blocking_),
      probes_({.loop = loop,
               .clock = clock,
               .pool = blocking_,
               .pump = pump,
               .runtime = runtime_,
               .http = http_,
               .kubernetesVersion = minorVersion(kKubernetesVersion)}),
      hooks_(
          {.clock = clock, .runtime = runtime_, .http = http_, .kubernetesVersion = minorVersion(kKubernetesVersion)}),
      cgroups_(loop, clock, blocking_, cgroupTree_, systemd_, configuredDriver(effective_), std::move(cgroups),
               {.askDriver = [this] { return askDriver(); },
                .enforced = [this](const Result<std::string>& outcome) { limitsEnforced(outcome); }}),
      observer_(loop, clock, runtime_, observerOptions(),
                {.podChanged = [this](const std::string& uid) { podChanged(uid); },
                 .synced = [this] { runtimeSynced(); },
                 .lost = [this](const Error& error) { runtimeLost(error); },
                 .listed = [this](TimePoint began, Duration took) { metrics_.kubelet().runtimeListed(began, took); }}),
      context_{.loop = loop,
               .clock = clock,
               .runtime = runtime_,
               .images = images_,
               .observer = observer_,
               .events = events_,
               .volumes = volumes_,
               .probes = probes_,
               .hooks = hooks_,
               .cgroups = cgroups_,
               .node = readNodeFacts(effective_),
               .planOptions = planOptions(effective_.config, effective_.commandLine),
               .random = jitter(),
               .maximumDeadContainers = maximumDeadContainers(effective_.commandLine),
               .admissionNode = &admissionNode_,
               .milestones = metrics_.milestones(),
               .devices = &devices_,
               .tellsDeviceHealth = config::FeatureGates::lenient(effective_.config).enabled("ResourceHealthStatus")},
      terminations_(joinPath(layout::ownStateDirectory(context_.node.dirs), "terminations")),
      sync_(context_, terminations_,
            {.changed = [this] { changed(); },
             .setChanged =
                 [this] {
                   tellStaticPods();
                   imageCollector_.podsChanged();
                 },
             .podsKnown =
                 [this] {
                   storage_.podsKnown();
                   if (const auto uids = sync_.uids()) devices_.keepOnly(*uids);
                 },
             .statusChanged =
                 [this](const sync::PodWorker& worker) {
                   metrics_.statusChanged(worker);
                   if (cluster_) cluster_->statusChanged(worker);
                 }}),
      staticSources_({.loop = loop, .clock = clock, .blocking = blocking_, .sync = sync_}, effective_,
                     joinPath(layout::ownStateDirectory(context_.node.dirs), "manifests")),
      podResources_(loop, clock, pump, layout::podResourcesSocketDirectory(context_.node.dirs), devices_,
                    [this] { return sync_.activePods(); }),
      logRotator_(loop, clock, blocking_, runtime_, rotationLimits(effective_.config)),
      imageCollector_(clock, blocking_, runtime_, imageService_, imageGcPolicy(effective_.config),
                      {.wanted = [this] { return observer_.synced() ? sync_.imageNames() : std::nullopt; },
                       .warn =
                           [this](std::string_view reason, std::string message) {
                             events_.warning(events::nodeRef(effective_.nodeName, effective_.nodeName), reason,
                                             std::move(message));
                           },
                       .removed =
                           [this](const std::string& imageId) {
                             if (pullRecords_) pullRecords_->removed(imageId);
                           }}),
      evictor_({.loop = loop,
                .clock = clock,
                .blocking = blocking_,
                .runtime = runtime_,
                .images = imageService_,
                .cgroups = cgroups_,
                .events = events_,
                .sync = sync_,
                .imageCollector = imageCollector_,
                .metrics = metrics_.kubelet()},
               effective_, context_.node.dirs,
               [this](const eviction::Pressure& pressure) { pressureChanged(pressure); }),
      shutdown_({.loop = loop, .clock = clock, .events = events_, .sync = sync_}, effective_,
                {.changed = [this](bool shuttingDown) { shutdownChanged(shuttingDown); },
                 .statusIsAwaited =
                     [this](const std::string& uid) { return cluster_ && cluster_->isAboutToTellStatusOf(uid); }}),
      tasks_(loop) {
  images_.onPulled([this] { imageCollector_.look(); });
  runtimeView_.endpoint = effective_.config.containerruntimeendpoint();
  nodeChanged(nullptr);
  nodeApi_ = std::make_unique<NodeApi>(NodeApi::Services{
      .loop = loop_,
      .clock = clock_,
      .runtime = runtime_,
      .checkpointer = runtime_,
      .sync = sync_,
      .observer = observer_,
      .effective = effective_,
      .client = [this] { return cluster_ ? cluster_->client() : nullptr; },
      .mirrorUid = [this](const std::string& ns,
                          const std::string& name) { return cluster_ ? cluster_->mirrorUid(ns, name) : std::string(); },
      .random = context_.random});
  stats_ = std::make_unique<NodeStats>(NodeStats::Services{.loop = loop_,
                                                           .clock = clock_,
                                                           .pool = blocking_,
                                                           .runtime = runtime_,
                                                           .images = imageService_,
                                                           .sync = sync_,
                                                           .observer = observer_,
                                                           .cgroups = cgroups_,
                                                           .effective = effective_,
                                                           .volumes = volumes_,
                                                           .csiVolumes = storage_.volumes(),
                                                           .events = events_,
                                                           .dirs = context_.node.dirs});
  addRoutes();
  if (wantsCluster(effective_)) makeCluster();
}

Agent::~Agent() = default;

void Agent::addRoutes() {
  nodeapi::addStatsRoutes(nodeApi_->router(), stats_->collector());
  const auto gates = config::FeatureGates::lenient(effective_.config);
  nodeapi::addZPages(nodeApi_->router(), clock_,
                     {.statusz = gates.enabled("ComponentStatusz"),
                      .flagz = gates.enabled("ComponentFlagz"),
                      .startedAt = startedAt_,
                      .version = std::string(kKubernetesVersion).substr(1),
                      .flags = [this] { return config::effectiveFlags(effective_); }});
  nodeapi::addMetricsRoutes(nodeApi_->router(), metrics_.kubelet(), stats_->collector(), *nodeApi_);
  metrics_.addSources(
      {.nodeName = effective_.nodeName,
       .kubernetesVersion = kKubernetesVersion,
       .cgroupV2 = context_.node.cgroupV2,
       .runtimeSynced = [this] { return observer_.synced(); },
       .clientCertificateExpires = [this] { return cluster_ ? cluster_->view().certificateExpires : std::nullopt; },
       .servingCertificateExpires = [this] { return nodeApi_->certificateExpires(); },
       .clientRenewErrors = [this] { return cluster_ ? cluster_->renewErrors() : 0; },
       .servingRenewErrors = [this] { return nodeApi_->certificateRenewErrors(); },
       .shutdownTimes = [this] { return shutdown_.times(); }});
}

Result<void> Agent::start() {
  if (Result<void> read = readCredentials(); !read)
    return fail(read.error().within("--image-credential-provider-config"));
  if (!effective_.commandLine.localSocket.empty()) {
    server::LocalSocketOptions options;
    options.path = effective_.commandLine.localSocket;
    socket_ = std::make_unique<server::LocalSocket>(loop_, clock_, *this, options);
    if (Result<void> opened = socket_->open(); !opened) {
      socket_.reset();
      return fail(opened.error().within("open the local socket"));
    }
  }
  checkResolvConf();
  shareRoot();
  if (!context_.node.cgroupV2)
    events_.warning(events::nodeRef(effective_.nodeName, effective_.nodeName), "CgroupV1",
                    "cgroup v1 will not be supported much longer: boot this machine with cgroup v2");
  if (Result<void> started = nodeApi_->start(); !started) return fail(started.error().within("serve"));
  if (Result<void> started = storage_.start(); !started) return fail(started.error().within("look for CSI volumes"));
  // Before the first pod: those that run are admitted with what they have.
  if (Result<void> started = devices_.start(); !started)
    log::warning("device plug-ins cannot register", {{"error", started.error().message}});
  showDevices();
  if (Result<void> started = podResources_.start(); !started)
    log::warning("nobody can ask for the devices of pods", {{"error", started.error().message}});
  startSources();
  if (cluster_)
    if (Result<void> started = cluster_->start(); !started) return fail(started.error().within("join the cluster"));
  tasks_.spawn("observer", observer_.run());
  tasks_.spawn("image garbage collection", imageCollector_.run());
  tasks_.spawn("eviction", evictor_.run());
  tasks_.spawn("memory pressure", evictor_.watchMemory());
  tasks_.spawn("node shutdown", shutdown_.run());
  if (Result<void> sent = notify_.ready(); !sent)
    log::warning("cannot tell the service manager that the agent is ready", {{"error", sent.error().message}});
  if (std::optional<Duration> interval = watchdogInterval()) watchdog_.emplace(clock_, notify_, *interval);
  tellStatus();
  return {};
}

// Without it only the propagation of mounts between containers and the host is missing.
void Agent::shareRoot() {
  if (Result<void> shared = volumes::makeShared(context_.node.dirs.root); !shared)
    log::warning("mounts will not propagate between containers and the host", {{"error", shared.error().message}});
}

// Like upstream, the agent does not start with providers that it cannot run.
Result<void> Agent::readCredentials() {
  const config::CommandLine& commandLine = effective_.commandLine;
  std::vector<images::CredentialProvider> providers;
  if (!commandLine.imageCredentialProviderConfig.empty()) {
    Result<std::vector<images::CredentialProvider>> read = images::readCredentialProviders(
        commandLine.imageCredentialProviderConfig, commandLine.imageCredentialProviderBinDir,
        config::FeatureGates::lenient(effective_.config).enabled("KubeletServiceAccountTokenForCredentialProviders"));
    if (!read) return fail(read.error());
    providers = std::move(*read);
    for (const images::CredentialProvider& one : providers)
      if (one.tokens && !wantsCluster(effective_))
        log::warning("a credential provider wants tokens of service accounts; without an API server pods have none",
                     {{"provider", one.name}});
  }
  std::error_code unknown;
  const std::string here = std::filesystem::current_path(unknown).string();
  const char* home = std::getenv("HOME");
  nodeCredentials_ = std::make_unique<images::NodeCredentials>(
      loop_, clock_, std::move(providers),
      images::dockerConfigPaths(commandLine.rootDir, here, home != nullptr ? home : ""));
  if (wantsCluster(effective_)) nodeCredentials_->useAccounts(&accounts_);
  context_.nodeCredentials = nodeCredentials_.get();

  const config::KubeletConfiguration& config = effective_.config;
  const std::string& policy = config.imagepullcredentialsverificationpolicy();
  if (policy.empty() || policy == "NeverVerify") return {};
  images::VerificationPolicy verification{policy, {}};
  for (const std::string& image : config.preloadedimagesverificationallowlist())
    verification.allowlist.push_back(image);
  pullRecords_ = std::make_unique<images::PullRecords>(clock_, joinPath(commandLine.rootDir, "image_manager"),
                                                       std::move(verification));
  context_.pullRecords = pullRecords_.get();
  return {};
}

void Agent::checkResolvConf() {
  const std::string problem = podconfig::resolvConfProblem(context_.node.dns, effective_.config.resolvconf());
  if (problem.empty()) return;
  const std::string& node = effective_.nodeName;
  events_.warning(events::nodeRef(node, node), "CheckLimitsForResolvConf", problem);
}

void Agent::nodeChanged(const k8s::core::v1::Node* stored) {
  admissionNode_ = node::admissionView(node::nodeSettings(effective_, kKubernetesVersion),
                                       node::hostAccess(effective_.commandLine.rootDir).machine(), stored);
  admissionNode_.appArmor = appArmorEnabled();
  const auto& allowed = effective_.config.allowedunsafesysctls();
  admissionNode_.allowedUnsafeSysctls = {allowed.begin(), allowed.end()};
  admissionNode_.pressures = eviction::namesOf(evictor_.pressure());
  admissionNode_.shuttingDown = shutdown_.shuttingDown();
  showDevices();
}

void Agent::showDevices() {
  for (const auto& [resource, amount] : devices_.admissible()) admissionNode_.allocatable[resource] = amount;
}

void Agent::devicesChanged() {
  showDevices();
  sync_.devicesChanged();
  if (cluster_) cluster_->devicesChanged();
}

// Pods that come now are told so; the scheduler is, by the node's conditions.
void Agent::pressureChanged(const eviction::Pressure& pressure) {
  using eviction::Condition;
  admissionNode_.pressures = eviction::namesOf(pressure);
  if (cluster_)
    cluster_->setPressure({.memory = pressure.contains(Condition::kMemory),
                           .disk = pressure.contains(Condition::kDisk),
                           .pid = pressure.contains(Condition::kPid)});
}

void Agent::shutdownChanged(bool shuttingDown) {
  admissionNode_.shuttingDown = shuttingDown;
  if (cluster_) cluster_->setShuttingDown(shuttingDown);
}

void Agent::makeCluster() {
  cluster_ = std::make_unique<Cluster>(
      Cluster::Services{.loop = loop_,
                        .clock = clock_,
                        .blocking = blocking_,
                        .runtime = runtime_,
                        .images = imageService_,
                        .events = events_},
      effective_,
      Cluster::Hooks{
          .random = context_.random,
          .pods = [this](std::vector<Cluster::PodPtr> pods) { sync_.setPods(sync::kApiSource, std::move(pods)); },
          .objects =
              [this](objects::Objects* objects) {
                context_.objects = objects;
                volumes_.useObjects(objects);
              },
          .objectChanged = [this](const std::string& ns, const std::string& name) { sync_.objectChanged(ns, name); },
          .storage =
              [this](volumes::Attachments* attachments, volumes::ClaimStatuses* claims,
                     csi::DriverAnnouncer* announcer) {
                volumes_.useAttachments(attachments);
                volumes_.useClaimStatuses(claims);
                announcer_.use(announcer);
              },
          .volumesInUse = [this] { return storage_.volumes().inUse(); },
          .devices = [this] { return devices_.amounts(); },
          .csiNodeMade = [this] { storage_.clusterReady(); },
          .nodeChanged =
              [this](const k8s::core::v1::Node& stored) {
                nodeChanged(&stored);
                nodeApi_->nodeChanged(stored);
              },
          .connected =
              [this] {
                nodeApi_->connected();
                tellStaticPods();
                sync_.tellAll();
              },
          .requested =
              [this](const std::string& method, const std::string& host, int status, Duration took) {
                metrics_.kubelet().apiRequest(method, host, status == 0 ? "<error>" : std::to_string(status), took);
              },
          .statusTold = [this] { shutdown_.podsChanged(); }});
  context_.readNodeAgain = [this] { return cluster_->readNodeAgain(); };
}

// All sources are named before any can deliver: nothing is stopped until all have. Static pods come first: the API
// server's pod of the same name does not take a static pod's place. Objects come before pods that name them.
void Agent::startSources() {
  staticSources_.expect();
  if (cluster_) sync_.expectSource(sync::kApiSource);
  if (!cluster_) {
    context_.objects = staticSources_.startObjects();
    volumes_.useObjects(context_.objects);
  }
  staticSources_.start();
}

void Agent::tellStaticPods() {
  if (!cluster_) return;
  if (std::optional<std::vector<Cluster::PodPtr>> pods = sync_.staticPods()) cluster_->setStaticPods(std::move(*pods));
}

void Agent::podChanged(const std::string& uid) {
  sync_.podChanged(uid);
  nodeApi_->podChanged(uid);
  logRotator_.setPod(uid, runningLogs(context_.node.dirs, observer_.find(uid)));
}

void Agent::runtimeSynced() {
  runtimeView_.reachable = true;
  runtimeView_.problem.clear();
  tasks_.spawn("runtime version", askVersion());
  tasks_.spawn("cgroups of the node", makeCgroups());
  sync_.runtimeSynced();
  imageCollector_.look();
  if (cluster_) cluster_->runtimeSynced();
}

void Agent::runtimeLost(const Error& error) {
  runtimeView_.reachable = false;
  runtimeView_.problem = error.message;
  sync_.runtimeLost();
  if (cluster_) cluster_->runtimeLost();
}

Task<void> Agent::askVersion() {
  Result<cri::v1::VersionResponse> version = co_await runtime_.version();
  if (!version) co_return;
  runtimeView_.name = version->runtime_name();
  runtimeView_.version = version->runtime_version();
  context_.runtimeName = version->runtime_name();
  context_.whyNoImageVolumes = images::whyNoImageVolumes(version->runtime_name(), version->runtime_version());
  Result<cri::v1::StatusResponse> status = co_await runtime_.status();
  // The same runtimes tell users that know the policy for their groups.
  if (status) context_.runtimeTellsUsers = status->features().supplemental_groups_policy();
}

// RES-5. Runtimes before containerd 2.0 do not know the question.
Task<Result<std::optional<cgroups::DriverKind>>> Agent::askDriver() {
  Result<cri::v1::RuntimeConfigResponse> answer = co_await runtime_.runtimeConfig();
  if (!answer && answer.error().code != Code::kUnimplemented) co_return fail(answer.error());
  std::optional<cgroups::DriverKind> driver;
  if (answer && answer->has_linux())
    driver = answer->linux().cgroup_driver() == cri::v1::SYSTEMD ? cgroups::DriverKind::kSystemd
                                                                 : cgroups::DriverKind::kCgroupfs;
  co_return driver;
}

// Before the first pod asks for them, so that a node without pods has its classes and limits too.
Task<void> Agent::makeCgroups() {
  Result<void> made = co_await cgroups_.start();
  if (!made) log::error("cannot make the cgroups of pods", {{"error", made.error().message}});
}

void Agent::limitsEnforced(const Result<std::string>& outcome) {
  const events::ObjectRef node = events::nodeRef(effective_.nodeName, effective_.nodeName);
  if (outcome)
    events_.normal(node, "NodeAllocatableEnforced", *outcome);
  else
    events_.warning(node, "FailedNodeAllocatableEnforcement", outcome.error().message);
}

void Agent::changed() {
  evictor_.podsChanged();
  shutdown_.podsChanged();
  podNews_.tell();
  if (notify_.wanted() && !statusTimer_)
    statusTimer_ = clock_.after(kStatusDelay, [this] {
      statusTimer_.cancel();
      tellStatus();
    });
  trimTimer_ = clock_.after(kTrimAfterQuiet, &releaseUnusedMemory);
}

void Agent::tellStatus() {
  if (!notify_.wanted()) return;
  std::size_t running = 0;
  std::size_t ended = 0;
  const std::vector<sync::core::Pod> all = pods();
  for (const sync::core::Pod& pod : all) {
    if (pod.status().phase() == "Running") ++running;
    if (pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed") ++ended;
  }
  std::string text = std::to_string(all.size()) + (all.size() == 1 ? " pod: " : " pods: ") + std::to_string(running) +
                     " running, " + std::to_string(all.size() - running - ended) + " waiting, " +
                     std::to_string(ended) + " ended";
  if (!runtimeView_.reachable) text += "; the container runtime does not answer";
  std::size_t bad = 0;
  for (const auto& [source, problems] : staticSources_.problems()) bad += problems.size();
  if (bad > 0) text += "; " + std::to_string(bad) + " bad manifests";
  if (Result<void> sent = notify_.status(text); !sent)
    log::debug(1, "cannot send the status to the service manager", {{"error", sent.error().message}});
}

Task<void> Agent::close() {
  if (Result<void> sent = notify_.stopping(); !sent)
    log::debug(1, "cannot tell the service manager about the stop", {{"error", sent.error().message}});
  statusTimer_.cancel();
  trimTimer_.cancel();
  if (socket_) co_await socket_->close();
  co_await nodeApi_->close();
  co_await stats_->close();
  co_await tasks_.close();
  co_await staticSources_.close();
  co_await shutdown_.close();
  co_await podResources_.close();
  co_await devices_.close();
  co_await sync_.close();
  co_await storage_.close();
  co_await logRotator_.close();
  co_await cgroups_.close();
  if (cluster_) co_await cluster_->close();
  co_await observer_.close();
}

}  // namespace cubelet
