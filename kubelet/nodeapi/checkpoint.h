// Checkpoints of containers: /checkpoint (SRV-3, KEP-2008).
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/task.h"
#include "cri/client/checkpointer.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// The runtime writes an archive of a running container below `directory`, which is made when the first one is wanted,
// for root only: it holds the container's memory. Nobody removes them but who wanted them. Loop thread only.
class Checkpoints {
 public:
  // All must outlive this object.
  Checkpoints(Clock& clock, const NodeView& view, cri::Checkpointer& runtime, std::string directory)
      : clock_(clock), view_(view), runtime_(runtime), directory_(std::move(directory)) {}

  void addRoutes(web::Router& router);

 private:
  Task<web::Reply> serve(web::RequestPtr request);
  Task<Result<std::string>> make(std::string uid, std::string fullName, std::string container, Duration timeout);

  Clock& clock_;
  const NodeView& view_;
  cri::Checkpointer& runtime_;
  std::string directory_;
};

// The parameter `timeout` of a query, in seconds, of several the last; zero without one. Nothing: it is no number.
std::optional<Duration> checkpointTimeout(const web::Target& target);

}  // namespace cubelet::nodeapi
