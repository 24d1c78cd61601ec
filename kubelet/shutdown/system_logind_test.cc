// SystemLogind against a service that offers what logind does, over a real message bus.
#include "kubelet/shutdown/system_logind.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "base/files.h"
#include "base/sdbus/test_bus.h"
#include "base/task_group.h"
#include "base/temp_dir.h"

namespace cubelet::shutdown {
namespace {

using std::chrono::seconds;

struct Service {
  std::uint64_t delay = 5'000'000;
  int preparing = 0;
  std::string asked;  // by Inhibit
  std::string killed;
  Fd lock;

  static int inhibit(sd_bus_message* call, void* self, sd_bus_error*) {
    auto* service = static_cast<Service*>(self);
    const char *what = "", *who = "", *why = "", *mode = "";
    sd_bus_message_read(call, "ssss", &what, &who, &why, &mode);
    service->asked = std::string(what) + " " + who + " " + mode;
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
    service->lock = Fd(ends[0]);
    const Fd given(ends[1]);
    return sd_bus_reply_method_return(call, "h", given.get());
  }
  static int killUnit(sd_bus_message* call, void* self, sd_bus_error*) {
    const char *unit = "", *whom = "";
    std::int32_t signal = 0;
    sd_bus_message_read(call, "ssi", &unit, &whom, &signal);
    static_cast<Service*>(self)->killed = std::string(unit) + " " + whom + " " + std::to_string(signal);
    return sd_bus_reply_method_return(call, "");
  }
  bool lockIsHeld() const {
    char byte = 0;
    return lock && ::read(lock.get(), &byte, 1) != 0;
  }
};

const sd_bus_vtable kLoginManager[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Inhibit", "ssss", "h", &Service::inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("InhibitDelayMaxUSec", "t", nullptr, offsetof(Service, delay), 0),
    SD_BUS_PROPERTY("PreparingForShutdown", "b", nullptr, offsetof(Service, preparing), 0),
    SD_BUS_SIGNAL("PrepareForShutdown", "b", 0),
    SD_BUS_VTABLE_END};
const sd_bus_vtable kSystemdManager[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_METHOD("KillUnit", "ssi", "", &Service::killUnit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END};
constexpr char kLogin[] = "org.freedesktop.login1";
constexpr char kSystemd[] = "org.freedesktop.systemd1";

Task<void> serve(Logind* logind, std::optional<Error>* end) {
  Error why = co_await logind->serve();
  *end = std::move(why);
}
template <class T>
Task<void> into(Task<Result<T>> asking, std::optional<Result<T>>* out) {
  Result<T> answer = co_await std::move(asking);
  *out = std::move(answer);
}

class SystemLogindTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!sdbus::TestBus::possible()) GTEST_SKIP() << "there is no dbus-daemon (scripts/install-packages test)";
    daemon.emplace();
    ASSERT_GE(sd_bus_open_system(&server), 0);
    sd_bus_add_object_vtable(server, nullptr, "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
                             kLoginManager, &service);
    sd_bus_add_object_vtable(server, nullptr, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                             kSystemdManager, &service);
    ASSERT_GE(sd_bus_request_name(server, kLogin, 0), 0);
    ASSERT_GE(sd_bus_request_name(server, kSystemd, 0), 0);
    Result<void> opened = logind.open([this](bool shutdown) { announced.push_back(shutdown); });
    ASSERT_TRUE(opened) << opened.error().message;
    tasks.spawn("serve", serve(&logind, &lost));
  }
  void TearDown() override {
    loop.runToEnd(tasks.close());
    sd_bus_flush_close_unref(server);
  }
  bool soon(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) return false;
      while (sd_bus_process(server, nullptr) > 0) {
      }
      loop.context().run_one_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  template <class T>
  Result<T> answerTo(Task<Result<T>> asking) {
    std::optional<Result<T>> answer;
    tasks.spawn("ask", into(std::move(asking), &answer));
    EXPECT_TRUE(soon([&] { return answer.has_value(); }));
    if (!answer) return fail(Code::kTimedOut, "", "no answer");
    return std::move(*answer);
  }

  std::optional<sdbus::TestBus> daemon;
  Service service;
  sd_bus* server = nullptr;
  Loop loop;
  SystemClock clock{loop};
  TempDir dir;
  SystemLogind logind{loop, clock, dir / "logind.conf.d"};
  std::vector<bool> announced;
  std::optional<Error> lost;
  TaskGroup tasks{loop};
};

TEST_F(SystemLogindTest, SHD_1_TheLockDelaysAShutdownUntilItIsReleased) {
  Result<Fd> lock = answerTo(logind.delayShutdown());
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(service.asked, "shutdown cubelet delay");
  EXPECT_TRUE(service.lockIsHeld());
  lock->reset();
  EXPECT_TRUE(soon([&] { return !service.lockIsHeld(); })) << "the bus gives back its copy as well";
}

TEST_F(SystemLogindTest, SHD_1_TheDelayIsReadAndSet) {
  EXPECT_EQ(answerTo(logind.longestDelay()), Duration(seconds(5)));
  ASSERT_TRUE(answerTo(logind.setLongestDelay(seconds(30))));
  const std::string text = readFile(dir / "logind.conf.d/99-kubelet.conf", 1000).value();
  EXPECT_NE(text.find("\n[Login]\nInhibitDelayMaxSec=30\n"), std::string::npos) << text;
  EXPECT_EQ(service.killed, "systemd-logind.service all " + std::to_string(SIGHUP));
  service.delay = 30'000'000;
  EXPECT_EQ(answerTo(logind.longestDelay()), Duration(seconds(30)));
}

TEST_F(SystemLogindTest, SHD_2_SHD_5_AnnouncementsAreHeard) {
  EXPECT_EQ(answerTo(logind.isPreparing()), false);
  service.preparing = 1;
  EXPECT_EQ(answerTo(logind.isPreparing()), true);
  for (const int begins : {1, 0})
    sd_bus_emit_signal(server, "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForShutdown", "b",
                       begins);
  EXPECT_TRUE(soon([&] { return announced.size() == 2; }));
  EXPECT_EQ(announced, (std::vector<bool>{true, false}));
}

TEST_F(SystemLogindTest, WithoutLogindTheErrorSaysWhatWasTried) {
  sd_bus_release_name(server, kLogin);
  const Result<Fd> lock = answerTo(logind.delayShutdown());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Code::kNotFound);
  EXPECT_TRUE(lock.error().message.starts_with("call org.freedesktop.login1.Manager.Inhibit: "))
      << lock.error().message;
}

TEST_F(SystemLogindTest, ALostBusEndsServing) {
  ASSERT_TRUE(answerTo(logind.isPreparing()));
  daemon->kill();
  EXPECT_TRUE(soon([&] { return lost.has_value(); }));
}

}  // namespace
}  // namespace cubelet::shutdown
