#include "base/rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <map>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

#include "base/rpc/completion.h"
#include "base/rpc/signals_blocked.h"
#include "base/task_group.h"

namespace cubelet::rpc {

struct ServerState {
  ServerState(Loop& l, std::string p) : loop(l), path(std::move(p)), tasks(l) {}
  Loop& loop;
  std::string path;
  std::map<std::string, Server::Handler> handlers;
  grpc::AsyncGenericService service;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  std::unique_ptr<grpc::Server> server;
  std::thread thread;
  TaskGroup tasks;
  bool closed = false;
};

namespace {

grpc::Status toStatus(const Error& error) {
  switch (error.code) {
    case Code::kInvalid:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message};
    case Code::kNotFound:
      return {grpc::StatusCode::NOT_FOUND, error.message};
    case Code::kUnavailable:
      return {grpc::StatusCode::UNAVAILABLE, error.message};
    case Code::kUnimplemented:
      return {grpc::StatusCode::UNIMPLEMENTED, error.message};
    case Code::kExhausted:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.message};
    case Code::kAlreadyExists:
    case Code::kTimedOut:
    case Code::kCancelled:
    case Code::kInternal:
      break;
  }
  return {grpc::StatusCode::UNKNOWN, error.message};  // what Go programs answer for a plain error
}

std::string toBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// One call, from before it comes in. While a handler has it, no operation is under way and the handler's task keeps it.
class ServerCall final : public Completion {
 public:
  explicit ServerCall(std::shared_ptr<ServerState> server) : server_(std::move(server)), stream_(&context_) {}

  void await() { server_->service.RequestCall(&context_, &stream_, server_->queue.get(), server_->queue.get(), tag()); }

  void done(bool ok) override {
    if (!ok || server_->closed) return;
    switch (phase_) {
      case Phase::kAwaited:
        std::make_shared<ServerCall>(server_)->await();
        phase_ = Phase::kReading;
        stream_.Read(&bytes_, tag());
        return;
      case Phase::kReading:
        phase_ = Phase::kAnswering;
        begin();
        return;
      case Phase::kAnswering:
        return;
    }
  }
  void cancel() override { context_.TryCancel(); }

 private:
  enum class Phase { kAwaited, kReading, kAnswering };

  void begin() {
    const auto found = server_->handlers.find(context_.method());
    if (found == server_->handlers.end())
      return answer(fail(Code::kUnimplemented, "", "unknown method " + context_.method()));
    auto self = std::static_pointer_cast<ServerCall>(shared_from_this());
    server_->tasks.spawn("serve " + context_.method(), serve(std::move(self), found->second(toBytes(bytes_))));
  }
  static Task<void> serve(std::shared_ptr<ServerCall> call, Task<Result<std::string>> handler) {
    Result<std::string> answer = co_await std::move(handler);
    call->answer(std::move(answer));
  }
  void answer(Result<std::string> answer) {
    if (server_->closed) return;
    if (!answer) return stream_.Finish(toStatus(answer.error()), tag());
    stream_.WriteAndFinish(toBuffer(*answer), grpc::WriteOptions(), grpc::Status::OK, tag());
  }

  std::shared_ptr<ServerState> server_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer bytes_;
  Phase phase_ = Phase::kAwaited;
};

void pump(grpc::ServerCompletionQueue& queue, Loop& loop) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok))
    boost::asio::post(loop.context(), [call = Completion::take(tag), ok] { call->done(ok); });
}

}  // namespace

Server::Server(Loop& loop, const Pump&, std::string socketPath)
    : state_(std::make_shared<ServerState>(loop, std::move(socketPath))) {}

Server::~Server() {
  state_->closed = true;
  if (!state_->server) return;
  state_->server->Shutdown(gpr_time_0(GPR_CLOCK_MONOTONIC));
  state_->queue->Shutdown();
  state_->thread.join();
}

void Server::onCall(std::string method, Handler handler) {
  state_->handlers[std::move(method)] = std::move(handler);
}

Result<void> Server::start() {
  SignalsBlocked blocked;
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort("unix:" + state_->path, grpc::InsecureServerCredentials(), &bound);
  builder.RegisterAsyncGenericService(&state_->service);
  state_->queue = builder.AddCompletionQueue();
  state_->server = builder.BuildAndStart();
  if (!state_->server || bound == 0) {
    state_->queue->Shutdown();
    pump(*state_->queue, state_->loop);
    state_->server.reset();
    return fail(Code::kInternal, "",
                "cannot serve at " + state_->path + ": see whether the directory can be written to");
  }
  state_->thread = std::thread([queue = state_->queue.get(), &loop = state_->loop] {
    pthread_setname_np(pthread_self(), "grpc-server");
    pump(*queue, loop);
  });
  std::make_shared<ServerCall>(state_)->await();
  return {};
}

Task<void> Server::close() {
  return state_->tasks.close();
}

}  // namespace cubelet::rpc
