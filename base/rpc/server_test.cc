#include "base/rpc/server.h"

#include <gtest/gtest.h>

#include <google/protobuf/wrappers.pb.h>

#include "base/rpc/call.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "base/wake.h"

namespace cubelet::rpc {
namespace {

using google::protobuf::StringValue;

Task<Result<std::string>> upper(std::string request) {
  Result<StringValue> asked = parseRequest<StringValue>(request);
  if (!asked) co_return fail(asked.error());
  if (asked->value() == "bad") co_return fail(Code::kInvalid, "", "what is bad cannot be done");
  StringValue answer;
  answer.set_value(asked->value() + "!");
  co_return answer.SerializeAsString();
}

Task<Result<std::string>> never(Wake* wake, int* ended) {
  struct End {
    explicit End(int* n) : count(n) {}
    ~End() { ++*count; }
    int* count;
  } end(ended);
  co_await wake->wait();
  co_return std::string();
}

Task<void> askAndForget(ChannelPtr channel, int* answers) {
  CallOptions options;
  Result<StringValue> answer = co_await call<StringValue>(std::move(channel), "/t.S/Never", StringValue(), options);
  if (!answer) ++*answers;
}

struct RpcServer : testing::Test {
  std::unique_ptr<Server> serve() {
    auto server = std::make_unique<Server>(loop, pump, path);
    server->onCall("/t.S/Upper", [](std::string request) { return upper(std::move(request)); });
    server->onCall("/t.S/Never", [this](const std::string&) { return never(&wake, &ended); });
    EXPECT_TRUE(server->start());
    return server;
  }
  Result<StringValue> ask(const std::string& method, const std::string& text) {
    StringValue request;
    request.set_value(text);
    CallOptions options;
    options.waitForReady = true;
    return loop.runToEnd(call<StringValue>(channel, method, request, options));
  }

  Loop loop;
  ManualClock clock{loop};
  Wake wake{clock};
  int ended = 0;
  Pump pump{loop};
  TempDir temp;
  std::string path = temp / "s";
  ChannelPtr channel = Channel::create(pump, path).value();
};

TEST_F(RpcServer, AnswersAndTellsItsErrors) {
  std::unique_ptr<Server> server = serve();
  EXPECT_EQ(ask("/t.S/Upper", "a")->value(), "a!");
  EXPECT_EQ(ask("/t.S/Upper", "b")->value(), "b!");
  Result<StringValue> refused = ask("/t.S/Upper", "bad");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("what is bad cannot be done"), std::string::npos);
  EXPECT_EQ(ask("/t.S/Other", "a").error().code, Code::kUnimplemented);
  loop.runToEnd(server->close());
}

TEST_F(RpcServer, ANewOneTakesTheSocketOfTheOld) {
  std::unique_ptr<Server> server = serve();
  EXPECT_EQ(ask("/t.S/Upper", "a")->value(), "a!");
  loop.runToEnd(server->close());
  server.reset();
  server = serve();
  EXPECT_EQ(ask("/t.S/Upper", "b")->value(), "b!");
  loop.runToEnd(server->close());
}

TEST_F(RpcServer, EndsHandlersThatRun) {
  std::unique_ptr<Server> server = serve();
  TaskGroup tasks(loop);
  int answers = 0;
  tasks.spawn("ask", askAndForget(channel, &answers));
  EXPECT_EQ(ask("/t.S/Upper", "a")->value(), "a!");  // on the same connection, so the first has come in too
  loop.runToEnd(server->close());
  EXPECT_EQ(ended, 1);
  server.reset();
  loop.runToEnd(tasks.join());
  EXPECT_EQ(answers, 1);
}

TEST_F(RpcServer, SaysWhereItCannotServe) {
  Server server(loop, pump, temp / "no/such/s");
  Result<void> started = server.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("no/such/s"), std::string::npos);
}

}  // namespace
}  // namespace cubelet::rpc
