#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>

#include <google/protobuf/wrappers.pb.h>

#include "base/clock.h"
#include "base/park.h"
#include "base/rpc/call.h"
#include "base/rpc/stream.h"
#include "base/rpc/test_server.h"
#include "base/task_group.h"
#include "base/wake.h"

namespace cubelet::rpc {
namespace {

using google::protobuf::BytesValue;
using google::protobuf::Int64Value;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kEcho = "/test.Service/Echo";
constexpr const char* kFail = "/test.Service/Fail";
constexpr const char* kHang = "/test.Service/Hang";
constexpr const char* kCount = "/test.Service/Count";
constexpr const char* kTick = "/test.Service/Tick";

class Rpc : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/cubelet-rpc-XXXXXX";
    dir_ = mkdtemp(name);
    server_ = makeServer();
  }
  void TearDown() override {
    loop_.runToEnd(tasks_.close());
    channel_.reset();
    server_.reset();
    pump_.reset();
    std::filesystem::remove_all(dir_);
  }

  std::unique_ptr<TestServer> makeServer();
  Result<ChannelPtr> open(ChannelOptions options = {}) { return Channel::create(*pump_, dir_ + "/s", options); }
  ChannelPtr channel() {
    if (!channel_) channel_ = open().value();
    return channel_;
  }
  static CallOptions within(Duration deadline) {
    CallOptions options;
    options.deadline = deadline;
    return options;
  }
  Result<BytesValue> echo(std::string text, CallOptions options = within(seconds(20))) {
    BytesValue request;
    request.set_value(std::move(text));
    return loop_.runToEnd(call<BytesValue>(channel(), kEcho, request, std::move(options)));
  }
  void runUntil(const std::function<bool()>& condition) {
    while (!condition()) loop_.context().run_one();
  }

  Loop loop_;
  SystemClock clock_{loop_};
  std::string dir_;
  std::unique_ptr<Pump> pump_ = std::make_unique<Pump>(loop_);
  TaskGroup tasks_{loop_};
  ChannelPtr channel_;
  std::unique_ptr<TestServer> server_;
  int hanging_ = 0;
};

Task<Result<BytesValue>> echoBack(BytesValue request) {
  co_return Result<BytesValue>(std::move(request));
}

Task<Result<BytesValue>> failAs(Int64Value code) {
  co_return fail(static_cast<Code>(code.value()), "", "as you wish");
}

Task<Result<BytesValue>> hangForever(int* hanging) {
  struct Counted {
    explicit Counted(int* n) : n_(n) { ++*n_; }
    ~Counted() { --*n_; }
    int* n_;
  } counted(hanging);
  Park never;
  for (;;) {
    co_await never.wait();
    co_await throwIfCancelled();
  }
}

Task<Result<void>> count(std::string request, std::shared_ptr<TestSink> sink) {
  Int64Value upTo;
  upTo.ParseFromString(request);
  for (int64_t i = 0; i < upTo.value(); ++i) {
    Int64Value message;
    message.set_value(i);
    Result<void> sent = co_await sink->send(message.SerializeAsString());
    if (!sent) co_return fail(sent.error());
  }
  co_return Result<void>();
}

// One message, then silence until cancelled.
Task<Result<void>> tickOnce(int* hanging, std::shared_ptr<TestSink> sink) {
  Int64Value message;
  message.set_value(1);
  Result<void> sent = co_await sink->send(message.SerializeAsString());
  if (!sent) co_return fail(sent.error());
  co_await hangForever(hanging);
  co_return Result<void>();
}

std::unique_ptr<TestServer> Rpc::makeServer() {
  auto server = std::make_unique<TestServer>(loop_, dir_ + "/s");
  server->onCall<BytesValue, BytesValue>(kEcho, echoBack);
  server->onCall<Int64Value, BytesValue>(kFail, failAs);
  server->onCall<BytesValue, BytesValue>(kHang, [this](BytesValue) { return hangForever(&hanging_); });
  server->onStream(kCount, count);
  server->onStream(
      kTick, [this](std::string, std::shared_ptr<TestSink> sink) { return tickOnce(&hanging_, std::move(sink)); });
  return server;
}

