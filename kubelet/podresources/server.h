// Server: the PodResourcesLister services, v1 and v1alpha1, on <root>/pod-resources/kubelet.sock (SRV-14).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/rpc/server.h"
#include "kubelet/apiserver/token_bucket.h"
#include "kubelet/devices/devices.h"

namespace cubelet::podresources {

// Answers at most 100 calls in a second, after a burst of 10; others are told to come later. Loop thread only; what is
// given by reference must outlive this object.
class Server {
 public:
  // `pods` answers those that are to run on this node and have not ended.
  Server(Loop& loop, Clock& clock, const rpc::Pump& pump, std::string directory, const devices::Devices& devices,
         std::function<std::vector<k8s::core::v1::Pod>()> pods);

  Result<void> start();
  Task<void> close() { return server_.close(); }

 private:
  using Answer = std::function<Result<std::string>(const std::string& request)>;
  void answer(const std::string& service, const std::string& method, Answer how);
  Task<Result<std::string>> answerOne(Answer how, std::string request);
  Result<std::string> list() const;
  Result<std::string> alphaList() const;
  Result<std::string> get(const std::string& request) const;

  Clock& clock_;
  std::string directory_;
  const devices::Devices& devices_;
  std::function<std::vector<k8s::core::v1::Pod>()> pods_;
  apiserver::TokenBucket rate_;
  rpc::Server server_;
};

}  // namespace cubelet::podresources
