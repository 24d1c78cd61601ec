// Rules of the API server for pods, as far as a node needs them: defaults, validation, QoS class.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::api {

namespace core = ::k8s::core::v1;

// Sets what the API server would set on creation (pkg/apis/core/v1/defaults.go): restartPolicy, dnsPolicy,
// terminationGracePeriodSeconds, imagePullPolicy, terminationMessagePath and -Policy, probe numbers, protocol, requests
// from limits, volume types, security context, enableServiceLinks, scheduler name, ... Amounts of resources get their
// canonical spelling. Idempotent. Not set: what a request or an admission plugin decides (namespace, service account,
// priority).
void setDefaults(core::Pod& pod);

// What the API server would refuse when a pod is created (pkg/apis/core/validation); call setDefaults first and set the
// namespace. All problems at once, in the order of the spec. Each has a path (entries of maps as `limits[cpu]`); lines
// are filled in by whoever has the text (lineOf). Rules for Windows pods are left out: such a pod does not run here.
std::vector<Problem> validate(const core::Pod& pod);

// "Guaranteed", "Burstable" or "BestEffort" (RES-1).
std::string_view qosClass(const core::Pod& pod);

// "ns/name" for messages.
std::string podRef(const core::Pod& pod);
// "name_ns(uid)" as upstream prints pods in back-off messages.
std::string podFullName(const core::Pod& pod);

// The pod comes from a file or URL, not from the API server (SRC-3).
bool isStaticPod(const core::Pod& pod);

// A RestartPolicy: Always init container (SID).
bool isSidecar(const core::Container& initContainer);

// An ephemeral container as a container like any other: its message has the same fields with the same numbers.
core::Container asContainer(const core::EphemeralContainerCommon& common);

}  // namespace cubelet::api
