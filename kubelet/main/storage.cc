#include "kubelet/main/storage.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/files.h"
#include "base/log.h"

namespace cubelet {
namespace {

// Long enough for a driver that starts together with the agent, too short to keep anybody from being told that there is
// none: whoever waits for longer is tried again when the driver registers.
constexpr Duration kDriverPatience = std::chrono::seconds(1);
constexpr mode_t kDirectoryMode = 0750;
constexpr std::size_t kBootIdSize = 64;

std::string bootId() {
  Result<std::string> text = readFile("/proc/sys/kernel/random/boot_id", kBootIdSize);
  if (!text) return "";
  return text->substr(0, text->find('\n'));
}

csi::Plugins::Options pluginOptions(const Storage::Options& storage, std::function<void()> driverCame) {
  csi::Plugins::Options options;
  options.directory = joinPath(storage.root, "plugins_registry");
  options.others = storage.otherPlugins;
  options.registered = [driverCame = std::move(driverCame)](const std::string&) { driverCame(); };
  return options;
}

}  // namespace

Storage::Storage(Services services, Options options, Hooks hooks)
    : services_(services),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      connector_(services.pump),
      plugins_(services.loop, services.clock, connector_, options_.announcer,
               pluginOptions(options_,
                             [this] {
                               wake_.ring();
                               hooks_.driverCame();
                             })),
      registered_(plugins_, services.clock),
      host_(services.pool),
      volumes_(host_, registered_,
               {.root = options_.root,
                .nodeName = options_.nodeName,
                .bootId = bootId(),
                .now = [this] { return services_.clock.wallNow(); }}),
      wake_(services.clock),
      tasks_(services.loop) {
  volumes_.onChange([this] { volumesChanged(); });
}

Result<void> Storage::start() {
  if (auto made = makeDirectories(joinPath(options_.root, "plugins"), kDirectoryMode); !made) return made;
  for (const Error& problem : volumes_.load())
    log::error("what an earlier agent has noted of a CSI volume cannot be read; look after its mounts by hand",
               {{"error", problem.message}});
  tasks_.spawn("CSI drivers", watchDrivers());
  tasks_.spawn("CSI volumes of nobody", tidy());
  return {};
}

Task<void> Storage::close() {
  return tasks_.close();
}

Task<void> Storage::watchDrivers() {
  Result<void> ended = co_await plugins_.run();
  if (!ended) log::error("CSI drivers cannot register any more", {{"error", ended.error().message}});
}

// Volumes that belong to no pod: those of an earlier run of the agent, and those that could not be taken down when
// their last pod had gone.
Task<void> Storage::tidy() {
  Backoff backoff({.initial = std::chrono::milliseconds(500), .cap = std::chrono::seconds(122)});
  for (;;) {
    std::optional<std::set<std::string>> pods = hooks_.pods();
    if (!pods || (settled_ && !volumes_.hasAbandoned())) {
      backoff.reset();
      co_await wake_.wait();
      continue;
    }
    Result<void> done = co_await volumes_.settle(std::move(*pods));
    wake_.clear();  // of the changes that this has made
    settled_ = settled_ || done;
    if (done) continue;
    log::warning("a CSI volume that no pod uses cannot be taken down yet", {{"error", done.error().message}});
    const TimePoint again = services_.clock.now() + backoff.next();
    backingOff_ = true;
    co_await wake_.waitUntil(again);
    backingOff_ = false;
  }
}

Task<Result<Storage::Check>> Storage::check(bool repair) {
  const std::optional<std::set<std::string>> pods = hooks_.pods();
  if (!pods) co_return fail(Code::kUnavailable, "", "not all pods of this node are known yet: try again in a moment");
  Result<std::vector<csi::Finding>> before = co_await volumes_.check(*pods);
  if (!before) co_return fail(before.error());
  if (!repair) co_return Check{.found = std::move(*before), .repaired = {}};
  co_await volumes_.repair(*pods, *before);
  Result<std::vector<csi::Finding>> after = co_await volumes_.check(*pods);
  if (!after) co_return fail(after.error());
  Check check;
  for (csi::Finding& one : *before)
    if (std::ranges::find(*after, one) == after->end()) check.repaired.push_back(std::move(one));
  check.found = std::move(*after);
  co_return check;
}

void Storage::volumesChanged() {
  if (!backingOff_ && volumes_.hasAbandoned()) wake_.ring();
  hooks_.volumesChanged();
}

Task<Result<std::shared_ptr<csi::NodeService>>> Storage::Registered::find(std::string driver) {
  const TimePoint until = clock_.now() + kDriverPatience;
  return plugins_.await(std::move(driver), until);
}

}  // namespace cubelet
