// One unary gRPC call as a Task.
#pragma once

#include <google/protobuf/message_lite.h>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/channel.h"
#include "base/task.h"

namespace cubelet::rpc {

struct CallOptions {
  // From the start of the call; zero: none. Real time, also in tests with a manual clock.
  Duration deadline{0};
  // Wait for the connection instead of failing with kUnavailable while nobody listens.
  bool waitForReady = false;
  // Named in errors behind the method: "StopContainer 3f2a at /run/x.sock: ...".
  std::string subject;
  // Error::reason becomes the name of the gRPC status ("FailedPrecondition"), for callers to whom the Code is too
  // coarse.
  bool statusAsReason = false;
  // Sent as headers; names in lower case.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reason of the error of a call that was answered with success and a reply that is no such message, where
// statusAsReason is set.
inline constexpr char kUnreadableReply[] = "UnreadableReply";

// The request in wire form.
std::string serialize(const google::protobuf::MessageLite& message);

// The untyped core of call(): `reply` must live until the task ends, and is written only there.
Task<Result<void>> callInto(ChannelPtr channel, std::string method, std::string request,
                            google::protobuf::MessageLite* reply, CallOptions options);

template <class Reply>
Task<Result<Reply>> callWithBytes(ChannelPtr channel, std::string method, std::string request, CallOptions options) {
  Reply reply;
  Result<void> done =
      co_await callInto(std::move(channel), std::move(method), std::move(request), &reply, std::move(options));
  if (!done) co_return fail(std::move(done.error()));
  co_return std::move(reply);
}

// Calls `method` ("/package.Service/Method") and answers its reply. Errors name the method and the socket; status codes
// become Codes as toError() in status.h says. Cancelling the task cancels the call: the task goes on, with the reply or
// with kCancelled, only after gRPC has let go of the call.
template <class Reply>
Task<Result<Reply>> call(ChannelPtr channel, std::string method, const google::protobuf::MessageLite& request,
                         CallOptions options) {
  return callWithBytes<Reply>(std::move(channel), std::move(method), serialize(request), std::move(options));
}

// Returns once a server answers on the channel, however long that takes: whatever it answers. No timer of ours runs
// meanwhile. `deadline` zero: no limit. kUnavailable: it was there and went away again; kTimedOut.
Task<Result<void>> waitReady(ChannelPtr channel, Duration deadline = Duration(0));

}  // namespace cubelet::rpc
