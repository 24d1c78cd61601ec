#include "base/rpc/test_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <list>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "base/park.h"
#include "base/rpc/status.h"

namespace cubelet::rpc {

// gRPC wants a new one for each start of a server.
struct TestService final : grpc::CallbackGenericService {
  explicit TestService(TestServerState* s) : state(s) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;
  TestServerState* state;
};

struct TestServerState {
  TestServerState(Loop& l, std::string p) : loop(l), path(std::move(p)) {}

  Loop& loop;
  std::string path;
  int port = 0;
  std::map<std::string, TestServer::Unary> unary;
  std::map<std::string, TestServer::Streaming> streaming;
  std::unique_ptr<TestService> service;
  std::unique_ptr<grpc::Server> server;
  int cancelled = 0;
  int running = 0;
  std::multimap<std::string, std::string> lastHeaders;
  std::string lastAuthority;
};

namespace {

grpc::StatusCode toStatusCode(Code code) {
  switch (code) {
    case Code::kInvalid:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Code::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case Code::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case Code::kTimedOut:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Code::kCancelled:
      return grpc::StatusCode::CANCELLED;
    case Code::kUnimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case Code::kExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kInternal:
      return grpc::StatusCode::UNKNOWN;  // what Go programs answer for a plain error
  }
  return grpc::StatusCode::UNKNOWN;
}

grpc::Status toStatus(const Error& error) {
  for (std::size_t number = 1; number < kStatusNames.size(); ++number)
    if (error.reason == kStatusNames[number]) return grpc::Status(static_cast<grpc::StatusCode>(number), error.message);
  return grpc::Status(toStatusCode(error.code), error.message);
}

std::string toBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// One call. gRPC's callbacks come on its own threads and only post; everything else happens on the loop. The reactor
// deletes itself in OnDone, which cannot come before finish() was called.
class Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  struct Exchange final : TestSink, std::enable_shared_from_this<Exchange> {
    Task<Result<void>> send(std::string message) override;
    void run();
    void ended(std::exception_ptr thrown, std::optional<Result<std::string>> answer);
    void finish(const grpc::Status& status);

    std::shared_ptr<TestServerState> state;
    Reactor* reactor = nullptr;  // null after finish()
    std::string method;
    std::string request;
    std::multimap<std::string, std::string> headers;
    std::string authority;
    boost::asio::cancellation_signal signal;
    bool cancelled = false;
    bool finished = false;
    bool writing = false;
    bool written = false;
    Park park;
  };