TEST_F(Rpc, AnswersTheReply) {
  ASSERT_TRUE(server_->start());
  EXPECT_EQ(echo("hello").value().value(), "hello");
  EXPECT_EQ(echo("").value().value(), "");
}

TEST_F(Rpc, CarriesLargeMessagesUpToTheLimit) {
  ASSERT_TRUE(server_->start());
  std::string large((16 << 20) - 100, 'x');
  EXPECT_EQ(echo(large).value().value(), large);
  auto tooLarge = echo(std::string((16 << 20) + 1, 'x'));
  ASSERT_FALSE(tooLarge);
  EXPECT_EQ(tooLarge.error().code, Code::kExhausted);
}

TEST_F(Rpc, TurnsStatusCodesIntoErrors) {
  ASSERT_TRUE(server_->start());
  for (Code code : {Code::kInvalid, Code::kNotFound, Code::kAlreadyExists, Code::kUnavailable, Code::kTimedOut,
                    Code::kCancelled, Code::kUnimplemented, Code::kExhausted, Code::kInternal}) {
    Int64Value wanted;
    wanted.set_value(static_cast<int>(code));
    CallOptions options = within(seconds(20));
    options.subject = "thing";
    auto got = loop_.runToEnd(call<BytesValue>(channel(), kFail, wanted, options));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, code) << toString(code);
    EXPECT_EQ(got.error().message, "Fail thing at " + dir_ + "/s: as you wish");
  }
}

TEST_F(Rpc, SaysUnimplementedForAnUnknownMethod) {
  ASSERT_TRUE(server_->start());
  auto got = loop_.runToEnd(call<BytesValue>(channel(), "/test.Service/Nope", BytesValue(), within(seconds(20))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnimplemented);
}

TEST_F(Rpc, RefusesAReplyThatCannotBeRead) {
  ASSERT_TRUE(server_->start());
  BytesValue request;
  request.set_value("\xff\xff\xff");
  // Same wire type, other content: a string that is no UTF-8.
  auto got = loop_.runToEnd(call<google::protobuf::StringValue>(channel(), kEcho, request, within(seconds(20))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kInternal);
}

TEST_F(Rpc, FailsAtOnceWhileNobodyListens) {
  auto got = echo("hello");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kUnavailable);
  EXPECT_NE(got.error().message.find("Echo at " + dir_ + "/s: "), std::string::npos) << got.error().message;
}

TEST_F(Rpc, GivesUpAtTheDeadline) {
  ASSERT_TRUE(server_->start());
  auto before = std::chrono::steady_clock::now();
  auto got = loop_.runToEnd(call<BytesValue>(channel(), kHang, BytesValue(), within(milliseconds(100))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kTimedOut);
  EXPECT_EQ(got.error().message, "Hang at " + dir_ + "/s: no answer within 100ms");
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(99));
  runUntil([&] { return hanging_ == 0; });  // the server hears of it
}

Task<void> hangInto(ChannelPtr channel, std::optional<Code>* outcome) {
  auto got = co_await call<BytesValue>(channel, kHang, BytesValue(), CallOptions());
  *outcome = got ? Code::kInternal : got.error().code;
}

TEST_F(Rpc, CancellingTheTaskCancelsTheCallAtTheServer) {
  ASSERT_TRUE(server_->start());
  std::optional<Code> outcome;
  tasks_.spawn("hang", hangInto(channel(), &outcome));
  runUntil([&] { return hanging_ == 1; });
  EXPECT_FALSE(outcome.has_value());
  loop_.runToEnd(tasks_.close());
  EXPECT_EQ(outcome, Code::kCancelled);
  runUntil([&] { return hanging_ == 0; });
  EXPECT_EQ(server_->callsCancelled(), 1);
}

Task<void> echoMany(ChannelPtr channel, int number, int* right) {
  BytesValue request;
  request.set_value(std::to_string(number));
  CallOptions options;
  auto got = co_await call<BytesValue>(channel, kEcho, request, options);
  if (got && got->value() == std::to_string(number)) ++*right;
}

TEST_F(Rpc, CarriesFiveHundredCallsAtOnce) {
  ASSERT_TRUE(server_->start());
  int right = 0;
  for (int i = 0; i < 500; ++i) tasks_.spawn("echo", echoMany(channel(), i, &right));
  loop_.runToEnd(tasks_.join());
  EXPECT_EQ(right, 500);
}

TEST_F(Rpc, ReconnectsAfterTheServerHasRestarted) {
  ASSERT_TRUE(server_->start());
  ASSERT_TRUE(echo("one"));
  server_->stop();
  EXPECT_EQ(echo("two").error().code, Code::kUnavailable);
  server_ = makeServer();
  ASSERT_TRUE(server_->start());
  CallOptions patient = within(seconds(20));
  patient.waitForReady = true;
  EXPECT_EQ(echo("three", patient).value().value(), "three");
}

Task<void> waitInto(ChannelPtr channel, std::optional<bool>* ready) {
  Result<void> waited = co_await waitReady(channel);
  *ready = waited.has_value();
}

TEST_F(Rpc, WaitsUntilSomebodyListens) {
  std::optional<bool> ready;
  tasks_.spawn("wait", waitInto(channel(), &ready));
  EXPECT_EQ(echo("hello").error().code, Code::kUnavailable);  // the wait does not delay the calls of others
  EXPECT_FALSE(ready.has_value());
  ASSERT_TRUE(server_->start());
  runUntil([&] { return ready.has_value(); });
  EXPECT_TRUE(*ready);
  EXPECT_TRUE(echo("hello"));
}

TEST_F(Rpc, WaitingForAServerCanBeLimitedAndCancelled) {
  auto waited = loop_.runToEnd(waitReady(channel(), milliseconds(50)));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, Code::kTimedOut);

  std::optional<bool> ready;
  tasks_.spawn("wait", waitInto(channel(), &ready));
  loop_.poll();
  loop_.runToEnd(tasks_.close());
  EXPECT_EQ(ready, false);
}

