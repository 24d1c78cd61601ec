// PullRecords: which pods have shown that they may use an image that the agent has pulled (CFG-23, KEP-2535).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::images {

// Where a login is from that not every pod has: a Secret, or a credential provider that was shown a token of a service
// account. The hash tells whether it is still the same; it is SHA-256, as passwords are. Those for service accounts
// have none: each token is another one.
struct SecretLogin {
  std::string uid;
  std::string ns;
  std::string name;
  std::string hash;
  bool ofAccount = false;
  bool sameSecret(const SecretLogin& other) const {
    return uid == other.uid && ns == other.ns && name == other.name && ofAccount == other.ofAccount;
  }
};
std::string loginHash(const std::string& username, const std::string& password);

struct VerificationPolicy {
  // NeverVerify, NeverVerifyPreloadedImages, NeverVerifyAllowlistedImages or AlwaysVerify.
  std::string name = "NeverVerifyPreloadedImages";
  std::vector<std::string> allowlist;  // names without tag; "registry.test/team/*" is all below
};
// Whether a pod has to show that it may use an image that is there already. Pure.
bool mustVerify(const VerificationPolicy& policy, const std::string& image, bool pulledByAgent);

// Records lie below `directory` (<root>/image_manager), in upstream's form: what is being pulled in "pulling", so that
// an image whose pull the agent did not live to see is no preloaded one, and what was pulled in "pulled". Loop thread
// only; blocks for small local files.
class PullRecords {
 public:
  PullRecords(const Clock& clock, std::string directory, VerificationPolicy policy);

  // Before a pull, and after it. `by`: whose login has opened the registry; nothing: no credentials or the
  // node's own, so that every pod of the node may use the image. An image that was there after all has no record of it.
  Result<void> begin(const std::string& image);
  void end(const std::string& image);
  Result<void> pulled(const std::string& image, const std::string& imageId, const std::optional<SecretLogin>& by);

  // Whether a pod may use the image without asking the registry, with no credentials, or with these: one of them opened
  // the registry before, or holds the same login.
  bool isOpen(const std::string& image, const std::string& imageId) const;
  bool mayUse(const std::string& image, const std::string& imageId, const std::vector<SecretLogin>& logins) const;
  // The image was removed: whoever brings one back, it is another one.
  void removed(const std::string& imageId);

 private:
  struct Access {
    bool everyPod = false;
    std::vector<SecretLogin> secrets;
  };
  using Record = std::map<std::string, Access>;  // by name of the image, without tag

  std::string intentFile(const std::string& image) const;
  std::string recordFile(const std::string& imageId) const;
  std::optional<Record> read(const std::string& imageId) const;
  bool needsProof(const std::string& image, const std::optional<Record>& record) const;

  const Clock& clock_;
  const std::string directory_;
  const VerificationPolicy policy_;
  std::map<std::string, int> underWay_;  // pulls by image
};

}  // namespace cubelet::images
