#include "kubelet/events/correlation.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>

namespace cubelet::events {
namespace {

// NUL cannot occur in any of the parts, so different parts never give the same key.
std::string join(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (std::string_view part : parts) key.append(part).push_back('\0');
  return key;
}

std::string objectKey(const core::ObjectReference& object) {
  return join({object.kind(), object.namespace_(), object.name(), object.uid(), object.apiversion()});
}

}  // namespace

std::string Correlator::keyFor(core::Event& event, TimePoint now) {
  const core::ObjectReference& object = event.involvedobject();
  std::string alike = objectKey(object) + join({event.type(), event.reason()});
  Similar& similar = similar_.use(alike);
  if (now - similar.last > kSimilarWithin) similar.messages.clear();
  similar.last = now;
  similar.messages.insert(event.message());
  if (similar.messages.size() < kSimilarMax) return alike + join({object.fieldpath(), event.message()});

  // Which one is forgotten does not matter; what counts is that the next new message combines again.
  similar.messages.erase(similar.messages.begin());
  event.set_message("(combined from similar events): " + event.message());
  return alike;
}

bool Correlator::letThrough(const core::Event& event, TimePoint now) {
  Bucket& bucket = buckets_.use(objectKey(event.involvedobject()));
  if (bucket.used) {
    double refill = std::chrono::duration<double>(now - bucket.filledAt) / std::chrono::duration<double>(kRefillEvery);
    bucket.tokens = std::min(kBurst, bucket.tokens + refill);
  }
  bucket.used = true;
  bucket.filledAt = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace cubelet::events
