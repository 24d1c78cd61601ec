#include "base/sdbus/bus.h"

#include <gtest/gtest.h>

#include "base/sdbus/test_bus.h"
#include "base/task_group.h"

namespace cubelet::sdbus {
namespace {

using std::chrono::seconds;

constexpr char kDbus[] = "org.freedesktop.DBus";
constexpr Member kGetId{kDbus, "/org/freedesktop/DBus", kDbus, "GetId"};
constexpr Member kNameOwnerChanged{kDbus, "/org/freedesktop/DBus", kDbus, "NameOwnerChanged"};
constexpr Member kNoService{"test.none", "/", "test.none", "None"};

Task<void> runBus(Bus* bus, std::optional<Error>* end) {
  Error why = co_await bus->run();
  *end = std::move(why);
}

Task<void> callInto(Bus* bus, Member method, std::optional<Result<std::string>>* out) {
  Result<MessagePtr> reply = co_await bus->call(method, {});
  if (!reply) {
    *out = fail(reply.error());
    co_return;
  }
  const char* text = "";
  bus->lib().message_read(reply->get(), "s", &text);
  *out = std::string(text);
}

Task<void> readInto(Bus* bus, Member property, char type, std::optional<Result<std::string>>* out) {
  Result<MessagePtr> value = co_await bus->property(property, type);
  *out = value ? Result<std::string>("read") : fail(value.error());
}

class BusTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!TestBus::possible()) GTEST_SKIP() << "there is no dbus-daemon (scripts/install-packages test)";
    daemon.emplace();
    Result<std::unique_ptr<Bus>> opened = Bus::open(loop, clock);
    ASSERT_TRUE(opened) << opened.error().message;
    bus = std::move(*opened);
    tasks.spawn("bus", runBus(bus.get(), &lost));
  }
  void TearDown() override { loop.runToEnd(tasks.close()); }
  bool soon(const std::function<bool()>& done) { return loop.runUntil(done, seconds(10)); }
  Result<std::string> answerOf(Member method) {
    std::optional<Result<std::string>> answer;
    tasks.spawn("call", callInto(bus.get(), method, &answer));
    EXPECT_TRUE(soon([&] { return answer.has_value(); }));
    return answer.value_or(fail(Code::kTimedOut, "", "no answer"));
  }

  std::optional<TestBus> daemon;
  Loop loop;
  SystemClock clock{loop};
  std::unique_ptr<Bus> bus;
  std::optional<Error> lost;
  TaskGroup tasks{loop};
};

TEST_F(BusTest, CallsAreAnswered) {
  const Result<std::string> first = answerOf(kGetId);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->size(), 32U);
  EXPECT_EQ(answerOf(kGetId).value_or(""), *first);
}

TEST_F(BusTest, AServiceThatIsNotThereIsNotFound) {
  const Result<std::string> answer = answerOf(kNoService);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound) << answer.error().message;
  EXPECT_TRUE(answer.error().message.starts_with("call test.none.None: ")) << answer.error().message;
}

TEST_F(BusTest, APropertyOfAnotherTypeIsAnError) {
  const Member features{kDbus, "/org/freedesktop/DBus", kDbus, "Features"};  // strings
  std::optional<Result<std::string>> answer;
  tasks.spawn("read", readInto(bus.get(), features, 't', &answer));
  ASSERT_TRUE(soon([&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().message, "org.freedesktop.DBus.Features is of another type than expected");
}

TEST_F(BusTest, SignalsAreHeard) {
  int heard = 0;
  ASSERT_TRUE(bus->listen(kNameOwnerChanged, [&](sd_bus_message&) { ++heard; }));
  ASSERT_TRUE(answerOf(kGetId)) << "the daemon knows by now who listens";
  Result<std::unique_ptr<Bus>> other = Bus::open(loop, clock);
  ASSERT_TRUE(other);
  std::optional<Error> otherLost;
  tasks.spawn("other", runBus(other->get(), &otherLost));
  EXPECT_TRUE(soon([&] { return heard > 0; }));
  loop.runToEnd(tasks.drain());
}

TEST_F(BusTest, WhoWaitsIsToldWhenTheBusGoes) {
  ASSERT_TRUE(answerOf(kGetId));
  std::optional<Result<std::string>> answer;
  tasks.spawn("call", callInto(bus.get(), kGetId, &answer));
  daemon->kill();
  EXPECT_TRUE(soon([&] { return lost.has_value(); }));
  EXPECT_TRUE(soon([&] { return answer.has_value(); }));
  daemon->start();
  EXPECT_TRUE(Bus::open(loop, clock));
}

TEST_F(BusTest, ACallThatIsGivenUpDisturbsNobody) {
  TaskGroup given(loop);
  std::optional<Result<std::string>> answer;
  given.spawn("call", callInto(bus.get(), kGetId, &answer));
  loop.poll();
  loop.runToEnd(given.close());
  EXPECT_TRUE(answerOf(kGetId));
}

TEST(BusOpen, WithoutABusItSaysSo) {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/there/is/none", 1);
  Loop loop;
  SystemClock clock(loop);
  const Result<std::unique_ptr<Bus>> opened = Bus::open(loop, clock);
  ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace cubelet::sdbus
