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

// What the API server says of the service account that an image is pulled for. Loop thread only.
class Accounts {
 public:
  struct Account {
    std::string uid;
    std::map<std::string, std::string> annotations;
  };
  virtual ~Accounts() = default;
  virtual Task<Result<Account>> account(std::string ns, std::string name) = 0;
  // Of the pod's service account, bound to the pod, for one audience.
  virtual Task<Result<std::string>> token(core::Pod pod, std::string audience) = 0;
};

// First what credential providers answer, then the node's docker configuration. A provider runs when an image is pulled
// that it is for, unless its last answer still holds; the docker configuration is read again after five minutes. What
// fails is logged and left out: the pull may work without it. Loop thread only; must outlive its calls.
class NodeCredentials {
 public:
  NodeCredentials(Loop& loop, Clock& clock, std::vector<CredentialProvider> providers, DockerConfigPaths paths);

  // From now on providers may be shown tokens. Null: as without an API server, where no pod has a service account.
  void useAccounts(Accounts* accounts) { accounts_ = accounts; }

  // To be tried one after the other by this pod, for the full or short name of an image.
  Task<std::vector<Login>> find(std::string image, core::Pod pod);
  // Only those that the pod has by its service account.
  Task<std::vector<Login>> findByAccount(std::string image, core::Pod pod);

 private:
  struct Kept {
    Keyring logins;
    TimePoint until;
  };
  struct Provider {
    explicit Provider(CredentialProvider itsConfig) : config(std::move(itsConfig)) {}
    CredentialProvider config;
    Semaphore asking{1};
    // By image, by registry, or all (""), behind whom it is kept for.
    std::map<std::string, Kept> kept;
  };

  // For whom a provider is asked.
  struct Asker {
    std::optional<SecretLogin> account;  // nothing: everybody, or a pod without one
    AccountProof proof;                  // beside `account`
    std::string keptFor;                 // whose answers are kept together; empty: everybody's
  };
  Task<std::vector<Login>> ofProviders(std::string image, core::Pod pod, bool byAccount);
  Task<Result<std::optional<Asker>>> askerFor(TokenUse use, core::Pod pod);
  Task<Keyring> ask(Provider* provider, std::string repository, core::Pod pod);
  const Keyring* kept(const Provider& provider, const std::string& keptFor, const std::string& repository) const;
  const Keyring& dockerConfig();

  Loop& loop_;
  Clock& clock_;
  Accounts* accounts_ = nullptr;
  std::list<Provider> providers_;
  DockerConfigPaths paths_;
  std::optional<Kept> dockerConfig_;
};

}  // namespace cubelet::images