Task<Result<std::vector<int64_t>>> readAll(Stream<Int64Value>* stream) {
  std::vector<int64_t> seen;
  for (;;) {
    auto message = co_await stream->next();
    if (!message) co_return fail(message.error());
    if (!*message) co_return std::move(seen);
    seen.push_back((*message)->value());
  }
}

TEST_F(Rpc, ReadsAStreamToItsEndInOrder) {
  ASSERT_TRUE(server_->start());
  Int64Value upTo;
  upTo.set_value(5000);
  Stream<Int64Value> stream(channel(), kCount, upTo, CallOptions());
  auto seen = loop_.runToEnd(readAll(&stream));
  ASSERT_TRUE(seen);
  std::vector<int64_t> want(5000);
  std::iota(want.begin(), want.end(), 0);
  EXPECT_EQ(*seen, want);
  auto again = stream.tryNext();
  ASSERT_TRUE(again.has_value() && again->has_value());
  EXPECT_FALSE((*again)->has_value()) << "the end stays the end";
}

TEST_F(Rpc, AStreamNobodyReadsStopsReadingAndGoesOnLater) {
  ASSERT_TRUE(server_->start());
  Int64Value upTo;
  upTo.set_value(static_cast<int64_t>(3 * kReadAhead));
  Stream<Int64Value> stream(channel(), kCount, upTo, CallOptions());
  ASSERT_TRUE(echo("other calls go on"));
  runUntil([&] { return server_->callsRunning() == 0; });  // small messages fit into the flow-control window
  auto seen = loop_.runToEnd(readAll(&stream));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->size(), 3 * kReadAhead);
}

TEST_F(Rpc, DestroyingAStreamCancelsItAtTheServer) {
  ASSERT_TRUE(server_->start());
  auto stream = std::make_unique<Stream<Int64Value>>(channel(), kTick, Int64Value(), CallOptions());
  EXPECT_EQ(loop_.runToEnd(stream->next()).value()->value(), 1);
  runUntil([&] { return hanging_ == 1; });
  EXPECT_FALSE(stream->tryNext().has_value());
  stream.reset();
  runUntil([&] { return hanging_ == 0; });
}

