#include "kubelet/main/node_api.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/log_verbosity.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/main/cluster.h"
#include "kubelet/nodeapi/log_level.h"
#include "kubelet/nodeapi/system_logs.h"

namespace cubelet {
namespace {

using config::KubeletConfiguration;

// Below --root-dir, as upstream.
constexpr char kCheckpoints[] = "checkpoints";

Duration nanos(const k8s::meta::v1::Duration& duration) {
  return Duration(duration.duration());
}

access::Authenticator::Options authentication(const KubeletConfiguration& config) {
  access::Authenticator::Options options;
  options.clientCaFile = config.authentication().x509().clientcafile();
  options.webhook = config.authentication().webhook().enabled();
  options.cacheTtl = nanos(config.authentication().webhook().cachettl());
  options.anonymous = config.authentication().anonymous().enabled();
  return options;
}

bool everybodyMay(const KubeletConfiguration& config) {
  return config.authentication().anonymous().enabled() && config.authorization().mode() == "AlwaysAllow";
}

access::Authorizer::Options authorization(const config::Effective& effective) {
  access::Authorizer::Options options;
  options.nodeName = effective.nodeName;
  options.allowedTtl = nanos(effective.config.authorization().webhook().cacheauthorizedttl());
  options.deniedTtl = nanos(effective.config.authorization().webhook().cacheunauthorizedttl());
  if (effective.config.authorization().mode() == "AlwaysAllow")
    options.mode = access::Authorizer::Mode::kAlwaysAllow;
  else if (!wantsCluster(effective))
    options.mode = access::Authorizer::Mode::kMastersOnly;
  return options;
}

nodeapi::ServingCertificate::Options certificateOptions(const KubeletConfiguration& config) {
  nodeapi::ServingCertificate::Options options;
  options.certificateFile = config.tlscertfile();
  options.keyFile = config.tlsprivatekeyfile();
  options.tls.minVersion = config.tlsminversion();
  options.tls.cipherSuites = {config.tlsciphersuites().begin(), config.tlsciphersuites().end()};
  options.tls.curves = {config.tlscurvepreferences().begin(), config.tlscurvepreferences().end()};
  return options;
}

// The defaults without a configuration file let everybody do everything, commands in containers included. That is for
// somebody to decide, not for a default.
bool nobodyHasDecided(const config::Effective& effective) {
  return effective.commandLine.configFile.empty() && everybodyMay(effective.config);
}

nodeapi::NodeServerOptions serverOptions(const config::Effective& effective) {
  const KubeletConfiguration& config = effective.config;
  nodeapi::NodeServerOptions options;
  options.address = config.address();
  if (!nobodyHasDecided(effective)) {
    if (config.enableserver()) options.port = static_cast<std::uint16_t>(config.port());
    options.readOnlyPort = static_cast<std::uint16_t>(config.readonlyport());
  }
  options.healthzAddress = config.healthzbindaddress();
  options.healthzPort = static_cast<std::uint16_t>(config.healthzport());
  options.debuggingHandlers = config.enabledebugginghandlers();
  options.limits.streamTime = nanos(config.streamingconnectionidletimeout());
  return options;
}

// Nothing while there is no IP address: the certificate would have to be asked for again at once.
std::optional<apiserver::CertificateSubject> servingSubject(const std::string& nodeName,
                                                            const nodeapi::core::Node& node) {
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  for (const auto& address : node.status().addresses()) {
    if (address.type().ends_with("IP"))
      addresses.push_back(address.address());
    else
      names.push_back(address.address());
  }
  if (addresses.empty()) return std::nullopt;
  return apiserver::nodeServingSubject(nodeName, std::move(names), std::move(addresses));
}

}  // namespace

NodeApi::NodeApi(Services services)
    : services_(std::move(services)),
      authenticator_(services_.clock, authentication(services_.effective.config), services_.client),
      authorizer_(services_.clock, authorization(services_.effective), services_.client),
      guard_(authenticator_, authorizer_),
      certificate_(certificateOptions(services_.effective.config)),
      server_(services_.loop, services_.clock, serverOptions(services_.effective), *this, guard_, certificate_),
      logs_(services_.loop, services_.clock, *this, services_.effective.config.podlogsdir()),
      streaming_(services_.loop, services_.clock, *this, services_.runtime,
                 nanos(services_.effective.config.streamingconnectionidletimeout())),
      checkpoints_(services_.clock, *this, services_.checkpointer,
                   joinPath(services_.effective.commandLine.rootDir, kCheckpoints)),
      store_(services_.effective.commandLine.certDir, apiserver::kServerStore),
      tasks_(services_.loop) {
  addRoutes();
}

void NodeApi::addRoutes() {
  const KubeletConfiguration& config = services_.effective.config;
  logs_.addRoutes(router());
  streaming_.addRoutes(router());
  nodeapi::addSystemLogRoutes(router(), nodeapi::kSystemLogs, config.enablesystemloghandler());
  if (config.enabledebugflagshandler()) nodeapi::addLogLevelRoute(router(), log::setVerbosity);
  if (config::FeatureGates::lenient(config).enabled("ContainerCheckpoint")) checkpoints_.addRoutes(router());
}

Result<void> NodeApi::start() {
  const config::Effective& effective = services_.effective;
  if (nobodyHasDecided(effective))
    log::notice(
        "the HTTPS and the read-only port stay closed, since without --config everybody could run commands in "
        "containers: say in a configuration file who may ask");
  else if (effective.config.enableserver())
    if (Result<void> found = findCertificate(); !found) return fail(found.error());
  if (!nobodyHasDecided(effective) && everybodyMay(effective.config))
    log::warning(
        "everybody who reaches the HTTPS port may run commands in containers: authorization.mode is "
        "AlwaysAllow and authentication.anonymous is on");
  server_.start();
  return {};
}

Result<void> NodeApi::findCertificate() {
  const config::Effective& effective = services_.effective;
  if (!effective.config.tlscertfile().empty()) return certificate_.readFiles();
  const WallTime now = services_.clock.wallNow();
  if (effective.config.servertlsbootstrap()) {
    // The API server may be away at the moment; the certificate of the last run is good for a while.
    Result<apiserver::KeyPair> stored = store_.load(now);
    if (stored) useIssued(*stored);
    return {};
  }
  Result<apiserver::KeyPair> pair = apiserver::loadOrMakeServingPair(
      effective.commandLine.certDir, {effective.nodeName, {}, {effective.nodeName}, {}}, now);
  if (!pair) return fail(pair.error().within("make a serving certificate"));
  return certificate_.use(*pair);
}

void NodeApi::useIssued(const apiserver::KeyPair& pair) {
  if (Result<void> used = certificate_.use(pair); !used)
    log::error("cannot use the serving certificate", {{"error", used.error().message}});
}

void NodeApi::connected() {
  apiserver::ApiClient* client = services_.client();
  const KubeletConfiguration& config = services_.effective.config;
  if (client == nullptr || manager_ || !config.servertlsbootstrap() || !config.tlscertfile().empty()) return;
  apiserver::CertificateManager::Options options;
  options.use = apiserver::CertificateUse::kServer;
  options.subject = [this] { return subject_; };
  options.random = services_.random;
  apiserver::CertificateManager::Listener listener;
  listener.changed = [this](const apiserver::KeyPair& pair) {
    log::notice("the cluster has signed a serving certificate", {{"file", store_.currentPath()}});
    useIssued(pair);
  };
  listener.failed = [](const Error& error) {
    log::warning("cannot get a serving certificate; trying again", {{"error", error.message}});
  };
  manager_ = std::make_unique<apiserver::CertificateManager>(services_.loop, *client, store_, std::move(options),
                                                             std::move(listener));
  tasks_.spawn("serving certificate", manager_->run());
}

void NodeApi::nodeChanged(const nodeapi::core::Node& node) {
  std::optional<apiserver::CertificateSubject> subject = servingSubject(services_.effective.nodeName, node);
  if (!subject || subject == subject_) return;
  subject_ = std::move(subject);
  if (manager_) manager_->lookAgain();
}

std::optional<nodeapi::core::Pod> NodeApi::pod(std::string_view ns, std::string_view name) const {
  const sync::PodWorker* worker = services_.sync.find(std::string(ns) + "/" + std::string(name));
  if (worker == nullptr) return std::nullopt;
  return worker->view();
}

Task<void> NodeApi::close() {
  co_await tasks_.close();
  co_await server_.close();
  co_await logs_.close();
}

}  // namespace cubelet
