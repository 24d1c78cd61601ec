// Secrets stay out of messages. Pure.
#pragma once

#include <google/protobuf/map.h>
#include <string>

namespace cubelet::csi {

using Secrets = google::protobuf::Map<std::string, std::string>;

// `text` with every value of `secrets` that stands in it as "***". A driver may repeat what it was given in its error.
std::string withoutSecrets(std::string text, const Secrets& secrets);

}  // namespace cubelet::csi
