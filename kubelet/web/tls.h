// How the node's own server speaks TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tls/context.h"

namespace cubelet::web {

// Names and numbers are those of the kubelet's configuration.
struct TlsSettings {
  std::string minVersion;                 // tlsMinVersion: "VersionTLS12"; empty: that
  std::vector<std::string> cipherSuites;  // tlsCipherSuites, Go's names, of TLS 1.2; empty: forward secret AEAD ones
  std::vector<int> curves;                // tlsCurvePreferences, IANA's numbers; empty: the library's
};

// One certificate with its key, and how to speak. Never changes: a new certificate is a new context, and connections
// keep the one that they were made with. Clients are asked for a certificate; whether it is any good is not judged
// here, only that the client has its key.
//
// `certificates` and `key`: PEM, the leaf first. kInvalid: they do not fit together, or no cipher suite or curve that
// is asked for is known here.
Result<std::shared_ptr<const tls::Context>> servingContext(const std::string& certificates, const std::string& key,
                                                           const TlsSettings& settings);

}  // namespace cubelet::web
