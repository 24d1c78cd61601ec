#include "base/rpc/call.h"

#include <grpc/support/time.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <boost/asio/this_coro.hpp>
#include <google/protobuf/empty.pb.h>

#include "base/park.h"
#include "base/rpc/completion.h"
#include "base/rpc/status.h"

namespace cubelet::rpc {
namespace {

class UnaryCall final : public Completion {
 public:
  explicit UnaryCall(std::shared_ptr<PumpState> p) : pump(std::move(p)) {}

  void start(ChannelState& channel, const std::string& method, std::string_view request) {
    reader = channel.stub->PrepareUnaryCall(&context, method, toBuffer(request), &pump->queue);
    pump->open.insert(this);
    reader->StartCall();
    reader->Finish(&reply, &status, tag());
  }
  void done(bool) override {
    ended = true;
    pump->open.erase(this);
    park.wake();
  }
  void cancel() override { context.TryCancel(); }

  std::shared_ptr<PumpState> pump;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  grpc::ByteBuffer reply;
  grpc::Status status;
  Park park;
  bool ended = false;
};

}  // namespace

grpc::ByteBuffer toBuffer(std::string_view bytes) {
  grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

bool parse(grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message) {
  grpc::ProtoBufferReader reader(&buffer);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

void apply(const CallOptions& options, grpc::ClientContext& context) {
  // Monotonic, so that a step of the wall clock neither ends nor prolongs a call.
  if (options.deadline > Duration(0)) {
    gpr_timespec length = gpr_time_from_nanos(options.deadline.count(), GPR_TIMESPAN);
    context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), length));
  }
  context.set_wait_for_ready(options.waitForReady);
  for (const auto& [name, value] : options.metadata) context.AddMetadata(name, value);
}

std::string serialize(const google::protobuf::MessageLite& message) {
  return message.SerializeAsString();
}

Task<Result<void>> callInto(ChannelPtr channel, std::string method, std::string request,
                            google::protobuf::MessageLite* reply, CallOptions options) {
  ChannelState& state = channel->state();
  if (state.pump->closed) co_return fail(Code::kCancelled, "", std::string(shortMethod(method)) + ": shutting down");
  auto call = std::make_shared<UnaryCall>(state.pump);
  apply(options, call->context);
  call->start(state, method, request);
  request.clear();

  // A cancelled task waits on, for gRPC to end the call: the server has been told by then.
  const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  while (!call->ended) {
    co_await call->park.wait();
    if (!call->ended) call->cancel();
  }
  co_await boost::asio::this_coro::throw_if_cancelled(throws);

  if (!call->status.ok()) {
    Error error = toError(call->status, method, options.subject, state.path, options.deadline);
    if (options.statusAsReason) error.reason = statusName(call->status.error_code());
    co_return fail(std::move(error));
  }
  if (!parse(call->reply, reply)) {
    grpc::Status unreadable(grpc::StatusCode::INTERNAL, "the reply cannot be read");
    Error error = toError(unreadable, method, options.subject, state.path, options.deadline);
    if (options.statusAsReason) error.reason = kUnreadableReply;
    co_return fail(std::move(error));
  }
  co_return Result<void>();
}

Task<Result<void>> waitReady(ChannelPtr channel, Duration deadline) {
  google::protobuf::Empty anything;
  CallOptions options;
  options.deadline = deadline;
  options.waitForReady = true;
  std::string path = channel->path();
  // Any call does; this one is harmless everywhere, and a server that does not know it says so.
  Result<void> asked =
      co_await callInto(std::move(channel), "/grpc.health.v1.Health/Check", std::string(), &anything, options);
  if (asked) co_return Result<void>();
  switch (asked.error().code) {
    case Code::kUnavailable:
    case Code::kTimedOut:
    case Code::kCancelled:
      co_return fail(asked.error().code, "", "wait for a server at " + path + ": " + asked.error().message);
    case Code::kInvalid:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kUnimplemented:
    case Code::kExhausted:
    case Code::kInternal:
      co_return Result<void>();
  }
  co_return Result<void>();
}

}  // namespace cubelet::rpc
