// gRPC status to Error. Inside of base/rpc only.
#pragma once

#include <grpcpp/support/status.h>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::rpc {

// What a status code asks the caller to do.
Code toCode(grpc::StatusCode code);

// "RunPodSandbox" of "/runtime.v1.RuntimeService/RunPodSandbox".
std::string_view shortMethod(std::string_view method);

// "StopContainer 3f2a at /run/x.sock: text"; the text is the server's, or says that there was no answer in time.
Error toError(const grpc::Status& status, std::string_view method, std::string_view subject, std::string_view path,
              Duration deadline);

}  // namespace cubelet::rpc
