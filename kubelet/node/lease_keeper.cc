#include "kubelet/node/lease_keeper.h"

#include <utility>

#include "kubelet/node/well_known.h"

namespace cubelet::node {
namespace {

constexpr double kJitter = 0.04;
constexpr Duration kCheckWithin = std::chrono::milliseconds(500);
constexpr char kWhat[] = "renewing the node's lease";

std::string leasePath(const std::string& nodeName) {
  return apiserver::kLeases.object(kLeaseNamespace, nodeName);
}

// Nothing is wrong: a lease belongs to its Node, which is about to be made.
constexpr char kNoNode[] = "NoNode";

}  // namespace

LeaseKeeper::LeaseKeeper(Clock& clock, apiserver::ApiClient& client, HeartbeatPath& path, Options options)
    : clock_(clock),
      client_(client),
      path_(path),
      options_(std::move(options)),
      backoff_(heartbeatBackoff(options_.random)),
      wake_(clock) {}

Task<void> LeaseKeeper::run() {
  for (;;) {
    wake_.clear();
    const TimePoint begin = clock_.now();
    Result<void> renewed = co_await renewOnce();
    failing_ = !renewed;
    Duration pause{0};
    if (renewed) {
      path_.worked(kWhat);
      backoff_.reset();
      wake_.clear();  // whoever wanted to know has the answer
      renewedAt_ = clock_.now();
      pause = renewEvery(options_.duration);
      pause += std::chrono::duration_cast<Duration>(pause * (kJitter * options_.random()));
      pause -= clock_.now() - begin;  // the rhythm does not slip behind slow answers
    } else if (renewed.error().reason == kNoNode) {
      pause = backoff_.next();  // the registration ends it
    } else {
      path_.failed(kWhat, renewed.error());
      pause = backoff_.next();
    }
    co_await wake_.waitUntil(clock_.now() + pause);
  }
}

void LeaseKeeper::checkSoon() {
  if (failing_) return;
  check_ =
      clock_.after(std::chrono::duration_cast<Duration>(kCheckWithin * options_.random()), [this] { wake_.ring(); });
}

Task<Result<void>> LeaseKeeper::renewOnce() {
  bool missing = false;
  if (!lease_) {
    Result<void> learned = co_await learn();
    missing = !learned && learned.error().code == Code::kNotFound;
    if (!learned && !missing) co_return learned;
  }
  const std::string uid = options_.nodeUid();
  if (missing && uid.empty())
    co_return fail(Code::kUnavailable, kNoNode, "the lease is missing and the node is not registered yet");
  Lease lease = renewedLease(lease_.value_or(Lease()), options_.nodeName, uid, options_.duration, clock_.wallNow());
  co_return co_await write(std::move(lease), missing);
}

Task<Result<void>> LeaseKeeper::learn() {
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = leasePath(options_.nodeName);
  Result<Lease> found = co_await client_.get<Lease>(std::move(path), call);
  if (!found) co_return fail(std::move(found.error()));
  lease_ = std::move(*found);
  co_return Result<void>();
}

Task<Result<void>> LeaseKeeper::write(Lease lease, bool create) {
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  Result<Lease> written = fail(Code::kInternal, "", "not asked yet");
  std::string path = create ? apiserver::kLeases.collection(kLeaseNamespace) : leasePath(options_.nodeName);
  if (create)
    written = co_await client_.create(std::move(path), lease, call);
  else
    written = co_await client_.update(std::move(path), lease, call);
  if (written) {
    lease_ = std::move(*written);
    co_return Result<void>();
  }
  if (stepAfter(written.error()) == LeaseStep::kReread) lease_.reset();
  co_return fail(std::move(written.error()));
}

}  // namespace cubelet::node
