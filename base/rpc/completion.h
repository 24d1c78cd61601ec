// What stands behind Pump and Channel. Inside of base/rpc only.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/loop.h"
#include "base/rpc/call.h"

namespace cubelet::rpc {

// One call with at most one operation under way at gRPC. While it is, the call keeps itself alive, so that its owner
// may go at any time.
class Completion : public std::enable_shared_from_this<Completion> {
 public:
  virtual ~Completion() = default;
  // On the loop, after the operation has ended.
  virtual void done(bool ok) = 0;
  virtual void cancel() = 0;

  // To be handed to gRPC with exactly one operation.
  void* tag() {
    underWay_ = shared_from_this();
    return this;
  }
  // The pump's thread takes the call back from gRPC.
  static std::shared_ptr<Completion> take(void* tag) { return std::move(static_cast<Completion*>(tag)->underWay_); }

 private:
  std::shared_ptr<Completion> underWay_;
};

struct PumpState {
  explicit PumpState(Loop& l) : loop(l) {}
  Loop& loop;
  grpc::CompletionQueue queue;
  std::thread thread;
  bool closed = false;
  std::set<Completion*> open;  // calls that gRPC has not ended yet; loop thread only

  void start();
  void stop();
};

struct ChannelState {
  std::shared_ptr<PumpState> pump;
  std::string path;
  std::unique_ptr<grpc::GenericStub> stub;
};

grpc::ByteBuffer toBuffer(std::string_view bytes);
bool parse(grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);
void apply(const CallOptions& options, grpc::ClientContext& context);

}  // namespace cubelet::rpc
