#include "staticpods/source/delivery.h"

namespace cubelet::staticpods {

void Delivery::deliver(ManifestSet& set, WallTime now) {
  const bool changed = set.settle(now);
  if (!changed && delivered_) return;
  delivered_ = true;
  PodSet pods = set.podSet();
  log_.tell(pods.problems);
  onChange_(std::move(pods));
}

}  // namespace cubelet::staticpods
