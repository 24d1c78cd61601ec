// gRPC statuses that the specification asks for.
#pragma once

#include <grpcpp/support/status.h>
#include <string>
#include <utility>

#include "base/result.h"

namespace cubelet::hostpath {

using grpc::Status;

inline Status invalid(std::string message) {
  return Status(grpc::StatusCode::INVALID_ARGUMENT, std::move(message));
}
inline Status missing(const std::string& field) {
  return invalid("the request has no " + field);
}
inline Status notFound(std::string message) {
  return Status(grpc::StatusCode::NOT_FOUND, std::move(message));
}
inline Status alreadyExists(std::string message) {
  return Status(grpc::StatusCode::ALREADY_EXISTS, std::move(message));
}
inline Status unmet(std::string message) {
  return Status(grpc::StatusCode::FAILED_PRECONDITION, std::move(message));
}
inline Status outOfRange(std::string message) {
  return Status(grpc::StatusCode::OUT_OF_RANGE, std::move(message));
}
inline Status exhausted(std::string message) {
  return Status(grpc::StatusCode::RESOURCE_EXHAUSTED, std::move(message));
}
inline Status internal(const Error& error) {
  return Status(grpc::StatusCode::INTERNAL, error.message);
}

}  // namespace cubelet::hostpath
