// CRI messages to observed state. Pure.
#pragma once

#include <optional>
#include <string>

#include "cri/client/runtime_service.h"
#include "kubelet/observe/observed_pod.h"

namespace cubelet::observe {

// Labels and annotations that the kubelet writes on its sandboxes and containers (surface 5.3, 5.4).
inline constexpr char kPodNameLabel[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespaceLabel[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";
inline constexpr char kPodSourceAnnotation[] = "kubernetes.io/config.source";
inline constexpr char kContainerHashAnnotation[] = "io.kubernetes.container.hash";
inline constexpr char kMessagePathAnnotation[] = "io.kubernetes.container.terminationMessagePath";
inline constexpr char kMessagePolicyAnnotation[] = "io.kubernetes.container.terminationMessagePolicy";

// Nanoseconds since the epoch, as CRI counts; 0 stays the epoch ("never").
WallTime fromUnixNanos(std::int64_t nanos);
std::int64_t toUnixNanos(WallTime time);

// The pod UID label; empty for objects that no kubelet has made.
std::string podUidOf(const cri::v1::PodSandbox& sandbox);
std::string podUidOf(const cri::v1::Container& container);

// What the lists tell: state, attempt, times, no addresses and no exit codes.
ObservedSandbox fromList(const cri::v1::PodSandbox& sandbox);
ObservedContainer fromList(const cri::v1::Container& container);
// Everything. `listed` supplies what the status does not repeat (sandbox id, annotations of old runtimes).
void addStatus(const cri::v1::PodSandboxStatus& status, ObservedSandbox& sandbox);
void addStatus(const cri::v1::ContainerStatus& status, ObservedContainer& container);

// Nothing: the runtime does not tell.
std::optional<ObservedUser> userOf(const cri::v1::ContainerStatus& status);

// Newest first, as ObservedPod promises.
void sortNewestFirst(ObservedPod& pod);

// True when a list shows another state than what is known: the status must be read.
bool differs(const ObservedSandbox& known, const ObservedSandbox& listed);
bool differs(const ObservedContainer& known, const ObservedContainer& listed);

}  // namespace cubelet::observe
