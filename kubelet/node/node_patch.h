// How the Node is written: a strategic merge patch for nodes/<name>/status with what is ours and has changed. Surface
// 4.5, NOD-14. No I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

// Compares labels, annotations and status. Times of heartbeats alone are no change. Loop thread only.
class NodePatcher {
 public:
  NodePatcher();
  ~NodePatcher();

  // What turns `stored`, the server's copy, into `wanted`; nothing when they agree. `wanted` was made from `stored`, so
  // all that is not ours is the same in both. With any change the heartbeats of our conditions go along.
  std::optional<std::string> changes(const core::Node& stored, const core::Node& wanted) const;

  // Only says that we are alive.
  static std::string heartbeat(const core::Node& wanted);

  // The server has answered a patch towards `wanted` with `answer`. An older server drops fields that it does not know:
  // what it did not take is not asked for again until we want something else there.
  void answered(const core::Node& answer, const core::Node& wanted);

 private:
  struct Dropped;
  std::unique_ptr<Dropped> dropped_;
};

}  // namespace cubelet::node
