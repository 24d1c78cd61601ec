// Bootstrap: how a node with nothing but a bootstrap token gets its first certificate and kubeconfig (surface 0, 4.10).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/kubeconfig.h"
#include "kubelet/certificates/certificate_store.h"
#include "kubelet/certificates/key_pair.h"
#include "kubelet/certificates/signing.h"

namespace cubelet::apiserver {

// Whether a kubeconfig with these client certificates will do, or the bootstrap has to be done again: there is at least
// one, and none has expired.
bool certificatesUsable(const std::vector<CertificateFacts>& certificates, WallTime now);

// Loop thread only. Everything handed in must outlive this object, and this object its tasks.
//
// The order of its steps, and what a start after a kill behind each of them does:
//   1. a key in <name>.key.tmp                     uses the same key
//   2. a request under a name made from that key   finds it under this name, approved or not
//   3. certificate and key in the store            sees that the store's key is the one in .key.tmp: goes on with 4
//   4. the kubeconfig, 0600                        needs no bootstrap; the client's CertificateManager does 5
//   5. .key.tmp removed                            done
// A pair in the store whose key is not the one in .key.tmp is of an earlier life of this node and not used: its
// cluster may be another one.
class Bootstrap {
 public:
  struct Options {
    std::string nodeName;
    std::string kubeconfigPath;                    // to write; its directory is made when it is missing
    ClientConfig bootstrap;                        // the bootstrap kubeconfig: the node's own names the same server
    std::function<double()> random;                // uniform in [0, 1)
    std::function<void(const Error&)> failed;      // a try went wrong; the next one follows after a pause
    Duration patience = std::chrono::minutes(15);  // of one try, for the approval
    Duration serverPatience = std::chrono::minutes(1);  // for the API server to answer at all
  };
  // `client` uses the bootstrap kubeconfig's credentials; `store` is the client's.
  Bootstrap(Loop& loop, ApiClient& client, const CertificateStore& store, Options options);

  // One try. A request that was denied, failed or is not approved yet stays what the next try asks for, so that no node
  // floods the cluster with new ones; after kUnusable the next try begins with a new key.
  Task<Result<KeyPair>> tryOnce();
  // Tries until it works; pauses as renewalPause() says.
  Task<KeyPair> run();

 private:
  Task<void> waitForServer();
  Task<Result<KeyPair>> requestPair();
  Result<PrivateKey> pendingOrNewKey() const;
  std::optional<KeyPair> finishedPair() const;
  Result<void> writeKubeconfig() const;

  ApiClient& client_;
  const CertificateStore& store_;
  Options options_;
  CertificateSigner signer_;
};

}  // namespace cubelet::apiserver
