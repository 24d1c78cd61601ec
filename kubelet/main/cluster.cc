#include "kubelet/main/cluster.h"

#include <utility>

#include "base/backoff.h"
#include "base/files.h"
#include "base/log.h"
#include "base/time_text.h"
#include "csi/plugins/cluster_announcer.h"
#include "kubelet/apiserver/path_probe.h"
#include "kubelet/certificates/bootstrap.h"
#include "kubelet/cluster/claim_statuses.h"
#include "kubelet/cluster/volume_attachments.h"
#include "kubelet/main/version.h"
#include "kubelet/node/node_conditions.h"
#include "kubelet/objects/object_cache.h"

namespace cubelet {
namespace {

using apiserver::ClientConfig;

constexpr char kCommit[] = "cubelet";
constexpr char kNoCsiNode[] = "CSINode is not yet initialized";  // upstream's words
// Longer than most pods take to start, short enough for whoever looks at them.
constexpr Duration kEventHold = std::chrono::seconds(1);

void warnOf(const std::string& path, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) log::warning(warning, {{"file", path}});
}

Result<ClientConfig> readConfig(const std::string& path) {
  std::vector<std::string> warnings;
  Result<ClientConfig> config = apiserver::readKubeconfig(path, warnings);
  if (config) warnOf(path, warnings);
  return config;
}

Result<std::string> textOf(const apiserver::Pem& pem) {
  constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
  if (!pem.text.empty()) return pem.text;
  return readFile(pem.file, kMaxBytes);
}

// The certificates of a kubeconfig that names itself by one; empty for tokens, plug-ins, and files that are not there.
std::vector<apiserver::CertificateFacts> certificatesOf(const ClientConfig& config) {
  if (config.clientCertificate.empty()) return {};
  Result<std::string> text = textOf(config.clientCertificate);
  if (!text) return {};
  return apiserver::readCertificates(*text).value_or(std::vector<apiserver::CertificateFacts>());
}

// The server would only say "Unauthorized".
void warnOfExpiry(const ClientConfig& config, WallTime now) {
  const std::vector<apiserver::CertificateFacts> certificates = certificatesOf(config);
  if (certificates.empty() || apiserver::certificatesUsable(certificates, now)) return;
  log::error(
      "the client certificate has expired, so the API server will not let this node in: give "
      "--bootstrap-kubeconfig, or put a new certificate in its place",
      {{"kubeconfig", config.source},
       {"certificate", config.clientCertificate.file},
       {"expired", rfc3339Milli(certificates.front().notAfter)}});
}

// "https://10.0.0.1:6443/x" -> "10.0.0.1:6443"
std::string hostOf(const std::string& server) {
  const std::size_t scheme = server.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  return server.substr(begin, server.find('/', begin) - begin);
}

}  // namespace

bool wantsCluster(const config::Effective& effective) {
  return !effective.commandLine.kubeconfig.empty() || !effective.commandLine.bootstrapKubeconfig.empty();
}

