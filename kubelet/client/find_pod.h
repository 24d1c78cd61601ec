// Which pod a person means. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::client {

namespace core = ::k8s::core::v1;

// `wanted` is a name, namespace/name, or a UID; the beginning of a name will do when only one pod has it (the name of a
// static pod ends in that of its node). With `ns`, only that namespace counts. The answer points into `pods`.
// kNotFound: none. kInvalid: several; the message lists them.
Result<const core::Pod*> findPod(const core::PodList& pods, std::string_view wanted, std::string_view ns = "");

}  // namespace cubelet::client
