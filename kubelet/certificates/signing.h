// CertificateSigner: has the cluster sign a certificate (surface 4.10).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/certificates/certificate_request.h"
#include "kubelet/certificates/key_pair.h"
#include "proto/k8s/certificates.pb.h"

namespace cubelet::apiserver {

enum class CertificateUse { kClient, kServer };

// "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"
std::string_view signerOf(CertificateUse use);

// What the certificate may be used for, sorted. "key encipherment" makes sense for RSA only, but servers before 1.27
// approve and sign nothing without it.
std::vector<std::string> usagesOf(CertificateUse use, bool keyEncipherment);

// What the answer of /version says. False when it says nothing.
bool isBefore127(std::string_view versionJson);

// The name of a request that stays the same for the same key, subject and use: asking again after a crash finds the
// first one. "node-csr-" and 43 characters.
std::string requestName(const PrivateKey& key, const CertificateSubject& subject, CertificateUse use);

// Nothing while the request waits for approval or for its certificate; then the certificates (PEM), or kInvalid with
// the reason kDenied or kFailed.
std::optional<Result<std::string>> verdictOn(const k8s::certificates::v1::CertificateSigningRequest& request);

inline constexpr char kDenied[] = "CertificateDenied";
inline constexpr char kFailed[] = "CertificateFailed";
// The request vanished, or another one took its name: ask again.
inline constexpr char kRequestGone[] = "CertificateRequestGone";
// What stands under the request's name, or what came of it, is not for this key or subject, or too old: ask again with
// a new key.
inline constexpr char kUnusable[] = "CertificateUnusable";

// Loop thread only. Everything handed in must outlive this object, and this object its tasks.
class CertificateSigner {
 public:
  // `random`: uniform in [0, 1).
  CertificateSigner(Loop& loop, ApiClient& client, std::function<double()> random)
      : loop_(loop), client_(client), random_(std::move(random)) {}

  struct Order {
    CertificateUse use = CertificateUse::kClient;
    CertificateSubject subject;
    // True: under requestName(), so that the same order given again goes on where the first one stopped. False: under a
    // name that the server makes up from "csr-".
    bool resumable = false;
  };

  // Sends the request, waits until somebody has approved it and the certificate is there, and checks that it is the
  // right one. kTimedOut when that takes more than `patience`; the request stays. Otherwise the errors of verdictOn(),
  // those above and those of the client.
  Task<Result<KeyPair>> obtain(PrivateKey key, Order order, Duration patience = std::chrono::minutes(15));

 private:
  using Request = k8s::certificates::v1::CertificateSigningRequest;

  Task<bool> serverIsBefore127();
  Task<Result<Request>> send(PrivateKey key, Order order);
  Task<Result<Request>> existing(PrivateKey key, Order order, std::string name);
  Task<Result<std::string>> waitForVerdict(Request sent, TimePoint until);

  Loop& loop_;
  ApiClient& client_;
  std::function<double()> random_;
};

}  // namespace cubelet::apiserver
