// Watching the pods: when to look, and what is new then.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::server {

namespace core = ::k8s::core::v1;

// Tells those who watch that pods may have changed. Loop thread only.
class PodNews {
 public:
  // Ends when it is destroyed.
  using Subscription = std::shared_ptr<const std::function<void()>>;
  // `fn` must not subscribe.
  [[nodiscard]] Subscription subscribe(std::function<void()> fn);
  void tell();

 private:
  std::vector<std::weak_ptr<const std::function<void()>>> subscribers_;
};

// What one client has been told. Remembers no pods, so a client costs little, and one that reads slowly misses steps
// but not the last state. No I/O.
class PodWatch {
 public:
  // `ns`: only pods of it; empty: all.
  explicit PodWatch(std::string ns) : ns_(std::move(ns)) {}
  // What has changed since the last call, a JSON object a line, as the API server tells it:
  // {"type":"ADDED","object":{...}}, MODIFIED, and DELETED with name, namespace and UID only. At first all are ADDED.
  std::string changes(const std::vector<core::Pod>& pods);

 private:
  struct Told {
    std::string ns;
    std::string name;
    std::size_t hash = 0;  // of its text
  };
  std::string ns_;
  std::map<std::string, Told> told_;  // by UID
};

}  // namespace cubelet::server
