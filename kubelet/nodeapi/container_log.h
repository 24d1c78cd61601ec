// ContainerLogs: GET /containerLogs/{namespace}/{pod}/{container} (LOG-4 to LOG-7).
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/task.h"
#include "kubelet/nodeapi/log_watch.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// Loop thread only.
class ContainerLogs {
 public:
  // All must outlive this object. `directory`: podLogsDir.
  ContainerLogs(Loop& loop, Clock& clock, const NodeView& view, std::string directory)
      : clock_(clock), view_(view), directory_(std::move(directory)), watch_(loop) {}

  void addRoutes(web::Router& router);
  // Those who follow a container that has ended come to their end.
  void podChanged(const std::string& uid) { watch_.podChanged(uid); }
  Task<void> close() { return watch_.close(); }

 private:
  Task<web::Reply> serve(web::RequestPtr request);

  Clock& clock_;
  const NodeView& view_;
  std::string directory_;
  LogWatch watch_;
  // One log is read at a time, so that idle followers need none of it.
  std::shared_ptr<std::string> readRoom_ = std::make_shared<std::string>();
};

}  // namespace cubelet::nodeapi
