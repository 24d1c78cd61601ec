// What libcurl says of a failure, fit for logs and for whoever reads a pod's status.
#pragma once

#include <string>

#include "base/curl/library.h"

namespace cubelet::curl {

// `detail`: what CURLOPT_ERRORBUFFER was filled with, or empty. libcurl quotes a proxy that it cannot use as it was
// configured: user name and password are taken out.
std::string errorText(const Library& curl, CURLcode code, std::string detail);

}  // namespace cubelet::curl
