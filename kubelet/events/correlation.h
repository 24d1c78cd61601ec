// Which events are one and the same, which are combined, and which are too many. No I/O; time comes in as an argument.
#pragma once

#include <cstddef>
#include <list>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::events {

namespace core = ::k8s::core::v1;

// A map of bounded size: the entry that was not used for longest makes room.
template <class Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t capacity) : capacity_(capacity) {}

  // The value of `key`, a default one when it is new. Valid until the next call.
  Value& use(const std::string& key) {
    if (auto found = byKey_.find(key); found != byKey_.end()) {
      entries_.splice(entries_.end(), entries_, found->second);
      return found->second->second;
    }
    if (entries_.size() >= capacity_) {
      byKey_.erase(entries_.front().first);
      entries_.pop_front();
    }
    entries_.emplace_back(key, Value());
    byKey_[key] = std::prev(entries_.end());
    return entries_.back().second;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<std::string, Value>>;
  std::size_t capacity_;
  Entries entries_;  // least recently used first
  std::unordered_map<std::string, typename Entries::iterator> byKey_;
};

// The rules of client-go's tools/record event correlator, with its default numbers.
class Correlator {
 public:
  // From this many similar events (same object, type and reason, other messages) on they become one, as long as no two
  // of them are further apart than kSimilarWithin.
  static constexpr std::size_t kSimilarMax = 10;
  static constexpr Duration kSimilarWithin = std::chrono::seconds(600);
  // Each object has a bucket of events that may pass; it fills up again slowly.
  static constexpr double kBurst = 25;
  static constexpr Duration kRefillEvery = std::chrono::seconds(300);

  explicit Correlator(std::size_t objects) : similar_(objects), buckets_(objects) {}

  // Answers the key under which this event is counted: events of one key are one event. When it is one of too many
  // similar ones, its message gets the prefix that says so and the key is common to all of them.
  std::string keyFor(core::Event& event, TimePoint now);
  // Takes one token of the object; false when none is left: hold the event back.
  bool letThrough(const core::Event& event, TimePoint now);

 private:
  struct Similar {
    std::set<std::string, std::less<>> messages;  // at most kSimilarMax - 1 between calls
    TimePoint last;
  };
  struct Bucket {
    bool used = false;
    double tokens = kBurst;
    TimePoint filledAt;
  };
  RecentMap<Similar> similar_;
  RecentMap<Bucket> buckets_;
};

}  // namespace cubelet::events