// What exists once there is a kubeconfig; all of it speaks through one client.
struct Cluster::Link {
  Link(Cluster& cluster, ClientConfig config)
      : server(config.server.text()),
        transport(cluster.services_.loop, cluster.services_.clock, std::move(config), transportOptions()),
        client(transport, cluster.services_.clock, cluster.clientOptions(server)),
        node({.loop = cluster.services_.loop,
              .clock = cluster.services_.clock,
              .blocking = cluster.services_.blocking,
              .client = client,
              .runtime = cluster.services_.runtime,
              .images = cluster.services_.images,
              .events = cluster.services_.events},
             node::nodeSettings(cluster.effective_, kKubernetesVersion),
             {.changed = [&cluster](const k8s::core::v1::Node& node) { cluster.nodeChanged(node); },
              .random = cluster.hooks_.random,
              .host = node::hostAccess(cluster.effective_.commandLine.rootDir)}),
        pods(cluster.services_.loop, cluster.services_.clock, client,
             {.nodeName = cluster.effective_.nodeName, .random = cluster.hooks_.random},
             {.pods = [&cluster](std::vector<PodPtr> all) { cluster.hooks_.pods(std::move(all)); },
              .storedChanged = [&cluster](const std::string& ns,
                                          const std::string& name) { cluster.storedChanged(ns, name); },
              .synced = [&cluster] { cluster.podsSynced(); },
              .failed = [&cluster](const Error& error) { cluster.podsNotWatched(error); }}),
        mirrors(cluster.services_.loop, cluster.services_.clock, client,
                [this](const PodPtr& mirror) {
                  statuses.storedChanged(mirror->metadata().namespace_(), mirror->metadata().name());
                }),
        events(cluster.services_.clock, client, cluster.services_.events,
               {.hold = kEventHold, .random = cluster.hooks_.random}),
        objects(cluster.services_.loop, client, cluster.hooks_.random),
        claims(client),
        attachments(cluster.services_.clock, client, cluster.effective_.nodeName),
        drivers(cluster.services_.clock, client,
                {.nodeName = cluster.effective_.nodeName, .nodeUid = [this] { return registeredUid(); }}),
        statuses(cluster.services_.loop, cluster.services_.clock, client,
                 {.stored = [this](const std::string& ns, const std::string& name) { return stored(ns, name); },
                  .random = cluster.hooks_.random,
                  .told = cluster.hooks_.statusTold}),
        probe(cluster.services_.clock, transport, client.reachability(), cluster.hooks_.random) {
    client.reachability().onLoss([&cluster](const Error& error) { cluster.serverIsAway(error); });
    client.reachability().onReturn([&cluster] { cluster.serverIsBack(); });
  }

  static apiserver::CurlTransport::Options transportOptions() {
    apiserver::CurlTransport::Options options;
    options.userAgent = apiserver::kubeletUserAgent(kKubernetesVersion, kCommit);
    return options;
  }

  // The watch may not have shown a mirror yet that we have just made.
  PodPtr stored(const std::string& ns, const std::string& name) const {
    PodPtr shown = pods.stored(ns, name);
    return shown ? shown : mirrors.mirrorOf(ns, name);
  }

  // Empty: not registered yet.
  std::string registeredUid() const {
    return node.registered() && node.node() != nullptr ? node.node()->metadata().uid() : "";
  }

  const std::string server;
  apiserver::CurlTransport transport;
  apiserver::ApiClient client;
  node::NodeAgent node;
  cluster::PodSource pods;
  cluster::MirrorPods mirrors;
  cluster::EventPublisher events;
  objects::ObjectCache objects;
  cluster::ClaimStatusPatches claims;
  cluster::VolumeAttachments attachments;
  csi::ClusterAnnouncer drivers;
  cluster::StatusPublisher statuses;
  apiserver::PathProbe probe;
  std::unique_ptr<apiserver::CertificateManager> certificate;
};

Cluster::Cluster(Services services, const config::Effective& effective, Hooks hooks)
    : services_(services),
      effective_(effective),
      hooks_(std::move(hooks)),
      store_(effective.commandLine.certDir, apiserver::kClientStore),
      tasks_(services.loop) {}

Cluster::~Cluster() = default;

Result<void> Cluster::start() {
  Result<std::optional<ClientConfig>> config = readyConfig();
  if (!config) return fail(std::move(config.error()));
  if (*config) {
    connect(std::move(**config));
    return {};
  }
  bootstrapTransport_ = std::make_unique<apiserver::CurlTransport>(services_.loop, services_.clock, *bootstrapConfig_);
  bootstrapClient_ = std::make_unique<apiserver::ApiClient>(*bootstrapTransport_, services_.clock,
                                                            clientOptions(bootstrapConfig_->server.text()));
  tasks_.spawn("join the cluster", join());
  return {};
}