  Reactor(std::shared_ptr<TestServerState> state, const grpc::GenericCallbackServerContext& context)
      : exchange_(std::make_shared<Exchange>()) {
    exchange_->state = std::move(state);
    exchange_->reactor = this;
    exchange_->method = context.method();
    exchange_->authority = context.host();
    for (const auto& [name, value] : context.client_metadata())
      exchange_->headers.emplace(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
    StartRead(&incoming);
  }

  void OnReadDone(bool ok) override {
    post([this, ok](Exchange& exchange) {
      if (!ok) return exchange.finish(grpc::Status::CANCELLED);
      exchange.request = toBytes(incoming);
      exchange.run();
    });
  }
  void OnWriteDone(bool ok) override {
    post([ok](Exchange& exchange) {
      exchange.writing = false;
      exchange.written = ok;
      exchange.park.wake();
    });
  }
  void OnCancel() override {
    post([](Exchange& exchange) {
      if (exchange.finished) return;
      exchange.cancelled = true;
      ++exchange.state->cancelled;
      exchange.signal.emit(boost::asio::cancellation_type::terminal);
    });
  }
  void OnDone() override { delete this; }

  grpc::ByteBuffer incoming;
  grpc::ByteBuffer outgoing;

 private:
  template <class Fn>
  void post(Fn fn) {
    boost::asio::post(exchange_->state->loop.context(), [exchange = exchange_, fn] { fn(*exchange); });
  }
  std::shared_ptr<Exchange> exchange_;
};

grpc::ByteBuffer bufferOf(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

Task<Result<void>> Reactor::Exchange::send(std::string message) {
  auto self = shared_from_this();
  if (cancelled || reactor == nullptr) co_return fail(Code::kCancelled, "", "the client has gone");
  reactor->outgoing = bufferOf(message);
  writing = true;
  reactor->StartWrite(&reactor->outgoing);
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  while (writing) co_await park.wait();
  co_await boost::asio::this_coro::throw_if_cancelled(true);
  if (!written) co_return fail(Code::kCancelled, "", "the client has gone");
  co_return Result<void>();
}

Task<std::optional<Result<std::string>>> wrap(Task<Result<std::string>> task) {
  std::optional<Result<std::string>> answer(co_await std::move(task));
  co_return answer;
}

Task<std::optional<Result<std::string>>> wrapStream(Task<Result<void>> task) {
  Result<void> ended = co_await std::move(task);
  std::optional<Result<std::string>> answer;
  if (!ended) answer.emplace(fail(std::move(ended.error())));
  co_return answer;
}

void Reactor::Exchange::run() {
  auto self = shared_from_this();
  state->lastHeaders = headers;
  state->lastAuthority = authority;
  auto one = state->unary.find(method);
  auto many = state->streaming.find(method);
  Task<std::optional<Result<std::string>>> task;
  if (one != state->unary.end())
    task = wrap(one->second(std::move(request)));
  else if (many != state->streaming.end())
    task = wrapStream(many->second(std::move(request), self));
  else
    return finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method " + method));
  ++state->running;
  auto onEnd = [self](std::exception_ptr thrown, std::optional<Result<std::string>> answer) {
    self->ended(std::move(thrown), std::move(answer));
  };
  boost::asio::co_spawn(state->loop.context(), std::move(task),
                        boost::asio::bind_cancellation_slot(signal.slot(), std::move(onEnd)));
  // The cancellation may have come before the task: the signal is not kept for it.
  if (cancelled) signal.emit(boost::asio::cancellation_type::terminal);
}

void Reactor::Exchange::ended(std::exception_ptr thrown, std::optional<Result<std::string>> answer) {
  --state->running;
  if (thrown) return finish(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled"));
  if (!answer) return finish(grpc::Status::OK);
  if (!*answer) return finish(toStatus(answer->error()));
  finished = true;
  Reactor* r = std::exchange(reactor, nullptr);
  r->outgoing = bufferOf(**answer);
  r->StartWriteAndFinish(&r->outgoing, grpc::WriteOptions(), grpc::Status::OK);
}

void Reactor::Exchange::finish(const grpc::Status& status) {
  if (finished) return;
  finished = true;
  std::exchange(reactor, nullptr)->Finish(status);
}

}  // namespace

grpc::ServerGenericBidiReactor* TestService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  // The server ends before its state does: no ownership needed.
  std::shared_ptr<TestServerState> borrowed(state, [](TestServerState*) {});
  return new Reactor(std::move(borrowed), *context);
}

TestServer::TestServer(Loop& loop, std::string address)
    : state_(std::make_shared<TestServerState>(loop, std::move(address))) {}

TestServer::~TestServer() {
  stop();
}

void TestServer::onCall(const std::string& method, Unary handler) {
  state_->unary[method] = std::move(handler);
}
void TestServer::onStream(const std::string& method, Streaming handler) {
  state_->streaming[method] = std::move(handler);
}

bool TestServer::start() {
  grpc::ServerBuilder builder;
  const std::string address = (state_->path.starts_with('/') ? "unix:" : "") + state_->path;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &state_->port);
  state_->service = std::make_unique<TestService>(state_.get());
  builder.RegisterCallbackGenericService(state_->service.get());
  builder.SetMaxReceiveMessageSize(64 << 20);
  state_->server = builder.BuildAndStart();
  return state_->server != nullptr;
}

void TestServer::stop() {
  if (!state_->server) return;
  // Shutdown() blocks until the handlers have ended, which they do on this thread's loop.
  bool down = false;
  std::thread waiter([this, &down] {
    state_->server->Shutdown(gpr_time_0(GPR_CLOCK_REALTIME));
    state_->loop.post([&down] { down = true; });
  });
  while (!down) state_->loop.context().run_one();
  waiter.join();
  state_->server.reset();
  state_->service.reset();
}

const std::string& TestServer::path() const {
  return state_->path;
}
int TestServer::port() const {
  return state_->port;
}
int TestServer::callsCancelled() const {
  return state_->cancelled;
}
int TestServer::callsRunning() const {
  return state_->running;
}
const std::multimap<std::string, std::string>& TestServer::lastHeaders() const {
  return state_->lastHeaders;
}
const std::string& TestServer::lastAuthority() const {
  return state_->lastAuthority;
}

}  // namespace cubelet::rpc
