#include "kubelet/main/agent_options.h"

#include <filesystem>
#include <limits>

#include "kubelet/api/quantity.h"

namespace cubelet {
namespace {

constexpr char kLocalObjects[] = "objects";

Duration nanos(const k8s::meta::v1::Duration& duration) {
  return Duration(duration.duration());
}

}  // namespace

images::Images::Limits pullLimits(const config::KubeletConfiguration& config) {
  images::Images::Limits limits;
  limits.pullsPerSecond = config.registrypullqps();
  limits.burst = config.registryburst();
  if (!config.serializeimagepulls())
    limits.parallelPulls = config.maxparallelimagepulls() > 0 ? static_cast<std::size_t>(config.maxparallelimagepulls())
                                                              : std::numeric_limits<std::size_t>::max();
  return limits;
}

cri::ClientOptions clientOptions(const config::KubeletConfiguration& config, metrics::KubeletMetrics& metrics) {
  cri::ClientOptions options;
  options.runtimeRequestTimeout = nanos(config.runtimerequesttimeout());
  options.called = [&metrics](std::string_view method, Duration took, bool failed) {
    metrics.runtimeCall(method, took, failed);
  };
  return options;
}

plan::PlanOptions planOptions(const config::KubeletConfiguration& config, const config::CommandLine& commandLine) {
  plan::PlanOptions options;
  if (config.crashloopbackoff().has_maxcontainerrestartperiod())
    options.backoffCap = nanos(config.crashloopbackoff().maxcontainerrestartperiod());
  // Negative: any number.
  options.keepDead = commandLine.maximumDeadContainersPerContainer < 0
                         ? std::numeric_limits<std::size_t>::max()
                         : static_cast<std::size_t>(commandLine.maximumDeadContainersPerContainer);
  options.minimumDeadAge = commandLine.minimumContainerTtl;
  return options;
}

std::optional<std::size_t> maximumDeadContainers(const config::CommandLine& commandLine) {
  if (commandLine.maximumDeadContainers < 0) return std::nullopt;
  return static_cast<std::size_t>(commandLine.maximumDeadContainers);
}

logs::RotationLimits rotationLimits(const config::KubeletConfiguration& config) {
  logs::RotationLimits limits;
  // Valid, as load() has checked.
  limits.maxBytes = static_cast<std::uint64_t>(api::quantityValue(config.containerlogmaxsize()).value());
  limits.maxFiles = static_cast<std::size_t>(config.containerlogmaxfiles());
  limits.interval = nanos(config.containerlogmonitorinterval());
  limits.workers = static_cast<std::size_t>(config.containerlogmaxworkers());
  return limits;
}

images::ImageGcPolicy imageGcPolicy(const config::KubeletConfiguration& config) {
  images::ImageGcPolicy policy;
  policy.highPercent = config.imagegchighthresholdpercent();
  policy.lowPercent = config.imagegclowthresholdpercent();
  policy.minimumAge = nanos(config.imageminimumgcage());
  policy.maximumAge = nanos(config.imagemaximumgcage());
  return policy;
}

std::string localObjectsPath(const config::Effective& effective) {
  if (!effective.commandLine.localObjects.empty()) return effective.commandLine.localObjects;
  const std::string& manifests = effective.config.staticpodpath();
  return manifests.empty() ? "" : std::filesystem::path(manifests + "/..").lexically_normal() / kLocalObjects;
}

}  // namespace cubelet
