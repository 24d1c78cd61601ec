// NodeCredentials: logins for registries that the node itself has, whatever a pod says (CFG-22).
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "kubelet/images/credential_config.h"
#include "kubelet/images/pull_credentials.h"

namespace cubelet::images {

// Where a docker configuration may lie; the first file that is there and makes sense counts.
struct DockerConfigPaths {
  std::vector<std::string> configs;     // config.json
  std::vector<std::string> oldConfigs;  // .dockercfg, looked at last
};
// As upstream: `root` (--root-dir), the working directory, the home directory and /.
DockerConfigPaths dockerConfigPaths(const std::string& root, const std::string& workingDirectory,
                                    const std::string& home);

// First what credential providers answer, then the node's docker configuration. A provider runs when an image is pulled
// that it is for, unless its last answer still holds; the docker configuration is read again after five minutes. What
// fails is logged and left out: the pull may work without it. Loop thread only; must outlive its calls.
class NodeCredentials {
 public:
  NodeCredentials(Loop& loop, Clock& clock, std::vector<CredentialProvider> providers, DockerConfigPaths paths);

  // To be tried one after the other, for the full or short name of an image.
  Task<std::vector<Login>> find(std::string image);

 private:
  struct Kept {
    Keyring logins;
    TimePoint until;
  };
  struct Provider {
    explicit Provider(CredentialProvider itsConfig) : config(std::move(itsConfig)) {}
    CredentialProvider config;
    Semaphore asking{1};
    std::map<std::string, Kept> kept;  // by image, by registry, or all ("")
  };

  Task<Keyring> ask(Provider* provider, std::string repository);
  const Keyring* kept(const Provider& provider, const std::string& repository) const;
  const Keyring& dockerConfig();

  Loop& loop_;
  Clock& clock_;
  std::list<Provider> providers_;
  DockerConfigPaths paths_;
  std::optional<Kept> dockerConfig_;
};

}  // namespace cubelet::images
