// CertificateStore: keys and certificates on disk, where the upstream kubelet keeps them (surface 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/certificates/certificate_request.h"
#include "kubelet/certificates/key_pair.h"

namespace cubelet::apiserver {

inline constexpr char kClientStore[] = "kubelet-client";
inline constexpr char kServerStore[] = "kubelet-server";

// One rotating pair in --cert-dir:
//   <name>-current.pem                -> the pair in use, a symbolic link
//   <name>-YYYY-MM-DD-HH-MM-SS.pem       one pair: certificates, then key; 0600. Old ones stay, as upstream leaves
//   them. <name>-updated.pem                   transient: the next link, about to be renamed over -current
//   <name>.key.tmp                       the key of a request that is under way
// Every state that a kill can leave behind is one that load() and save() understand: -current always names a whole
// pair, the old or the new one. Calls block for local file operations, fsync included. One process at a time.
class CertificateStore {
 public:
  // `certificateFile` and `keyFile`: a pair that the configuration names, used while there is no -current; may be
  // empty.
  CertificateStore(const std::string& directory, std::string name, std::string certificateFile = "",
                   std::string keyFile = "");

  // The first pair that is valid at `now`, of: -current, the configured files, <name>.crt with <name>.key. When none
  // is, the first one that can be read (an expired one: the caller looks at its facts). kNotFound: there is none;
  // kInvalid and others: there is something, but it cannot be used.
  Result<KeyPair> load(WallTime now) const;
  // Makes the pair the one in use. After an Error the old one is.
  Result<void> save(const KeyPair& pair, WallTime now) const;
  // <directory>/<name>-current.pem, absolute, for kubeconfig files.
  std::string currentPath() const;

  // The key of an unfinished request; nothing when there is none that can be used.
  std::optional<PrivateKey> pendingKey() const;
  Result<void> keepPendingKey(const PrivateKey& key) const;
  Result<void> dropPendingKey() const;

 private:
  std::string path(std::string_view suffix) const;
  Result<void> removeLeftovers() const;
  Result<void> pointTo(const std::string& file) const;

  std::string directory_;
  std::string name_;
  std::string certificateFile_;
  std::string keyFile_;
};

// The serving pair that needs nobody: <directory>/kubelet.crt (0644) and kubelet.key (0600), kept over restarts
// (surface 2.1). Made anew, for `lifetime` from an hour ago (other clocks may lag behind), when it is missing, does not
// fit together, cannot be read or has expired.
inline constexpr std::chrono::hours kSelfSignedLifetime{365 * 24};
Result<KeyPair> loadOrMakeServingPair(const std::string& directory, const CertificateSubject& subject, WallTime now,
                                      Duration lifetime = kSelfSignedLifetime);

}  // namespace cubelet::apiserver
