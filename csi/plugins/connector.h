// How plugins are reached.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/rpc/channel.h"
#include "base/task.h"
#include "csi/client/node_service.h"
#include "proto/pluginregistration/registration.pb.h"

namespace cubelet::csi {

// Loop thread only.
class Connector {
 public:
  virtual ~Connector() = default;
  // Who is behind this registration socket; at most 10 s until it listens, 1 s for its answer.
  virtual Task<Result<pluginregistration::PluginInfo>> info(std::string socket) = 0;
  // Tells it the outcome; at most 5 s.
  virtual Task<Result<void>> tell(std::string socket, pluginregistration::RegistrationStatus status) = 0;
  // The CSI services at an endpoint. kInvalid: it is no socket's path.
  virtual Result<std::shared_ptr<NodeService>> node(std::string endpoint) = 0;
  // False: nobody listens on this socket any more. Does not block.
  virtual bool isServed(const std::string& socket) = 0;
};

class GrpcConnector final : public Connector {
 public:
  // `pump` must outlive this object and all it has answered.
  explicit GrpcConnector(rpc::Pump& pump) : pump_(pump) {}
  Task<Result<pluginregistration::PluginInfo>> info(std::string socket) override;
  Task<Result<void>> tell(std::string socket, pluginregistration::RegistrationStatus status) override;
  Result<std::shared_ptr<NodeService>> node(std::string endpoint) override;
  bool isServed(const std::string& socket) override;

 private:
  rpc::Pump& pump_;
};

}  // namespace cubelet::csi
