// A gRPC server stream, read with next().
#pragma once

#include <google/protobuf/message_lite.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/rpc/call.h"
#include "base/rpc/channel.h"
#include "base/task.h"

namespace cubelet::rpc {

class StreamCall;

// The untyped core of Stream.
class RawStream {
 public:
  RawStream(ChannelPtr channel, std::string method, std::string request, CallOptions options);
  ~RawStream();
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;

  Task<void> sent();
  Task<Result<bool>> nextInto(google::protobuf::MessageLite* message);
  std::optional<Result<bool>> tryNextInto(google::protobuf::MessageLite* message);

 private:
  std::shared_ptr<StreamCall> call_;
};

// Opening never fails: what is wrong with the call is told by next(). Messages that arrive while nobody waits are kept;
// beyond kReadAhead of them the stream stops reading, and HTTP/2 flow control stops the sender. Destroying it cancels
// the call. CallOptions::deadline holds for the whole stream. Loop thread only; one coroutine waits at a time.
template <class Message>
class Stream {
 public:
  Stream(ChannelPtr channel, std::string method, const google::protobuf::MessageLite& request, CallOptions options)
      : raw_(std::move(channel), std::move(method), serialize(request), std::move(options)) {}

  // The next message; nothing when the server has ended the stream properly. Cancelling the task ends the wait and
  // leaves the stream as it is: no message is lost.
  Task<Result<std::optional<Message>>> next() {
    Message message;
    Result<bool> got = co_await raw_.nextInto(&message);
    if (!got) co_return fail(std::move(got.error()));
    std::optional<Message> answer;
    if (*got) answer.emplace(std::move(message));
    co_return answer;
  }

  // Returns when the request is on its way, so that later calls on the same channel reach the server after it; also
  // when the stream has failed.
  Task<void> sent() { return raw_.sent(); }

  // What next() would answer without waiting; nothing when it would wait.
  std::optional<Result<std::optional<Message>>> tryNext() {
    Message message;
    std::optional<Result<bool>> got = raw_.tryNextInto(&message);
    if (!got) return std::nullopt;
    if (!*got) return Result<std::optional<Message>>(fail((*got).error()));
    std::optional<Message> answer;
    if (**got) answer.emplace(std::move(message));
    return Result<std::optional<Message>>(std::move(answer));
  }

 private:
  RawStream raw_;
};

inline constexpr std::size_t kReadAhead = 256;

}  // namespace cubelet::rpc
