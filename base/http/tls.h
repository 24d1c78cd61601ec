// How a client that asks any server speaks TLS.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/tls/context.h"

namespace cubelet::http {

// The reason of the error when the other side answers in plain HTTP.
inline constexpr char kPlainHttpAnswer[] = "PlainHttpAnswer";

// Certificates are not verified, and old keys will do. kInternal: OpenSSL cannot.
Result<std::shared_ptr<const tls::Context>> contextForAnyServer();

}  // namespace cubelet::http
