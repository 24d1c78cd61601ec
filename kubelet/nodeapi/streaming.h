// Streaming: exec, attach, portForward and run (SRV-11 to SRV-13).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/nodeapi/stream_request.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// What somebody wants to be connected with.
struct StreamAsked {
  std::string ns;
  std::string pod;
  std::string uid;  // empty: whichever pod has that name
  std::string container;
  std::vector<std::string> command;
  Streams streams;
  std::vector<std::uint16_t> ports;
};

// The runtime speaks SPDY and WebSocket with the client itself; we only hand bytes to and fro. Loop thread only.
class Streaming {
 public:
  // All must outlive this object. `idleTime`: streamingConnectionIdleTimeout.
  Streaming(Loop& loop, Clock& clock, const NodeView& view, cri::RuntimeService& runtime, Duration idleTime)
      : loop_(loop), clock_(clock), view_(view), runtime_(runtime), idleTime_(idleTime) {}

  void addRoutes(web::Router& router);

  // Where the runtime serves such a stream, to the first who comes. kNotFound: no such pod, or nothing of it runs.
  // kInvalid: no such container runs. Others are the runtime's.
  Task<Result<StreamUrl>> execUrl(StreamAsked asked);
  Task<Result<StreamUrl>> attachUrl(StreamAsked asked);
  Task<Result<StreamUrl>> portForwardUrl(StreamAsked asked);

 private:
  using Serve = Task<web::Reply> (Streaming::*)(web::RequestPtr);
  void add(web::Router& router, std::vector<std::string> methods, const std::string& pattern, Serve serve);

  Task<web::Reply> exec(web::RequestPtr request);
  Task<web::Reply> attach(web::RequestPtr request);
  Task<web::Reply> portForward(web::RequestPtr request);
  Task<web::Reply> run(web::RequestPtr request);
  web::Reply handOn(const web::RequestPtr& request, Result<StreamUrl> url);

  Loop& loop_;
  Clock& clock_;
  const NodeView& view_;
  cri::RuntimeService& runtime_;
  Duration idleTime_;
};

}  // namespace cubelet::nodeapi