TEST_F(Rpc, DestroyingAFullStreamCancelsItAtTheServer) {
  ASSERT_TRUE(server_->start());
  Int64Value upTo;
  upTo.set_value(10'000'000);
  auto stream = std::make_unique<Stream<Int64Value>>(channel(), kCount, upTo, CallOptions());
  ASSERT_TRUE(loop_.runToEnd(stream->next()));
  stream.reset();
  runUntil([&] { return server_->callsRunning() == 0; });
}

Task<void> nextInto(Stream<Int64Value>* stream, int* got) {
  auto message = co_await stream->next();
  if (message && *message) ++*got;
}

TEST_F(Rpc, CancellingAWaitForTheNextMessageLeavesTheStreamWhole) {
  ASSERT_TRUE(server_->start());
  Stream<Int64Value> stream(channel(), kTick, Int64Value(), CallOptions());
  int got = 0;
  TaskGroup readers(loop_);
  readers.spawn("next", nextInto(&stream, &got));
  loop_.runToEnd(readers.close());
  EXPECT_EQ(got, 0);
  EXPECT_EQ(loop_.runToEnd(stream.next()).value()->value(), 1);
}

TEST_F(Rpc, AStreamTellsThatTheServerWentAway) {
  ASSERT_TRUE(server_->start());
  Stream<Int64Value> stream(channel(), kTick, Int64Value(), CallOptions());
  ASSERT_TRUE(loop_.runToEnd(stream.next()));
  server_->stop();
  auto message = loop_.runToEnd(stream.next());
  ASSERT_FALSE(message);
  EXPECT_TRUE(message.error().code == Code::kUnavailable || message.error().code == Code::kCancelled)
      << message.error().message;
}

TEST_F(Rpc, AStreamFailsWhileNobodyListens) {
  Stream<Int64Value> stream(channel(), kTick, Int64Value(), CallOptions());
  auto message = loop_.runToEnd(stream.next());
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, Code::kUnavailable);
}

TEST_F(Rpc, AnUnknownStreamIsUnimplemented) {
  ASSERT_TRUE(server_->start());
  Stream<Int64Value> stream(channel(), "/test.Service/Nope", Int64Value(), CallOptions());
  EXPECT_EQ(loop_.runToEnd(stream.next()).error().code, Code::kUnimplemented);
}

TEST_F(Rpc, DestroyingThePumpEndsCallsAndStreamsThatAreUnderWay) {
  ASSERT_TRUE(server_->start());
  std::optional<Code> outcome;
  tasks_.spawn("hang", hangInto(channel(), &outcome));
  Stream<Int64Value> stream(channel(), kTick, Int64Value(), CallOptions());
  ASSERT_TRUE(loop_.runToEnd(stream.next()));
  runUntil([&] { return hanging_ == 2; });
  pump_.reset();
  EXPECT_EQ(loop_.runToEnd(stream.next()).error().code, Code::kCancelled);
  runUntil([&] { return outcome.has_value(); });
  EXPECT_EQ(outcome, Code::kCancelled);
  EXPECT_EQ(echo("late").error().code, Code::kCancelled);
}

// What happens when a process leaves its loop with calls under way.
TEST_F(Rpc, CallsUnderWayMayBeDroppedWithTheLoop) {
  ASSERT_TRUE(server_->start());
  {
    Loop other;
    Pump pump(other);
    ChannelPtr lone = Channel::create(pump, dir_ + "/s").value();
    std::optional<Code> outcome;
    boost::asio::co_spawn(other.context(), hangInto(lone, &outcome), [](std::exception_ptr) {});
    other.poll();
    runUntil([&] { return hanging_ == 1; });
    lone.reset();
  }
  runUntil([&] { return hanging_ == 0; });
}

TEST_F(Rpc, SendsHeaders) {
  ASSERT_TRUE(server_->start());
  CallOptions options = within(seconds(20));
  options.metadata.emplace_back("containerd-namespace", "k8s.io");
  ASSERT_TRUE(echo("hello", options));
  EXPECT_EQ(server_->lastHeaders().find("containerd-namespace")->second, "k8s.io");
  EXPECT_EQ(server_->lastAuthority(), "localhost") << "what runtimes written in Go expect";
}

}  // namespace
}  // namespace cubelet::rpc
