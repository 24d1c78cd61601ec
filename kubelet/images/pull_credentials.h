// Which credentials may open the registry of an image (CFG-22). Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cri/client/runtime_service.h"
#include "kubelet/images/pull_records.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::images {

namespace core = ::k8s::core::v1;

// What a registry knows somebody by. Never to be logged or put into a message.
struct Login {
  std::string username;
  std::string password;
  std::optional<SecretLogin> secret = {};  // where it stood; nothing: the node has it
  cri::v1::AuthConfig auth() const;
};

// Logins by the registry, or the part of one, that they are for. Rules are those of upstream pkg/credentialprovider:
// - a key is a host, with a port or a path if need be ("registry.test:5000/team"); a scheme and a leading /v1/ or /v2/
//   do not count. Each label of the host may be a glob ("*.registry.test"), the port must be equal, and the path must
//   be how the image's path begins.
// - more specific keys come first: the order of keys is the reverse of the alphabet's.
// - "index.docker.io" opens Docker Hub under all its names when no other key fits.
class Keyring {
 public:
  // Adds a Secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg; others, and those without content,
  // add nothing. kInvalid when its content makes no sense; the message says what is wrong and quotes nothing.
  Result<void> add(const core::Secret& secret);

  // The content of a file config.json, or of an old .dockercfg, which has no "auths". All or nothing, errors as above.
  Result<void> addConfig(const std::string& text, bool old);
  void add(std::string_view key, Login login);

  // To be tried one after the other, without duplicates; empty: nobody has said anything about this registry.
  std::vector<Login> find(const std::string& image) const;

 private:
  Result<void> read(const std::string& text, bool old, const std::optional<SecretLogin>& secret);

  std::map<std::string, std::vector<Login>, std::greater<>> logins_;
};

// "busybox:1" -> "docker.io/library/busybox", "reg.test:5000/a/b@sha256:..." -> "reg.test:5000/a/b": the full name of
// what the image is a version of.
std::string repositoryOf(std::string_view image);

// Whether a key, without scheme, is for this repository.
bool keyMatches(std::string_view key, std::string_view repository);

}  // namespace cubelet::images