// Nothing: a bootstrap is due first.
Result<std::optional<ClientConfig>> Cluster::readyConfig() {
  const config::CommandLine& commandLine = effective_.commandLine;
  if (!commandLine.bootstrapKubeconfig.empty() && commandLine.kubeconfig.empty())
    return fail(Code::kInvalid, "", "--bootstrap-kubeconfig needs --kubeconfig too: where to write the result");
  Result<ClientConfig> config = readConfig(commandLine.kubeconfig);
  if (commandLine.bootstrapKubeconfig.empty()) {
    if (!config) return fail(config.error().within("--kubeconfig"));
    return std::move(*config);
  }
  const bool byCertificate = config && !config->clientCertificate.empty();
  if (config && (!byCertificate || apiserver::certificatesUsable(certificatesOf(*config), services_.clock.wallNow())))
    return std::move(*config);
  Result<ClientConfig> bootstrap = readConfig(commandLine.bootstrapKubeconfig);
  if (!bootstrap) {
    // An expired certificate may be renewed all the same; without any kubeconfig there is no way.
    if (config) return std::move(*config);
    return fail(bootstrap.error().within("--bootstrap-kubeconfig"));
  }
  bootstrapConfig_ = std::move(*bootstrap);
  return std::optional<ClientConfig>();
}

Task<void> Cluster::join() {
  log::notice("asking the cluster for a certificate",
              {{"server", bootstrapConfig_->server.text()}, {"node", effective_.nodeName}});
  apiserver::Bootstrap::Options options;
  options.nodeName = effective_.nodeName;
  options.kubeconfigPath = effective_.commandLine.kubeconfig;
  options.bootstrap = *bootstrapConfig_;
  options.random = hooks_.random;
  options.failed = [this](const Error& error) {
    problem_ = error.message;
    log::warning("cannot get a certificate yet; trying again",
                 {{"server", bootstrapConfig_->server.text()}, {"error", error.message}});
  };
  apiserver::Bootstrap bootstrap(services_.loop, *bootstrapClient_, store_, std::move(options));
  co_await bootstrap.run();
  problem_.clear();
  Result<ClientConfig> config = readConfig(effective_.commandLine.kubeconfig);
  if (!config) {
    problem_ = config.error().message;
    log::error("cannot read the kubeconfig that was just written; restart the agent",
               {{"error", config.error().message}});
    co_return;
  }
  connect(std::move(*config));
}

void Cluster::connect(ClientConfig config) {
  log::notice("joining the cluster", {{"server", config.server.text()}, {"node", effective_.nodeName}});
  warnOfExpiry(config, services_.clock.wallNow());
  const std::vector<apiserver::CertificateFacts> certificates = certificatesOf(config);
  if (!certificates.empty()) certificateExpires_ = certificates.front().notAfter;
  const ClientConfig copy = config;
  link_ = std::make_unique<Link>(*this, std::move(config));
  if (effective_.config.rotatecertificates()) keepCertificate(copy);
  link_->node.setPressure(pressure_);
  link_->node.setShuttingDown(shuttingDown_);
  if (runtimeKnown_) link_->node.runtimeSynced();
  link_->objects.onChange(hooks_.objectChanged);
  hooks_.objects(&link_->objects);
  hooks_.storage(&link_->attachments, &link_->claims, &link_->drivers);
  link_->node.setVolumesInUse(hooks_.volumesInUse());
  link_->node.setDevices(hooks_.devices());
  link_->node.setStorageProblem(kNoCsiNode);
  tasks_.spawn("node", link_->node.run());
  tasks_.spawn("way to the API server", link_->probe.run());
  tasks_.spawn("mirror pods", link_->mirrors.run());
  tasks_.spawn("events for the API server", link_->events.run());
  hooks_.connected();
}

