#include "base/rpc/status.h"

#include "base/time_text.h"

namespace cubelet::rpc {

Code toCode(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
      return Code::kCancelled;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return Code::kInvalid;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Code::kTimedOut;
    case grpc::StatusCode::NOT_FOUND:
      return Code::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS:
      return Code::kAlreadyExists;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Code::kExhausted;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::ABORTED:  // "try the whole operation again"
      return Code::kUnavailable;
    case grpc::StatusCode::UNIMPLEMENTED:
      return Code::kUnimplemented;
    case grpc::StatusCode::OK:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::DO_NOT_USE:
      return Code::kInternal;
  }
  return Code::kInternal;
}

std::string_view shortMethod(std::string_view method) {
  auto slash = method.rfind('/');
  return slash == std::string_view::npos ? method : method.substr(slash + 1);
}

Error toError(const grpc::Status& status, std::string_view method, std::string_view subject, std::string_view path,
              Duration deadline) {
  Code code = toCode(status.error_code());
  std::string text = status.error_message();
  // gRPC's own words when our deadline passed; a server that gave up says more.
  if (code == Code::kTimedOut && text == "Deadline Exceeded") text = "no answer within " + durationText(deadline);
  if (text.empty()) text = toString(code);

  std::string message(shortMethod(method));
  if (!subject.empty()) message.append(" ").append(subject);
  message.append(" at ").append(path).append(": ").append(text);
  return Error(code, "", std::move(message));
}

}  // namespace cubelet::rpc
