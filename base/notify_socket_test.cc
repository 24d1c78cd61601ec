#include "base/notify_socket.h"

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

namespace cubelet {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Stands for systemd.
class Manager {
 public:
  explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path);
    if (name[0] == '@') address.sun_path[0] = '\0';
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  }
  std::vector<std::string> received() {
    std::vector<std::string> all;
    char buffer[4096];
    ssize_t n;
    while ((n = ::recv(socket_.get(), buffer, sizeof buffer, 0)) >= 0) all.emplace_back(buffer, n);
    return all;
  }

 private:
  Fd socket_;
};

class NotifySocketTest : public testing::Test {
 protected:
  NotifySocketTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "notify-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    path = directory + "/notify";
  }
  ~NotifySocketTest() override {
    std::filesystem::remove_all(directory);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  Loop loop;
  ManualClock clock{loop};
  std::string directory;
  std::string path;
};

TEST_F(NotifySocketTest, SpeaksToASocketFile) {
  Manager manager(path);
  NotifySocket socket(path);
  EXPECT_TRUE(socket.wanted());
  EXPECT_TRUE(socket.ready());
  EXPECT_TRUE(socket.status("3 pods run"));
  EXPECT_TRUE(socket.ping());
  EXPECT_TRUE(socket.stopping());
  EXPECT_THAT(manager.received(), ElementsAre("READY=1", "STATUS=3 pods run", "WATCHDOG=1", "STOPPING=1"));
}

TEST_F(NotifySocketTest, SpeaksToAnAbstractSocket) {
  std::string name = "@cubelet-notify-test-" + std::to_string(::getpid());
  Manager manager(name);
  EXPECT_TRUE(NotifySocket(name).ready());
  EXPECT_THAT(manager.received(), ElementsAre("READY=1"));
}

TEST_F(NotifySocketTest, TakesTheAddressFromTheEnvironment) {
  Manager manager(path);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  EXPECT_TRUE(NotifySocket::fromEnvironment().ready());
  EXPECT_THAT(manager.received(), ElementsAre("READY=1"));
}

TEST_F(NotifySocketTest, DoesNothingWhenNobodyWantsToKnow) {
  NotifySocket socket = NotifySocket::fromEnvironment();
  EXPECT_FALSE(socket.wanted());
  EXPECT_TRUE(socket.ready());
  EXPECT_TRUE(socket.status("x"));
}

TEST_F(NotifySocketTest, SendsAStatusOnlyWhenItChanges) {
  Manager manager(path);
  NotifySocket socket(path);
  for (const char* text : {"a", "a", "b", "b", "a"}) EXPECT_TRUE(socket.status(text));
  EXPECT_THAT(manager.received(), ElementsAre("STATUS=a", "STATUS=b", "STATUS=a"));
}

TEST_F(NotifySocketTest, AStatusCannotForgeAnotherAssignment) {
  Manager manager(path);
  NotifySocket socket(path);
  EXPECT_TRUE(socket.status("a\nREADY=1"));
  EXPECT_THAT(manager.received(), ElementsAre("STATUS=a READY=1"));
}

TEST_F(NotifySocketTest, AnAbsentManagerIsAnErrorAndTheStatusIsSentAgain) {
  NotifySocket socket(path);
  EXPECT_FALSE(socket.ready());
  EXPECT_FALSE(socket.status("a"));
  Manager manager(path);
  EXPECT_TRUE(socket.status("a"));
  EXPECT_THAT(manager.received(), ElementsAre("STATUS=a"));
}

TEST_F(NotifySocketTest, RefusesOtherAddresses) {
  for (const std::string& address : {std::string("vsock:2:1"), std::string("relative"), "/" + std::string(200, 'x')})
    EXPECT_EQ(NotifySocket(address).ready().error().code, Code::kInvalid) << address;
}

TEST_F(NotifySocketTest, ReadsTheWatchdogsInterval) {
  EXPECT_EQ(watchdogInterval(), std::nullopt);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdogInterval(), Duration(seconds(30)));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdogInterval(), Duration(seconds(30)));
  ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
  EXPECT_EQ(watchdogInterval(), std::nullopt) << "meant for another process";
  ::unsetenv("WATCHDOG_PID");
  for (const char* bad : {"", "0", "-5", "soon", "30s"}) {
    ::setenv("WATCHDOG_USEC", bad, 1);
    EXPECT_EQ(watchdogInterval(), std::nullopt) << bad;
  }
}

TEST_F(NotifySocketTest, WatchdogPingsAtHalfTheInterval) {
  Manager manager(path);
  NotifySocket socket(path);
  Watchdog watchdog(clock, socket, seconds(30));
  EXPECT_EQ(manager.received().size(), 1u);
  clock.advance(seconds(14));
  EXPECT_THAT(manager.received(), IsEmpty());
  clock.advance(seconds(1));
  EXPECT_THAT(manager.received(), ElementsAre("WATCHDOG=1"));
  clock.advance(seconds(60));
  EXPECT_EQ(manager.received().size(), 4u);
  EXPECT_EQ(clock.pendingTimers(), 1u);
}

TEST_F(NotifySocketTest, WatchdogKeepsSilentWhileTheAgentIsUnwell) {
  Manager manager(path);
  NotifySocket socket(path);
  bool healthy = false;
  Watchdog watchdog(clock, socket, seconds(30), [&] { return healthy; });
  clock.advance(seconds(60));
  EXPECT_THAT(manager.received(), IsEmpty());
  healthy = true;
  clock.advance(seconds(15));
  EXPECT_THAT(manager.received(), ElementsAre("WATCHDOG=1"));
}

TEST_F(NotifySocketTest, WatchdogEndsWithItsObject) {
  NotifySocket socket("");
  {
    Watchdog watchdog(clock, socket, seconds(30));
  }
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

}  // namespace
}  // namespace cubelet
