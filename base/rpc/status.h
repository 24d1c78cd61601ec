// gRPC status to Error. Inside of base/rpc only.
#pragma once

#include <array>
#include <cstddef>
#include <grpcpp/support/status.h>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet::rpc {

// What a status code asks the caller to do.
Code toCode(grpc::StatusCode code);

// By number, as Go programs and the API server's messages spell them.
inline constexpr std::array<std::string_view, 17> kStatusNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

// "Unknown" for a number that gRPC does not have.
inline std::string_view statusName(grpc::StatusCode code) {
  const auto number = static_cast<std::size_t>(code);
  return number < kStatusNames.size() ? kStatusNames[number] : "Unknown";
}

// "RunPodSandbox" of "/runtime.v1.RuntimeService/RunPodSandbox".
std::string_view shortMethod(std::string_view method);

// "StopContainer 3f2a at /run/x.sock: text"; the text is the server's, or says that there was no answer in time.
Error toError(const grpc::Status& status, std::string_view method, std::string_view subject, std::string_view path,
              Duration deadline);

}  // namespace cubelet::rpc
