#include "kubelet/certificates/bootstrap.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/files.h"
#include "kubelet/certificates/certificate_rotation.h"

namespace cubelet::apiserver {
namespace {

constexpr mode_t kSecretMode = 0600;
constexpr mode_t kDirectoryMode = 0755;
constexpr Duration kProbeTimeout = std::chrono::seconds(1);
constexpr Duration kProbeEvery = std::chrono::seconds(2);

}  // namespace

bool certificatesUsable(const std::vector<CertificateFacts>& certificates, WallTime now) {
  return !certificates.empty() && std::ranges::none_of(certificates, [&](const CertificateFacts& certificate) {
    return isExpired(certificate, now);
  });
}

Bootstrap::Bootstrap(Loop& loop, ApiClient& client, const CertificateStore& store, Options options)
    : client_(client), store_(store), options_(std::move(options)), signer_(loop, client, options_.random) {}

Task<KeyPair> Bootstrap::run() {
  for (int failures = 1;; ++failures) {
    Result<KeyPair> pair = co_await tryOnce();
    if (pair) co_return std::move(*pair);
    options_.failed(pair.error());
    co_await client_.clock().sleep(renewalPause(failures, options_.random()));
  }
}

Task<Result<KeyPair>> Bootstrap::tryOnce() {
  std::optional<KeyPair> pair = finishedPair();
  if (!pair) {
    Result<KeyPair> issued = co_await requestPair();
    if (!issued) co_return issued;
    Result<void> saved = store_.save(*issued, client_.clock().wallNow());
    if (!saved) co_return fail(std::move(saved.error()));
    pair = std::move(*issued);
  }
  Result<void> written = writeKubeconfig();
  if (!written) co_return fail(std::move(written.error()));
  Result<void> dropped = store_.dropPendingKey();
  if (!dropped) co_return fail(std::move(dropped.error()));
  co_return std::move(*pair);
}

// What an earlier try got before it was killed.
std::optional<KeyPair> Bootstrap::finishedPair() const {
  const WallTime now = client_.clock().wallNow();
  const std::optional<PrivateKey> pending = store_.pendingKey();
  if (!pending) return std::nullopt;
  Result<KeyPair> stored = store_.load(now);
  if (!stored || stored->key().publicKey() != pending->publicKey()) return std::nullopt;
  if (isExpired(stored->facts(), now) || !covers(stored->facts(), nodeClientSubject(options_.nodeName)))
    return std::nullopt;
  return std::move(*stored);
}

Task<Result<KeyPair>> Bootstrap::requestPair() {
  Result<PrivateKey> key = pendingOrNewKey();
  if (!key) co_return fail(std::move(key.error()));
  co_await waitForServer();
  CertificateSigner::Order order;
  order.use = CertificateUse::kClient;
  order.subject = nodeClientSubject(options_.nodeName);
  order.resumable = true;
  Result<KeyPair> pair = co_await signer_.obtain(std::move(*key), std::move(order), options_.patience);
  if (pair || pair.error().reason != kUnusable) co_return pair;
  // Under this key nothing else will ever come.
  Result<void> dropped = store_.dropPendingKey();
  if (!dropped) co_return fail(std::move(dropped.error()));
  co_return pair;
}

Result<PrivateKey> Bootstrap::pendingOrNewKey() const {
  if (std::optional<PrivateKey> pending = store_.pendingKey()) return std::move(*pending);
  Result<PrivateKey> key = PrivateKey::generate();
  if (!key) return key;
  // On disk before anybody hears of it.
  if (Result<void> kept = store_.keepPendingKey(*key); !kept) return fail(std::move(kept.error()));
  return key;
}

// Any answer will do, a refusal too: the request itself tells more. When there is none for long, the request is tried
// all the same.
Task<void> Bootstrap::waitForServer() {
  Clock& clock = client_.clock();
  const TimePoint until = clock.now() + options_.serverPatience;
  while (clock.now() < until) {
    Request probe;
    probe.path = "/healthz";
    probe.timeout = kProbeTimeout;
    Result<Response> answer = co_await client_.call(std::move(probe));
    if (answer || !isRetryable(answer.error().code)) co_return;
    co_await clock.sleep(kProbeEvery);
  }
}

Result<void> Bootstrap::writeKubeconfig() const {
  const std::string directory = std::filesystem::path(options_.kubeconfigPath).parent_path();
  if (!directory.empty())
    if (auto made = makeDirectories(directory, kDirectoryMode); !made) return made;
  const std::string text = kubeconfigWithCertificate(options_.bootstrap, store_.currentPath());
  return writeFileAtomic(options_.kubeconfigPath, text, kSecretMode);
}

}  // namespace cubelet::apiserver
