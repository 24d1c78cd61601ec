#include "kubelet/devices/plugins.h"

#include <sys/stat.h>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "kubelet/devices/registration_rules.h"

namespace cubelet::devices {
namespace {

constexpr mode_t kDirectoryMode = 0750;

bool isSocket(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

void makeUnhealthy(Resource& resource) {
  resource.connected = false;
  for (auto& [id, device] : resource.devices) device.healthy = false;
}

}  // namespace

Plugins::Plugins(Loop& loop, Clock& clock, rpc::Pump& pump, std::string directory, std::function<void()> changed)
    : clock_(clock),
      pump_(pump),
      directory_(std::move(directory)),
      changed_(std::move(changed)),
      server_(loop, pump, joinPath(directory_, kKubeletSocket)),
      tasks_(loop) {
  server_.onCall("/v1beta1.Registration/Register",
                 [this](std::string request) { return registered(std::move(request)); });
}

void Plugins::remember(const std::string& resource, const Ids& ids) {
  for (const std::string& id : ids) inventory_[resource].devices[id].healthy = false;
  inventory_[resource].connected = false;
  forgetLater(resource);
}

Result<void> Plugins::start() {
  Result<std::string> fits = rpc::socketPath(joinPath(directory_, kKubeletSocket));
  if (!fits) return fail(fits.error());
  if (Result<void> made = makeDirectories(directory_, kDirectoryMode); !made) return made;
  if (Result<void> removed = removeSockets(); !removed) return removed;
  return server_.start();
}

// Also those of plug-ins: they watch for that.
Result<void> Plugins::removeSockets() const {
  Result<std::vector<std::string>> names = listDirectory(directory_);
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    const std::string path = joinPath(directory_, name);
    if (!isSocket(path)) continue;
    if (Result<void> removed = removeFile(path); !removed) return removed;
  }
  return {};
}

Task<void> Plugins::close() {
  grace_.clear();
  co_await server_.close();
  co_await tasks_.close();
}

Plugins::PluginPtr Plugins::find(const std::string& resource) const {
  const auto found = plugins_.find(resource);
  return found == plugins_.end() ? nullptr : found->second;
}

Task<Result<std::string>> Plugins::registered(std::string request) {
  Result<wire::RegisterRequest> asked = rpc::parseRequest<wire::RegisterRequest>(request);
  if (!asked) co_return fail(asked.error());
  const std::string resource = asked->resource_name();
  if (Result<void> taken = check(*asked); !taken) {
    log::warning("a device plug-in is refused", {{"resource", resource}, {"error", taken.error().message}});
    co_return fail(taken.error());
  }
  Result<void> added = co_await add(resource, joinPath(directory_, asked->endpoint()));
  if (!added) co_return fail(added.error());
  co_return wire::Empty().SerializeAsString();
}

Task<Result<void>> Plugins::add(std::string resource, std::string socket) {
  Result<rpc::ChannelPtr> channel = rpc::Channel::create(pump_, socket);
  if (!channel) {
    log::warning("a device plug-in is refused", {{"resource", resource}, {"error", channel.error().message}});
    co_return fail(channel.error());
  }
  PluginClient client(*channel);
  Result<wire::DevicePluginOptions> options = co_await client.options();
  if (!options) {
    log::warning("a device plug-in does not answer", {{"resource", resource}, {"error", options.error().message}});
    co_return fail(options.error());
  }
  auto plugin = std::make_shared<Plugin>(Plugin{socket, client, std::move(*options), client.listAndWatch()});
  if (const PluginPtr old = std::exchange(plugins_[resource], plugin)) old->stream.reset();
  log::info("a device plug-in has registered", {{"resource", resource}, {"socket", socket}});
  tasks_.spawn("devices of " + resource, follow(resource, plugin));
  co_return Result<void>();
}

void Plugins::remove(const std::string& socket) {
  for (const auto& [resource, plugin] : plugins_) {
    if (plugin->socket != socket) continue;
    log::warning("a device plug-in is gone", {{"resource", resource}, {"socket", socket}});
    plugin->stream.reset();
    return lost(std::string(resource));
  }
}

Task<void> Plugins::follow(std::string resource, PluginPtr plugin) {
  while (find(resource) == plugin) {
    auto next = plugin->stream->next();
    Result<std::optional<wire::ListAndWatchResponse>> list = co_await std::move(next);
    if (find(resource) != plugin) co_return;
    if (!list || !*list) {
      log::warning("a device plug-in is gone", {{"resource", resource}, {"error", list ? "" : list.error().message}});
      co_return lost(resource);
    }
    grace_.erase(resource);
    Resource now = fromList(**list);
    Resource& before = inventory_[resource];
    if (before.connected && before.devices == now.devices) continue;
    before = std::move(now);
    changed_();
  }
}

void Plugins::lost(const std::string& resource) {
  plugins_.erase(resource);
  makeUnhealthy(inventory_[resource]);
  forgetLater(resource);
  changed_();
}

void Plugins::forgetLater(const std::string& resource) {
  grace_[resource] = clock_.after(kGrace, [this, resource] { forget(resource); });
}

// By value: whoever calls goes with its timer.
void Plugins::forget(std::string resource) {
  grace_.erase(resource);
  inventory_[resource].devices.clear();
  changed_();
}

}  // namespace cubelet::devices