// Renews the client certificate before it expires (rotateCertificates). Credentials of another kind are not ours.
void Cluster::keepCertificate(const ClientConfig& config) {
  if (config.clientCertificate.empty()) return;
  apiserver::CertificateManager::Options options;
  options.use = apiserver::CertificateUse::kClient;
  options.subject = [name = effective_.nodeName] {
    return std::optional<apiserver::CertificateSubject>(apiserver::nodeClientSubject(name));
  };
  options.random = hooks_.random;
  options.fallback = bootstrapClient_.get();
  Result<std::string> certificate = textOf(config.clientCertificate);
  Result<std::string> key = textOf(config.clientKey);
  if (certificate && key)
    if (Result<apiserver::KeyPair> pair = apiserver::KeyPair::parse(*certificate + "\n" + *key); pair)
      options.initial = std::move(*pair);
  apiserver::CertificateManager::Listener listener;
  listener.changed = [this](const apiserver::KeyPair& pair) {
    certificateExpires_ = pair.facts().notAfter;
    log::notice("the client certificate was renewed", {{"file", store_.currentPath()}});
    const apiserver::Pem current{.file = store_.currentPath(), .text = ""};
    link_->transport.setClientCertificate(current, current);
  };
  listener.failed = [](const Error& error) {
    log::warning("cannot renew the client certificate; trying again", {{"error", error.message}});
  };
  link_->certificate = std::make_unique<apiserver::CertificateManager>(services_.loop, link_->client, store_,
                                                                       std::move(options), std::move(listener));
  tasks_.spawn("client certificate", link_->certificate->run());
}

Task<void> Cluster::readNodeAgain() {
  if (link_) co_await link_->node.readAgain();
}

void Cluster::nodeChanged(const k8s::core::v1::Node& node) {
  hooks_.nodeChanged(node);
  link_->attachments.nodeChanged(node);
  link_->mirrors.nodeKnown(node.metadata().name(), node.metadata().uid());
  const std::string& uid = node.metadata().uid();
  if (link_->node.registered() && std::exchange(csiNodeOf_, uid) != uid) {
    // One that is ready has been here before, and does not turn unready for a restart of the agent.
    const k8s::core::v1::NodeCondition* ready = node::findCondition(node.status(), "Ready");
    if (ready != nullptr && ready->status() == "True") link_->node.setStorageProblem("");
    tasks_.spawn("CSINode", makeCsiNode(uid));
  }
  if (podsWatched_ || !link_->node.watched()) return;
  podsWatched_ = true;
  tasks_.spawn("pods of the API server", link_->pods.run());
}

// The scheduler counts volumes by the CSINode: it comes before the node is ready (CSI-2).
Task<void> Cluster::makeCsiNode(std::string nodeUid) {
  Backoff backoff({.initial = std::chrono::milliseconds(100), .cap = std::chrono::seconds(10)});
  std::string told;
  for (;;) {
    Result<void> made = co_await link_->drivers.prepare();
    if (made) break;
    if (std::exchange(told, made.error().message) != made.error().message)
      log::warning("the node cannot be ready yet; trying again", {{"error", made.error().message}});
    co_await services_.clock.sleep(backoff.next());
    if (csiNodeOf_ != nodeUid) co_return;  // another one's is made now
  }
  link_->node.setStorageProblem("");
  hooks_.csiNodeMade();
}

void Cluster::devicesChanged() {
  if (link_) link_->node.setDevices(hooks_.devices());
}

void Cluster::volumesChanged() {
  if (link_) link_->node.setVolumesInUse(hooks_.volumesInUse());
}

void Cluster::storedChanged(const std::string& ns, const std::string& name) {
  const PodPtr now = link_->pods.stored(ns, name);
  if (!now)
    link_->mirrors.mirrorGone(ns, name);
  else if (cluster::isMirrorPod(*now))
    link_->mirrors.mirrorSeen(now);
  link_->statuses.storedChanged(ns, name);
}

void Cluster::podsSynced() {
  if (!std::exchange(podsProblem_, "").empty()) log::notice("pods are watched again", {{"server", link_->server}});
  link_->mirrors.mirrorsSynced(link_->pods.mirrors());
  link_->statuses.allChanged();
}

// While the server is away, that is said already.
void Cluster::podsNotWatched(const Error& error) {
  if (link_->client.reachability().isAway() || !std::exchange(podsProblem_, error.message).empty()) return;
  log::warning("the API server does not let us watch the pods of this node; pods run on",
               {{"server", link_->server}, {"error", error.message}});
}

