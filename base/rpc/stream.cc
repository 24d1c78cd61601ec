#include "base/rpc/stream.h"

#include <deque>

#include <boost/asio/this_coro.hpp>

#include "base/park.h"
#include "base/rpc/completion.h"
#include "base/rpc/status.h"
#include "base/wake.h"

namespace cubelet::rpc {

// Goes through its phases by itself; each ends with one completion. Whoever reads takes from `messages`.
class StreamCall final : public Completion {
 public:
  StreamCall(ChannelPtr channel, std::string method, CallOptions options)
      : channel_(std::move(channel)),
        pump_(channel_->state().pump),
        method_(std::move(method)),
        options_(std::move(options)) {}

  void start(std::string_view request) {
    if (pump_->closed) {
      status_ = grpc::Status(grpc::StatusCode::CANCELLED, "shutting down");
      phase_ = Phase::kEnded;
      return;
    }
    apply(options_, context_);
    request_ = toBuffer(request);
    context_.set_initial_metadata_corked(true);  // headers, request and end in one piece
    rpc_ = channel_->state().stub->PrepareCall(&context_, method_, &pump_->queue);
    pump_->open.insert(this);
    rpc_->StartCall(nullptr);  // sends nothing yet, so answers nothing
    rpc_->WriteLast(request_, grpc::WriteOptions(), tag());
  }

  void done(bool ok) override {
    if (phase_ == Phase::kFinishing || pump_->closed) return end();
    if (!ok) return finish();
    switch (phase_) {
      case Phase::kSending:
        request_.Clear();
        read();
        park.wake();  // for sent()
        return;
      case Phase::kReading:
        messages_.push_back(incoming_);  // shares the bytes
        park.wake();
        if (messages_.size() < kReadAhead)
          read();
        else
          phase_ = Phase::kFull;
        return;
      case Phase::kFull:
      case Phase::kFinishing:
      case Phase::kEnded:
        return;
    }
  }

  void cancel() override { context_.TryCancel(); }

  // The owner has gone: nobody will read, and a stream that stopped reading would never see its end.
  void abandon() {
    if (phase_ == Phase::kEnded) return;
    context_.TryCancel();
    if (phase_ == Phase::kFull && !pump_->closed) finish();
  }

  std::optional<Result<bool>> tryNext(google::protobuf::MessageLite* message) {
    if (!messages_.empty()) {
      grpc::ByteBuffer buffer = messages_.front();
      messages_.pop_front();
      if (phase_ == Phase::kFull && !pump_->closed) read();
      if (parse(buffer, message)) return Result<bool>(true);
      context_.TryCancel();
      return Result<bool>(fail(error(grpc::Status(grpc::StatusCode::INTERNAL, "a message cannot be read"))));
    }
    if (phase_ != Phase::kEnded) return std::nullopt;
    if (status_.ok()) return Result<bool>(false);
    return Result<bool>(fail(error(status_)));
  }

  bool sent() const { return phase_ != Phase::kSending; }

  Park park;

 private:
  enum class Phase { kSending, kReading, kFull, kFinishing, kEnded };

  void read() {
    phase_ = Phase::kReading;
    incoming_.Clear();
    rpc_->Read(&incoming_, tag());
  }
  void finish() {
    phase_ = Phase::kFinishing;
    rpc_->Finish(&status_, tag());
  }
  void end() {
    if (phase_ != Phase::kFinishing) status_ = grpc::Status(grpc::StatusCode::CANCELLED, "shutting down");
    phase_ = Phase::kEnded;
    pump_->open.erase(this);
    park.wake();
  }
  Error error(const grpc::Status& status) const {
    return toError(status, method_, options_.subject, channel_->path(), options_.deadline);
  }

  ChannelPtr channel_;
  std::shared_ptr<PumpState> pump_;
  std::string method_;
  CallOptions options_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> rpc_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer incoming_;
  grpc::Status status_;
  std::deque<grpc::ByteBuffer> messages_;
  Phase phase_ = Phase::kSending;
};

RawStream::RawStream(ChannelPtr channel, std::string method, std::string request, CallOptions options)
    : call_(std::make_shared<StreamCall>(std::move(channel), std::move(method), std::move(options))) {
  call_->start(request);
}

RawStream::~RawStream() {
  call_->abandon();
}

std::optional<Result<bool>> RawStream::tryNextInto(google::protobuf::MessageLite* message) {
  return call_->tryNext(message);
}

Task<void> RawStream::sent() {
  auto call = call_;
  while (!call->sent()) {
    co_await call->park.wait();
    co_await throwIfCancelled();
  }
}

Task<Result<bool>> RawStream::nextInto(google::protobuf::MessageLite* message) {
  auto call = call_;
  for (;;) {
    std::optional<Result<bool>> got = call->tryNext(message);
    if (got) co_return std::move(*got);
    co_await call->park.wait();
    co_await throwIfCancelled();
  }
}

}  // namespace cubelet::rpc
