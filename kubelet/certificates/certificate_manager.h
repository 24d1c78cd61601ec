// CertificateManager: keeps one certificate of the node valid for as long as the agent runs (surface 4.10).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/certificates/certificate_rotation.h"
#include "kubelet/certificates/certificate_store.h"
#include "kubelet/certificates/signing.h"

namespace cubelet::apiserver {

// Loop thread only. Everything handed in must outlive this object, and this object its task.
class CertificateManager {
 public:
  struct Options {
    CertificateUse use = CertificateUse::kClient;
    // Whom the certificate must name; nothing while that is not known (a serving certificate before the node has an
    // address). Asked whenever the manager looks.
    std::function<std::optional<CertificateSubject>()> subject;
    std::function<double()> random;  // uniform in [0, 1)
    // With credentials that work when the certificate does not: those of the bootstrap kubeconfig. Used while there is
    // no certificate or it has expired (the machine was off for too long). Null: `client` is used then, too.
    ApiClient* fallback = nullptr;
    // What the agent started with when the store is empty: the pair inside the kubeconfig. Goes into the store, because
    // kubeadm looks for it there (surface 0).
    std::optional<KeyPair> initial;
    Duration patience = std::chrono::minutes(15);  // of one try, for the approval
  };
  struct Listener {
    // The store has another pair now: close the connections that were made with the old one.
    std::function<void(const KeyPair&)> changed = [](const KeyPair&) {};
    std::function<void(const Error&)> failed = [](const Error&) {};
  };

  // `client` uses the certificate that is managed here (kClient), or the node's (kServer). Reads the store. That of a
  // client must not be made before a Bootstrap that is under way has ended: what such a one keeps is cleared away.
  CertificateManager(Loop& loop, ApiClient& client, const CertificateStore& store, Options options, Listener listener);

  // Runs until cancelled.
  Task<void> run();
  // The subject may have changed, the server can be reached again, or the files may be others: ends a pause.
  void lookAgain() { wake_.ring(); }

  // Null when there is none. It may have expired. For the time that is left and what the server shows.
  const KeyPair* current() const { return current_ ? &*current_ : nullptr; }
  std::uint64_t renewErrors() const { return renewErrors_; }

 private:
  void loadFirst();
  void take(KeyPair pair);
  bool reload();
  RenewalInput input(const std::optional<CertificateSubject>& wanted) const;
  Task<Result<void>> renew(RenewalNeed need, CertificateSubject subject);

  Clock& clock_;
  const CertificateStore& store_;
  Options options_;
  Listener listener_;
  CertificateSigner signer_;
  std::optional<CertificateSigner> fallbackSigner_;
  std::optional<KeyPair> current_;
  WallTime renewAt_;                 // of current_
  std::optional<Error> startError_;  // told once the manager runs
  std::uint64_t renewErrors_ = 0;
  Wake wake_;
};

}  // namespace cubelet::apiserver
