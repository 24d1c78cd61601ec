#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace cubelet {

std::string_view toString(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not found";
    case Code::kAlreadyExists:
      return "already exists";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimedOut:
      return "timed out";
    case Code::kCancelled:
      return "cancelled";
    case Code::kUnimplemented:
      return "unimplemented";
    case Code::kExhausted:
      return "exhausted";
    case Code::kInternal:
      return "internal";
  }
  return "unknown";
}

bool isRetryable(Code code) {
  switch (code) {
    case Code::kUnavailable:
    case Code::kTimedOut:
    case Code::kExhausted:
      return true;
    case Code::kInvalid:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kCancelled:
    case Code::kUnimplemented:
    case Code::kInternal:
      return false;
  }
  return false;
}

Error Error::within(std::string_view doing) const {
  return Error(code, reason, std::string(doing) + ": " + message);
}

Error errnoError(int errnoValue, std::string_view doing) {
  Code code = Code::kInternal;
  if (errnoValue == ENOENT || errnoValue == ENOTDIR) code = Code::kNotFound;
  if (errnoValue == EEXIST) code = Code::kAlreadyExists;
  if (errnoValue == EINVAL || errnoValue == EXDEV || errnoValue == ELOOP || errnoValue == ENAMETOOLONG)
    code = Code::kInvalid;
  if (errnoValue == ENOSPC || errnoValue == EMFILE || errnoValue == ENFILE || errnoValue == ENOMEM ||
      errnoValue == EDQUOT)
    code = Code::kExhausted;
  return Error(code, "", std::string(doing) + ": " + std::generic_category().message(errnoValue));
}

}  // namespace cubelet
