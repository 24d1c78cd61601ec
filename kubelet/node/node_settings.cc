#include "kubelet/node/node_settings.h"

#include <utility>

namespace cubelet::node {
namespace {

constexpr char kExternal[] = "external";

core::Taint toCore(const ::kubelet::config::v1beta1::Taint& taint) {
  core::Taint out;
  out.set_key(taint.key());
  if (!taint.value().empty()) out.set_value(taint.value());
  out.set_effect(taint.effect());
  return out;
}

}  // namespace

NodeSettings nodeSettings(const config::Effective& effective, std::string kubeletVersion) {
  const config::KubeletConfiguration& config = effective.config;
  NodeSettings settings;
  settings.addresses.nodeName = effective.nodeName;
  settings.addresses.nodeIps = parseNodeIps(effective.commandLine.nodeIp);
  settings.addresses.externalProvider = effective.commandLine.cloudProvider == kExternal;
  settings.labels = effective.commandLine.nodeLabels;
  for (const auto& taint : config.registerwithtaints()) settings.taints.push_back(toCore(taint));
  settings.providerId = config.providerid();
  settings.resources = resourceSettings(config);
  settings.registerNode = !config.has_registernode() || config.registernode();
  settings.controllerAttaches = !config.has_enablecontrollerattachdetach() || config.enablecontrollerattachdetach();
  if (config.has_nodestatusmaximages()) settings.maxImages = config.nodestatusmaximages();
  if (config.port() > 0) settings.serverPort = config.port();
  settings.kubeletVersion = std::move(kubeletVersion);
  settings.dataDirectory = effective.commandLine.rootDir;
  if (config.nodestatusupdatefrequency().duration() > 0)
    settings.computeEvery = Duration(config.nodestatusupdatefrequency().duration());
  if (config.nodestatusreportfrequency().duration() > 0)
    settings.reportEvery = Duration(config.nodestatusreportfrequency().duration());
  if (config.nodeleasedurationseconds() > 0)
    settings.leaseDuration = std::chrono::seconds(config.nodeleasedurationseconds());
  return settings;
}

}  // namespace cubelet::node
