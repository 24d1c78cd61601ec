// The kubeconfig: where the API server is and who we are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cubelet::apiserver {

// Certificates or a key: a file, which is read again whenever it is needed, or the text itself.
struct Pem {
  std::string file;  // absolute
  std::string text;  // wins over the file
  bool empty() const { return file.empty() && text.empty(); }
  bool operator==(const Pem&) const = default;
};

struct ServerUrl {
  bool tls = true;
  std::string host;  // IPv6 in brackets
  std::uint16_t port = 443;
  std::string prefix;        // of every path: "" or "/clusters/a"
  std::string text() const;  // "https://10.0.0.1:6443/clusters/a"
  bool operator==(const ServerUrl&) const = default;
};

// "https://10.0.0.1:6443", "http://[::1]:8080/prefix/". kInvalid: the message says what is wrong, without the text.
Result<ServerUrl> parseServerUrl(std::string_view text);

// A program that prints an ExecCredential.
struct ExecPlugin {
  std::string command;  // absolute, or a name to be found in PATH
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // beside the agent's own
  std::string apiVersion;
  std::string installHint;  // shown when the program is missing
  bool provideClusterInfo = false;
  std::string clusterConfig;  // JSON of the cluster's extension for plug-ins; may be empty
};

// What the current context of a kubeconfig comes to.
struct ClientConfig {
  std::string source;  // the file, for messages

  ServerUrl server;
  Pem certificateAuthority;  // empty: what the system trusts
  bool insecureSkipTlsVerify = false;
  std::string tlsServerName;  // certificate and SNI are for this name; empty: the host's
  std::string proxyUrl;       // empty: as the environment says
  bool disableCompression = false;

  Pem clientCertificate;  // with clientKey or not at all
  Pem clientKey;
  std::string token;
  std::string tokenFile;  // absolute; what is in it wins over `token`
  std::string username;
  std::string password;
  std::optional<ExecPlugin> exec;

  std::string ns;  // of the context
};

// Reads YAML or JSON. Relative paths are taken as relative to the directory of `path`. The files named in it are not
// opened. kInvalid, with file and line: broken syntax, a value of the wrong type, a current context that is missing or
// leads nowhere, settings that contradict each other or that the agent cannot follow. Unknown and duplicate fields only
// add to `warnings`.
Result<ClientConfig> parseKubeconfig(const std::string& path, std::string_view text,
                                     std::vector<std::string>& warnings);

// The same for a file; kNotFound when there is none.
Result<ClientConfig> readKubeconfig(const std::string& path, std::vector<std::string>& warnings);

// The text of the kubeconfig that is written after a bootstrap: the server as the bootstrap configuration has it, the
// certificate and its key in the one file `pemFile` (surface 2.4).
std::string kubeconfigWithCertificate(const ClientConfig& bootstrap, const std::string& pemFile);

}  // namespace cubelet::apiserver
