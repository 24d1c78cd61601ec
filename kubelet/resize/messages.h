// The words of a resize's events (RSZ-5). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "proto/k8s/core.pb.h"

namespace cubelet::resize {

namespace core = ::k8s::core::v1;

// "<what>: " and a summary of the containers' resources: "Pod resize started: {"containers":[...],"generation":2}".
// `error` is part of it unless empty.
std::string eventMessage(const std::string& what, const core::Pod& pod, std::int64_t generation,
                         const std::string& error = "");

}  // namespace cubelet::resize
