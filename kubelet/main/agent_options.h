// What the configuration says to each part of the agent, in that part's own terms. Pure; values are valid, as
// config::load() has checked them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cri/client/client_options.h"
#include "kubelet/config/load.h"
#include "kubelet/images/image_gc.h"
#include "kubelet/images/images.h"
#include "kubelet/logs/rotation.h"
#include "kubelet/metrics/kubelet_metrics.h"
#include "kubelet/plan/plan_pod.h"

namespace cubelet {

images::Images::Limits pullLimits(const config::KubeletConfiguration& config);
// `metrics` counts the calls and must outlive the client.
cri::ClientOptions clientOptions(const config::KubeletConfiguration& config, metrics::KubeletMetrics& metrics);
plan::PlanOptions planOptions(const config::KubeletConfiguration& config, const config::CommandLine& commandLine);
// Of all pods together; nothing: any number.
std::optional<std::size_t> maximumDeadContainers(const config::CommandLine& commandLine);
logs::RotationLimits rotationLimits(const config::KubeletConfiguration& config);
images::ImageGcPolicy imageGcPolicy(const config::KubeletConfiguration& config);
// Beside the manifests, unless the command line says where; empty: nowhere.
std::string localObjectsPath(const config::Effective& effective);

}  // namespace cubelet
