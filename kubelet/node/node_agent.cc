#include "kubelet/node/node_agent.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "kubelet/node/node_object.h"

namespace cubelet::node {
namespace {

// What the machine is changes rarely: memory that is plugged in, huge pages that are set aside.
constexpr Duration kHostEvery = std::chrono::minutes(5);
constexpr Duration kNameEvery = std::chrono::minutes(1);
constexpr Duration kResolveWithin = std::chrono::seconds(5);

// So long the first word about the node waits for the runtime's.
constexpr Duration kPatience = std::chrono::seconds(2);

// No heartbeat may outlast the time in which the next is due (surface 4.1).
Duration heartbeatTimeout(const NodeSettings& settings) {
  return std::min<Duration>(settings.computeEvery, settings.leaseDuration);
}

apiserver::ReflectorOptions watchOptions(const NodeSettings& settings, std::function<double()> random) {
  apiserver::ReflectorOptions options;
  options.resource = apiserver::kNodes;
  options.fieldSelector = "metadata.name=" + settings.name();
  options.random = std::move(random);
  return options;
}

std::string podCidrOf(const core::Node& node) {
  std::string text;
  for (const std::string& cidr : node.spec().podcidrs()) text += (text.empty() ? "" : ",") + cidr;
  return text;
}

}  // namespace

NodeAgent::NodeAgent(Services services, NodeSettings settings, Hooks hooks)
    : services_(services),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      path_(services.client.transport()),
      runtime_(services.clock, services.runtime, services.images, settings_.maxImages, [this] { runtimeChanged(); }),
      registrar_(
          services.clock, services.client,
          {.nodeName = settings_.name(), .create = settings_.registerNode, .timeout = heartbeatTimeout(settings_)},
          [this] { return fresh(); }),
      lease_(services.clock, services.client, path_,
             {.nodeName = settings_.name(),
              .duration = settings_.leaseDuration,
              .timeout = heartbeatTimeout(settings_),
              .nodeUid = [this] { return copy_.uid(); },
              .random = hooks_.random}),
      status_(
          services.clock, services.client, path_, copy_,
          {.nodeName = settings_.name(),
           .computeEvery = settings_.computeEvery,
           .reportEvery = settings_.reportEvery,
           .timeout = heartbeatTimeout(settings_),
           .random = hooks_.random},
          {.build = [this](const core::Node& stored) { return build(stored); }, .stored = [this] { storedChanged(); }}),
      watch_(services.loop, services.client, watchOptions(settings_, hooks_.random),
             {.synced = [this] { watchSynced(); },
              .changed = [this](apiserver::ChangeKind, auto, auto) { watchChanged(); }}),
      runtimeNews_(services.clock),
      tasks_(services.loop) {
  facts_.machine = hooks_.host.machine();
  refreshNetwork();
}

Task<void> NodeAgent::run() {
  tasks_.spawn("runtime status", runtime_.watchStatus());
  tasks_.spawn("runtime images", runtime_.watchImages());
  tasks_.spawn("node lease", lease_.run());
  tasks_.spawn("node watch", watch_.run());
  tasks_.spawn("machine", followHost());
  if (wantsLookup(settings_.addresses)) {
    co_await lookUpName();
    tasks_.spawn("node name", followName());
  }
  co_await untilRuntimeIsKnown();
  Registered registered = co_await registrar_.run();
  startReporting(registered);
  co_await status_.run();
}

Task<void> NodeAgent::close() {
  return tasks_.close();
}

void NodeAgent::startReporting(const Registered& registered) {
  registered_ = true;
  if (registered.created)
    status_.justReported();
  else
    told_ = newsBeforeStart(registered.node);
  const events::ObjectRef ref = events::nodeRef(settings_.name(), registered.node.metadata().uid());
  services_.events.normal(ref, "Starting", "Starting kubelet.");
  if (copy_.offer(registered.node)) storedChanged();
  lease_.retryNow();
}

Task<void> NodeAgent::followHost() {
  for (;;) {
    co_await services_.clock.sleep(kHostEvery);
    facts_.machine = hooks_.host.machine();
  }
}

Task<void> NodeAgent::followName() {
  for (;;) {
    co_await services_.clock.sleep(kNameEvery);
    co_await lookUpName();
  }
}

Task<void> NodeAgent::lookUpName() {
  std::function<Result<std::vector<IpAddress>>()> ask = [resolve = hooks_.host.resolve, name = settings_.name()] {
    return resolve(name);
  };
  Result<std::vector<IpAddress>> resolved = co_await services_.blocking.run<std::vector<IpAddress>>(
      "resolve the node's name", kResolveWithin, std::move(ask));
  // A name server that does not answer has not moved the node.
  if (resolved)
    facts_.resolved = std::move(*resolved);
  else if (resolved.error().code == Code::kNotFound)
    facts_.resolved.clear();
}

void NodeAgent::refreshNetwork() {
  Result<HostNetwork> network = hooks_.host.network();
  if (network)
    facts_.network = std::move(*network);
  else
    log::warning("cannot read the network interfaces", {{"error", network.error().message}});
}

core::Node NodeAgent::fresh() {
  refreshNetwork();
  facts_.runtime = runtime_.facts();
  WantedNode wanted = newNode(settings_, facts_, services_.clock.now(), services_.clock.wallNow());
  tellAddressProblem(wanted.addressProblem);
  return std::move(wanted.node);
}

core::Node NodeAgent::build(const core::Node& stored) {
  refreshNetwork();
  facts_.runtime = runtime_.facts();
  WantedNode wanted = wantedNode(stored, settings_, facts_, services_.clock.now(), services_.clock.wallNow());
  tellAddressProblem(wanted.addressProblem);
  tellEvents(wanted.node);
  followPodCidr();  // again, when it did not work before
  return std::move(wanted.node);
}

void NodeAgent::tellAddressProblem(const std::string& problem) {
  if (problem != addressProblem_ && !problem.empty())
    log::warning("the node's addresses stay as they were", {{"error", problem}});
  addressProblem_ = problem;
}

void NodeAgent::tellEvents(const core::Node& wanted) {
  const events::ObjectRef ref = events::nodeRef(settings_.name(), wanted.metadata().uid());
  NodeNews now = newsOf(wanted);
  for (NodeEvent& event : eventsBetween(told_, now, settings_.name()))
    services_.events.record(ref, event.warning ? events::EventType::kWarning : events::EventType::kNormal, event.reason,
                            std::move(event.message));
  told_ = std::move(now);
}

void NodeAgent::storedChanged() {
  hooks_.changed(*copy_.get());
  followPodCidr();
}

void NodeAgent::watchSynced() {
  watchChanged();
  serverIsBack();
}

void NodeAgent::watchChanged() {
  const std::shared_ptr<const core::Node> shown = watch_.get("", settings_.name());
  // The first copy is that of the registration: until then the object may be about to be put right.
  if (shown && registered_ && copy_.offer(*shown)) storedChanged();
}

// Runtimes that write their own network configuration want to know the addresses for pods.
void NodeAgent::followPodCidr() {
  if (tellingPodCidr_ || copy_.get() == nullptr || podCidrOf(*copy_.get()) == podCidr_) return;
  tellingPodCidr_ = true;
  tasks_.spawn("pod addresses", tellPodCidr());
}

Task<void> NodeAgent::tellPodCidr() {
  std::string wanted = podCidrOf(*copy_.get());
  Result<void> told = co_await services_.runtime.updateRuntimeConfig(wanted);
  tellingPodCidr_ = false;
  // A runtime without the call has no use for the addresses.
  if (told || told.error().code == Code::kUnimplemented)
    podCidr_ = std::move(wanted);
  else
    log::warning("cannot tell the runtime the addresses for pods", {{"error", told.error().message}});
}

void NodeAgent::serverIsBack() {
  registrar_.retryNow();
  lease_.retryNow();
  status_.lookNow();
  watch_.retryNow();
}

Task<void> NodeAgent::readAgain() {
  const apiserver::CallOptions call = heartbeatCall(heartbeatTimeout(settings_));
  std::string path = apiserver::kNodes.object("", settings_.name());
  Result<core::Node> found = co_await services_.client.get<core::Node>(std::move(path), call);
  if (!found)
    log::warning("cannot read the node again", {{"error", found.error().message}});
  else if (registered_ && copy_.offer(std::move(*found)))
    storedChanged();
}

void NodeAgent::runtimeChanged() {
  if (registered_) status_.lookNow();
  runtimeNews_.ring();
}

// A status that is told before the runtime was asked would make a node NotReady at every restart of the agent.
Task<void> NodeAgent::untilRuntimeIsKnown() {
  const TimePoint latest = services_.clock.now() + kPatience;
  while (!runtime_.isKnown() && services_.clock.now() < latest) co_await runtimeNews_.waitUntil(latest);
}

void NodeAgent::setPressure(Pressure pressure) {
  if (pressure == facts_.pressure) return;
  facts_.pressure = pressure;
  status_.lookNow();
}

void NodeAgent::setVolumesInUse(std::vector<std::string> volumes) {
  if (facts_.volumesInUse == volumes) return;
  facts_.volumesInUse = std::move(volumes);
  status_.lookNow();
}

void NodeAgent::setDevices(devices::Amounts devices) {
  if (devices == facts_.devices) return;
  facts_.devices = std::move(devices);
  status_.lookNow();
}

void NodeAgent::setStorageProblem(std::string problem) {
  if (problem == facts_.storageProblem) return;
  facts_.storageProblem = std::move(problem);
  status_.lookNow();
}

void NodeAgent::setShuttingDown(bool shuttingDown) {
  if (shuttingDown == facts_.shuttingDown) return;
  facts_.shuttingDown = shuttingDown;
  status_.lookNow();
}

std::vector<std::string> NodeAgent::notReady() const {
  NodeFacts facts = facts_;
  facts.runtime = runtime_.facts();
  return notReadyCauses(settings_, facts, services_.clock.now());
}

ResourceList NodeAgent::allocatable() const {
  return allocatableOf(capacityOf(facts_.machine, settings_.resources), settings_.resources);
}

}  // namespace cubelet::node
