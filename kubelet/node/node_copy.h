// NodeCopy: the newest copy of our Node that anybody has shown us.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

// True when `left` is an older state of the same object than `right`. Resource versions of one object are numbers that
// grow (Kubernetes promises so since v1.35); where they are no numbers, nothing is older.
bool isOlder(const core::Node& left, const core::Node& right);

class NodeCopy {
 public:
  // False: we have a newer one, as when a watch tells of a change that the answer to our own patch has outrun.
  bool offer(core::Node node) {
    if (node_ && isOlder(node, *node_)) return false;
    node_ = std::move(node);
    return true;
  }
  // Null until the first.
  const core::Node* get() const { return node_ ? &*node_ : nullptr; }
  std::string uid() const { return node_ ? node_->metadata().uid() : ""; }

 private:
  std::optional<core::Node> node_;
};

}  // namespace cubelet::node
