#include "kubelet/sync/context.h"

namespace cubelet::sync {

WallTime retryTime(const Context& context, const Error& error) {
  using std::chrono::duration_cast;
  if (error.code == Code::kUnavailable || error.code == Code::kAlreadyExists)
    return context.clock.wallNow() + std::chrono::seconds(1);
  const double jitter = context.random ? context.random() : 0;
  const std::chrono::duration<double> delay(10.0 * (1.0 + 0.5 * jitter));
  return context.clock.wallNow() + duration_cast<WallTime::duration>(delay);
}

}  // namespace cubelet::sync
