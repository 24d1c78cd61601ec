#include "kubelet/certificates/certificate_manager.h"

#include <utility>

namespace cubelet::apiserver {

CertificateManager::CertificateManager(Loop& loop, ApiClient& client, const CertificateStore& store, Options options,
                                       Listener listener)
    : clock_(client.clock()),
      store_(store),
      options_(std::move(options)),
      listener_(std::move(listener)),
      signer_(loop, client, options_.random),
      wake_(clock_) {
  if (options_.fallback != nullptr) fallbackSigner_.emplace(loop, *options_.fallback, options_.random);
  loadFirst();
}

void CertificateManager::loadFirst() {
  const WallTime now = clock_.wallNow();
  Result<KeyPair> stored = store_.load(now);
  Result<void> done;
  if (stored) {
    take(std::move(*stored));
    // Of a bootstrap that was killed when all but this was done.
    done = store_.dropPendingKey();
  } else if (options_.initial) {
    done = store_.save(*options_.initial, now);
    take(std::move(*options_.initial));
  } else if (stored.error().code != Code::kNotFound) {
    startError_ = stored.error();
  }
  if (!done) startError_ = done.error();
  options_.initial.reset();
}

void CertificateManager::take(KeyPair pair) {
  current_ = std::move(pair);
  renewAt_ = renewalTime(current_->facts(), options_.random());
}

// Somebody may have put another pair in place of one that is of no use any more. True when there is one that is.
bool CertificateManager::reload() {
  const WallTime now = clock_.wallNow();
  Result<KeyPair> stored = store_.load(now);
  if (!stored || isExpired(stored->facts(), now)) return false;
  take(std::move(*stored));
  return true;
}

RenewalInput CertificateManager::input(const std::optional<CertificateSubject>& wanted) const {
  return {current_ ? &current_->facts() : nullptr, renewAt_, wanted ? &*wanted : nullptr};
}

Task<void> CertificateManager::run() {
  if (startError_) listener_.failed(*startError_);
  startError_.reset();
  for (int failures = 0;;) {
    // A ring from now on is about something that this look may have missed.
    wake_.clear();
    const std::optional<CertificateSubject> wanted = options_.subject();
    const RenewalNeed need = renewalNeed(input(wanted), clock_.wallNow());
    if (need == RenewalNeed::kNone) {
      failures = 0;
      const std::optional<Duration> sleep = untilNextLook(input(wanted), clock_.wallNow());
      co_await wake_.waitUntil(sleep ? clock_.now() + *sleep : TimePoint::max());
      continue;
    }
    const bool useless = need == RenewalNeed::kMissing || need == RenewalNeed::kExpired;
    if (useless && reload()) {
      listener_.changed(*current_);
      continue;
    }
    Result<void> renewed = co_await renew(need, *wanted);
    if (renewed) continue;
    ++renewErrors_;
    listener_.failed(renewed.error());
    co_await wake_.waitUntil(clock_.now() + renewalPause(++failures, options_.random()));
  }
}

Task<Result<void>> CertificateManager::renew(RenewalNeed need, CertificateSubject subject) {
  const bool useless = need == RenewalNeed::kMissing || need == RenewalNeed::kExpired;
  CertificateSigner& signer = useless && fallbackSigner_ ? *fallbackSigner_ : signer_;
  Result<PrivateKey> key = PrivateKey::generate();
  if (!key) co_return fail(std::move(key.error()));
  CertificateSigner::Order order;
  order.use = options_.use;
  order.subject = subject;
  Result<KeyPair> pair = co_await signer.obtain(std::move(*key), std::move(order), options_.patience);
  if (!pair) co_return fail(std::move(pair.error()));
  Result<void> saved = store_.save(*pair, clock_.wallNow());
  if (!saved) co_return saved;
  take(std::move(*pair));
  listener_.changed(*current_);
  // Otherwise the loop would ask for the next one at once, and for ever.
  if (renewalNeed({&current_->facts(), renewAt_, &subject}, clock_.wallNow()) != RenewalNeed::kNone)
    co_return fail(
        Code::kInvalid, kUnusable,
        "the certificate for " + subject.commonName + ": it is due for renewal already (is the clock right?)");
  co_return Result<void>();
}

}  // namespace cubelet::apiserver
