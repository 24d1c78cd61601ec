// Runner: asks a container once. Behaviours PRB-10 to PRB-12.
#pragma once

#include <string>

#include "base/blocking.h"
#include "base/http/client.h"
#include "base/rpc/channel.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "kubelet/probes/action.h"
#include "kubelet/probes/verdict.h"

namespace cubelet::probes {

// Shared by all probes of the agent. Keeps nothing between runs. Loop thread only.
class Runner {
 public:
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& pool;  // host names are looked up there
    rpc::Pump& pump;
    cri::RuntimeService& runtime;
    http::Client& http;
    std::string kubernetesVersion;  // "1.36", for the user agent
  };
  explicit Runner(Services services) : services_(std::move(services)) {}
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Never takes longer than `timeout`, except for exec, where the runtime is trusted to keep it. `containerId` is for
  // exec only. Cancelling the task gives up.
  Task<Answer> run(Action action, std::string containerId, Duration timeout);

  // "kube-probe/1.36"
  std::string userAgent() const { return "kube-probe/" + services_.kubernetesVersion; }

 private:
  Task<Answer> exec(ExecAction action, std::string containerId, Duration timeout);
  Task<Answer> httpGet(http::Request request, Duration timeout);
  Task<Answer> tcpConnect(TcpAction action, Duration timeout);
  Task<Answer> grpcCheck(GrpcAction action, Duration timeout);

  Services services_;
};

// What the answers mean. Pure.
Answer judgeExec(const Result<cri::v1::ExecSyncResponse>& response, const std::vector<std::string>& command,
                 Duration timeout);
Answer judgeHttp(const Result<http::Response>& response);

}  // namespace cubelet::probes
