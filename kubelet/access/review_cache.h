// ReviewCache: answers of the API server, kept for a while; several who ask the same at once share one question.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/semaphore.h"

namespace cubelet::access {

// Use: take the entry, acquire its place, look at fresh(); when there is nothing, ask and keep(). Loop thread only.
template <class Value>
class ReviewCache {
 public:
  struct Entry {
    Semaphore asking{1};
    std::optional<Value> value;
    TimePoint until;

    const Value* fresh(TimePoint now) const { return value && now < until ? &*value : nullptr; }
    void keep(Value kept, TimePoint keepUntil) {
      value = std::move(kept);
      until = keepUntil;
    }
  };

  // `most`: entries beyond make room; somebody who uses one still can.
  explicit ReviewCache(std::size_t most) : most_(most) {}

  std::shared_ptr<Entry> entry(const std::string& key, TimePoint now) {
    if (auto found = entries_.find(key); found != entries_.end()) return found->second;
    if (entries_.size() >= most_) std::erase_if(entries_, [now](const auto& one) { return !one.second->fresh(now); });
    if (entries_.size() >= most_) entries_.clear();
    return entries_[key] = std::make_shared<Entry>();
  }

 private:
  std::size_t most_;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace cubelet::access
