// cubelet: the agent, and the commands that ask it.
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include <boost/asio/signal_set.hpp>

#include "base/log.h"
#include "kubelet/client/client.h"
#include "kubelet/config/flags.h"
#include "kubelet/config/load.h"
#include "kubelet/config/unimplemented.h"
#include "kubelet/main/agent.h"
#include "kubelet/main/cgroup_settings.h"
#include "kubelet/main/host.h"
#include "kubelet/main/memory.h"
#include "kubelet/main/version.h"

namespace cubelet {
namespace {

int complain(const Error& error) {
  log::error("cannot start", {{"error", error.message}});
  return 1;
}

void configureLog(const config::KubeletConfiguration& config) {
  log::Options options;
  options.verbosity = static_cast<int>(config.logging().verbosity());
  options.json = config.logging().format() == "json";
  options.journalPrefix = log::stderrIsJournal();
  log::configure(options);
}

// Until SIGTERM or SIGINT; pods run on.
Task<void> waitForSignal(Loop* loop) {
  boost::asio::signal_set signals(loop->context(), SIGTERM, SIGINT);
  const int signal = co_await signals.async_wait(boost::asio::use_awaitable);
  log::notice("stopping, pods run on", {{"signal", std::to_string(signal)}});
}

int runAgent(config::Effective effective) {
  configureLog(effective.config);
  raiseFileLimit();
  for (const std::string& warning : effective.warnings) log::warning(warning);
  if (std::string missing = config::unimplementedWarning(effective); !missing.empty()) log::warning(missing);

  const layout::Directories dirs = readNodeFacts(effective).dirs;
  if (Result<void> made = makeHostDirectories(dirs); !made) return complain(made.error());
  Result<Fd> lock = lockRoot(dirs);
  if (!lock) return complain(lock.error());

  Result<cgroups::PodCgroupsOptions> cgroups = cgroupOptions(effective);
  if (!cgroups) return complain(cgroups.error());

  Loop loop;
  SystemClock clock(loop);
  rpc::Pump pump(loop);
  const config::KubeletConfiguration& config = effective.config;
  Result<rpc::ChannelPtr> channel = rpc::Channel::create(pump, config.containerruntimeendpoint());
  if (!channel) return complain(channel.error());
  Result<rpc::ChannelPtr> imageChannel = channel;
  if (!config.imageserviceendpoint().empty() && config.imageserviceendpoint() != config.containerruntimeendpoint())
    imageChannel = rpc::Channel::create(pump, config.imageserviceendpoint());
  if (!imageChannel) return complain(imageChannel.error());

  log::notice("cubelet starts", {{"version", kCubeletVersion},
                                 {"kubernetes", kKubernetesVersion},
                                 {"node", effective.nodeName},
                                 {"runtime", config.containerruntimeendpoint()},
                                 {"manifests", config.staticpodpath()}});
  Agent agent(loop, clock, std::move(effective), std::move(*cgroups), pump, *channel, *imageChannel);
  Result<void> started = agent.start();
  if (started) loop.runToEnd(waitForSignal(&loop));
  loop.runToEnd(agent.close());
  return started ? 0 : complain(started.error());
}

int run(const std::vector<std::string>& args) {
  if (!args.empty() && client::isClientCommand(args.front())) {
    client::ClientIo io{.out = std::cout, .err = std::cerr, .version = kCubeletVersion};
    return client::runClient(args, io);
  }
  Result<config::Effective> effective = config::load(args, config::hostEnvironment());
  if (!effective) {
    if (log::stderrIsJournal()) {
      log::configure({.journalPrefix = true});
      return complain(effective.error());
    }
    std::cerr << "cubelet: " << effective.error().message << "\n";
    return 1;
  }
  if (effective->commandLine.help) {
    std::cout << config::helpText();
    return 0;
  }
  if (!effective->commandLine.version.empty()) {
    std::cout << "Kubernetes " << kKubernetesVersion << "\n";
    return 0;
  }
  return runAgent(std::move(*effective));
}

}  // namespace
}  // namespace cubelet

int main(int argc, char** argv) {
  cubelet::configureMemory();
  std::signal(SIGPIPE, SIG_IGN);
  return cubelet::run(std::vector<std::string>(argv + 1, argv + argc));
}
