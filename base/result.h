// Result and Error: how every fallible function of cubelet answers.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cubelet {

// The kind of failure tells the caller what to do next, not where it came from.
enum class Code {
  kInvalid,        // the request itself is wrong: the same call fails again
  kNotFound,       // the named object does not exist
  kAlreadyExists,  // the named object exists already
  kUnavailable,    // the other side cannot be reached or refuses for now: try again later
  kTimedOut,       // no answer in time, the outcome is unknown: try again later
  kCancelled,      // given up on request
  kUnimplemented,  // the other side does not know this call
  kExhausted,      // a limit of the other side or of this node is reached: try again later
  kInternal,       // anything else
};

// "unavailable", "timed out", ... for messages.
std::string_view toString(Code code);

// True when the same call may succeed later without any change by the caller.
bool isRetryable(Code code);

struct Error {
  Error(Code code, std::string reason, std::string message)
      : code(code), reason(std::move(reason)), message(std::move(message)) {}
  // Same code and reason; the message becomes "doing: message".
  Error within(std::string_view doing) const;

  Code code;
  std::string reason;   // for programs and pod status, stable, CamelCase, e.g. "ErrImagePull"; may be empty
  std::string message;  // for people: lower case, no full stop, names the object and what was tried
};

// kNotFound, kInternal, ... from errno, with the message "doing: No such file or directory".
Error errnoError(int errnoValue, std::string_view doing);

template <class T>
using Result = std::expected<T, Error>;

// `return fail(Code::kInvalid, "", "...")` from any function that returns a Result.
inline std::unexpected<Error> fail(Code code, std::string reason, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(reason), std::move(message)));
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace cubelet