void Cluster::serverIsAway(const Error& error) {
  log::warning("the API server does not answer; pods run on", {{"server", link_->server}, {"error", error.message}});
  link_->probe.lost();
  link_->node.serverIsSilent();
}

// Whoever waits for it need not any more.
void Cluster::serverIsBack() {
  log::notice("the API server answers again", {{"server", link_->server}});
  link_->node.serverIsBack();
  link_->pods.retryNow();
  link_->statuses.allChanged();
  link_->mirrors.serverIsBack();
  link_->objects.retryNow();
  link_->events.serverIsBack();
  if (link_->certificate) link_->certificate->lookAgain();
}

apiserver::ApiClient::Options Cluster::clientOptions(const std::string& server) const {
  apiserver::ApiClient::Options options;
  options.qps = effective_.config.kubeapiqps();
  options.burst = effective_.config.kubeapiburst();
  options.eventQps = effective_.config.eventrecordqps();
  options.eventBurst = effective_.config.eventburst();
  options.answered = [told = hooks_.requested, host = hostOf(server)](
                         const std::string& method, int status, Duration took) { told(method, host, status, took); };
  return options;
}

apiserver::ApiClient* Cluster::client() {
  return link_ ? &link_->client : nullptr;
}

std::uint64_t Cluster::renewErrors() const {
  return link_ && link_->certificate ? link_->certificate->renewErrors() : 0;
}

server::ClusterView Cluster::view() const {
  server::ClusterView out;
  out.certificateExpires = certificateExpires_;
  if (!link_) {
    out.server = bootstrapConfig_ ? bootstrapConfig_->server.text() : "";
    out.problem = problem_.empty() ? "waiting for the certificate that was asked for" : problem_;
    return out;
  }
  const apiserver::Reachability& reachability = link_->client.reachability();
  out.server = link_->server;
  out.registered = link_->node.registered();
  if (const Error* problem = reachability.problem()) out.problem = problem->message;
  if (out.problem.empty()) out.problem = out.registered ? podsProblem_ : link_->node.registrationProblem();
  out.lastAnswer = reachability.lastAnswer();
  if (const std::optional<TimePoint> renewed = link_->node.leaseRenewedAt())
    out.leaseRenewedAt =
        services_.clock.wallNow() - std::chrono::duration_cast<WallTime::duration>(services_.clock.now() - *renewed);
  if (out.registered) out.notReady = link_->node.notReady();
  out.unsentStatuses = link_->statuses.unsent();
  out.unsentEvents = link_->events.waiting();
  return out;
}

void Cluster::setStaticPods(std::vector<PodPtr> pods) {
  if (link_) link_->mirrors.setStaticPods(std::move(pods));
}

std::string Cluster::mirrorUid(const std::string& ns, const std::string& name) const {
  const PodPtr mirror = link_ ? link_->mirrors.mirrorOf(ns, name) : nullptr;
  return mirror ? mirror->metadata().uid() : std::string();
}

void Cluster::statusChanged(const sync::PodWorker& worker) {
  if (link_) link_->statuses.statusChanged(worker.view(), worker.terminated());
}

void Cluster::setPressure(node::Pressure pressure) {
  pressure_ = pressure;
  if (link_) link_->node.setPressure(pressure);
}

void Cluster::setShuttingDown(bool shuttingDown) {
  shuttingDown_ = shuttingDown;
  if (link_) link_->node.setShuttingDown(shuttingDown);
}

bool Cluster::isAboutToTellStatusOf(const std::string& uid) const {
  return link_ && !link_->client.reachability().isAway() && link_->statuses.isUnsent(uid);
}

void Cluster::runtimeSynced() {
  runtimeKnown_ = true;
  if (link_) link_->node.runtimeSynced();
}

void Cluster::runtimeLost() {
  runtimeKnown_ = false;
  if (link_) link_->node.runtimeLost();
}

Task<void> Cluster::close() {
  co_await tasks_.close();
  if (!link_) co_return;
  co_await link_->node.close();
  co_await link_->mirrors.close();
  co_await link_->objects.close();
  co_await link_->statuses.close();
}

}  // namespace cubelet
