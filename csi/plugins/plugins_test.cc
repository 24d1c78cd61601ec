#include "csi/plugins/plugins.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/temp_dir.h"
#include "csi/fake/fake_driver.h"
#include "csi/fake/fake_server.h"

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A socket file that nobody serves.
void makeSocket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
  ::close(fd);
}

// Plugins by the path of their socket.
struct FakeConnector final : Connector {
  std::map<std::string, FakeRegistration> plugins;
  FakeDriver* driver = nullptr;
  std::set<std::string> left;  // sockets that nobody serves any more

  Task<Result<pluginregistration::PluginInfo>> info(std::string socket) override {
    FakeRegistration& plugin = plugins[socket];
    ++plugin.asked;
    Park never;
    while (plugin.hangs) {
      co_await never.wait();
      co_await throwIfCancelled();
    }
    if (plugin.refuse) co_return fail(*plugin.refuse);
    co_return plugin.info;
  }
  Task<Result<void>> tell(std::string socket, pluginregistration::RegistrationStatus status) override {
    plugins[socket].told.push_back(std::move(status));
    co_return Result<void>();
  }
  Result<std::shared_ptr<NodeService>> node(std::string) override {
    return std::shared_ptr<NodeService>(driver, [](NodeService*) {});
  }
  bool isServed(const std::string& socket) override { return !left.contains(socket); }
};

struct FakeAnnouncer final : DriverAnnouncer {
  std::vector<std::string> log;
  std::vector<Error> failures;  // of the next announcements
  Duration period{0};

  Task<Result<void>> announce(DriverFacts facts) override {
    log.push_back("announce " + facts.name + " " + facts.nodeId);
    if (failures.empty()) co_return Result<void>();
    Error error = failures.front();
    failures.erase(failures.begin());
    co_return fail(std::move(error));
  }
  Task<Result<void>> withdraw(std::string driver) override {
    log.push_back("withdraw " + driver);
    co_return Result<void>();
  }
  Task<Result<Duration>> refreshPeriod(std::string) override { co_return period; }
};

Task<void> keep(Plugins* plugins) {
  Result<void> ended = co_await plugins->run();
  ADD_FAILURE() << ended.error().message;
}

class Registry : public testing::Test {
 protected:
  Registry() { connector.driver = &driver; }
  ~Registry() override { loop.runToEnd(tasks.close()); }

  void start() { tasks.spawn("plugins", keep(&plugins)); }
  std::string socket(const std::string& name) { return dir / ("registry/" + name); }
  FakeRegistration& plugin(const std::string& name, const std::string& driverName,
                           const std::string& version = "1.0.0") {
    FakeRegistration& made = connector.plugins[socket(name)];
    made.info.set_type("CSIPlugin");
    made.info.set_name(driverName);
    made.info.clear_supported_versions();
    made.info.add_supported_versions(version);
    return made;
  }
  std::vector<std::string> drivers() {
    std::vector<std::string> names;
    for (const Plugins::Driver& d : plugins.drivers())
      names.push_back(d.offer.driver + " " + fs::path(d.offer.socket).filename().string());
    return names;
  }
  testing::AssertionResult await(const std::function<bool()>& done) {
    if (loop.runUntil(done, seconds(30))) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "drivers are " << testing::PrintToString(drivers());
  }
  void awaitStarted() {
    ASSERT_TRUE(await([&] { return fs::exists(dir / "registry"); }));
    loop.poll();
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  FakeMounts mounts;
  FakeDriver driver{clock, mounts};
  FakeConnector connector;
  FakeAnnouncer announcer;
  Plugins plugins{loop, clock, connector, &announcer, {.directory = dir / "registry"}};
  TaskGroup tasks{loop};
};

TEST_F(Registry, CSI_1_ASocketRegistersItsDriverAndIsTold) {
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  EXPECT_THAT(drivers(), IsEmpty());
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return !connector.plugins[socket("a.sock")].told.empty(); }));
  EXPECT_THAT(drivers(), ElementsAre("a.csi a.sock"));
  EXPECT_TRUE(connector.plugins[socket("a.sock")].told[0].plugin_registered());
  EXPECT_THAT(announcer.log, ElementsAre("announce a.csi node-id"));
  EXPECT_TRUE(plugins.find("a.csi"));
}

struct FakeOthers final : OtherPlugins {
  std::vector<std::string> log;
  std::optional<Error> refuse;

  bool takes(const std::string& type) const override { return type == "DevicePlugin"; }
  Task<Result<void>> add(pluginregistration::PluginInfo info, std::string socket) override {
    log.push_back("add " + info.name() + " " + fs::path(socket).filename().string());
    if (refuse) co_return fail(*refuse);
    co_return Result<void>();
  }
  void remove(const std::string& socket) override { log.push_back("remove " + fs::path(socket).filename().string()); }
};

TEST_F(Registry, SRV_14_PluginsOfAnotherTypeAreSomebodyElses) {
  FakeOthers others;
  Plugins both(loop, clock, connector, nullptr, {.directory = dir / "registry", .others = &others});
  TaskGroup group(loop);
  group.spawn("plugins", keep(&both));
  awaitStarted();
  plugin("gpu.sock", "example.com/gpu", "v1beta1").info.set_type("DevicePlugin");
  plugin("dra.sock", "dra").info.set_type("DRAPlugin");
  makeSocket(socket("gpu.sock"));
  makeSocket(socket("dra.sock"));
  auto& gpu = connector.plugins[socket("gpu.sock")];
  auto& dra = connector.plugins[socket("dra.sock")];
  ASSERT_TRUE(await([&] { return !gpu.told.empty() && !dra.told.empty(); }));
  EXPECT_TRUE(gpu.told[0].plugin_registered());
  EXPECT_FALSE(dra.told[0].plugin_registered());
  EXPECT_THAT(dra.told[0].error(), HasSubstr("only CSIPlugin is supported"));
  EXPECT_THAT(others.log, ElementsAre("add example.com/gpu gpu.sock"));
  EXPECT_TRUE(both.drivers().empty());
  fs::remove(socket("gpu.sock"));
  ASSERT_TRUE(await([&] { return others.log.size() == 2; }));
  EXPECT_EQ(others.log[1], "remove gpu.sock");
  others.refuse = Error(Code::kInvalid, "", "no resource");
  makeSocket(socket("gpu.sock"));
  ASSERT_TRUE(await([&] { return gpu.told.size() == 2; }));
  EXPECT_EQ(gpu.told[1].error(), "no resource");
  loop.runToEnd(group.close());
}

TEST_F(Registry, CSI_1_SocketsThatAreThereAndInSubdirectoriesCountAndDotFilesDoNot) {
  fs::create_directories(dir / "registry/sub");
  fs::create_directories(dir / "registry/.hidden");
  plugin("a.sock", "a.csi");
  plugin("sub/b.sock", "b.csi");
  plugin("late/c.sock", "c.csi");
  makeSocket(socket("a.sock"));
  makeSocket(socket("sub/b.sock"));
  makeSocket(socket(".d.sock"));
  makeSocket(socket(".hidden/e.sock"));
  start();
  ASSERT_TRUE(await([&] { return drivers().size() == 2; }));
  fs::create_directory(dir / "registry/late");
  makeSocket(socket("late/c.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 3; }));
  EXPECT_EQ(connector.plugins.size(), 3u) << "nobody else was asked";
}

TEST_F(Registry, CSI_1_CSI_2_ASocketThatVanishesTakesItsDriverAway) {
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; }));
  fs::remove(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().empty(); }));
  ASSERT_TRUE(await([&] { return announcer.log.size() == 2; }));
  EXPECT_EQ(announcer.log[1], "withdraw a.csi");
  EXPECT_THAT(plugins.find("a.csi").error().message,
              HasSubstr("driver name a.csi not found in the list of registered CSI drivers"));
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; })) << "and comes back with a new one";
}

TEST_F(Registry, CSI_1_ASocketThatIsReplacedRegistersAgain) {
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return connector.plugins[socket("a.sock")].told.size() == 1; }));
  makeSocket(dir / "new.sock");
  driver.info.set_node_id("another-id");
  fs::rename(dir / "new.sock", socket("a.sock"));
  ASSERT_TRUE(await([&] { return connector.plugins[socket("a.sock")].told.size() == 2; }));
  EXPECT_EQ(plugins.drivers().at(0).facts.nodeId, "another-id");
}

TEST_F(Registry, CSI_1_OfTwoPluginsOfOneNameTheHigherVersionWins) {
  plugin("a.sock", "a.csi", "1.1.0");
  plugin("b.sock", "a.csi", "1.1.0");
  plugin("c.sock", "a.csi", "1.2.0");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; }));
  makeSocket(socket("b.sock"));
  ASSERT_TRUE(await([&] { return !connector.plugins[socket("b.sock")].told.empty(); }));
  EXPECT_FALSE(connector.plugins[socket("b.sock")].told[0].plugin_registered());
  EXPECT_THAT(connector.plugins[socket("b.sock")].told[0].error(), HasSubstr("registered by"));
  EXPECT_THAT(drivers(), ElementsAre("a.csi a.sock"));
  makeSocket(socket("c.sock"));
  ASSERT_TRUE(await([&] { return drivers().at(0) == "a.csi c.sock"; }));
  fs::remove(socket("a.sock"));
  fs::remove(socket("b.sock"));
  clock.advance(seconds(1));
  loop.poll();
  EXPECT_THAT(drivers(), ElementsAre("a.csi c.sock"));
}

TEST_F(Registry, CSI_1_ASocketThatNobodyServesHoldsNoName) {
  plugin("a.sock", "a.csi", "1.1.0");
  plugin("b.sock", "a.csi", "1.0.0");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; }));
  connector.left.insert(socket("a.sock"));  // killed: its socket stays
  driver.info.set_node_id("another-id");
  makeSocket(socket("b.sock"));
  ASSERT_TRUE(await([&] { return drivers().at(0) == "a.csi b.sock"; }));
  EXPECT_EQ(plugins.drivers().at(0).facts.nodeId, "another-id");
  fs::remove(socket("a.sock"));
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().at(0) == "a.csi a.sock"; })) << "the old one is back, with more to offer";
}

TEST_F(Registry, CSI_1_APluginThatHangsCostsOnlyItself) {
  plugin("a.sock", "a.csi").hangs = true;
  plugin("b.sock", "b.csi");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return connector.plugins[socket("a.sock")].asked == 1; }));
  makeSocket(socket("b.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; }));
  EXPECT_THAT(drivers(), ElementsAre("b.csi b.sock"));
  fs::remove(socket("a.sock"));
  plugin("c.sock", "c.csi");
  makeSocket(socket("c.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 2; })) << "also when it is given up";
}

TEST_F(Registry, CSI_1_ARefusedPluginIsToldAndTriedAgainWithBackOff) {
  FakeRegistration& a = plugin("a.sock", "a.csi");
  a.refuse = Error(Code::kUnavailable, "", "still starting");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return a.told.size() == 1 && clock.pendingTimers() == 1; }));
  EXPECT_THAT(a.told[0].error(), HasSubstr("still starting"));
  clock.advance(std::chrono::milliseconds(500));
  ASSERT_TRUE(await([&] { return a.told.size() == 2 && clock.pendingTimers() == 1; }));
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(a.asked, 2) << "the second pause is longer";
  a.refuse.reset();
  clock.advance(std::chrono::milliseconds(500));
  ASSERT_TRUE(await([&] { return drivers().size() == 1; }));
}

TEST_F(Registry, CSI_2_AConflictRefusesAndAnUnreachableServerDoesNot) {
  plugin("a.sock", "a.csi");
  announcer.failures = {Error(Code::kInvalid, "", "topology conflict"), Error(Code::kUnavailable, "", "no API server")};
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  FakeRegistration& a = connector.plugins[socket("a.sock")];
  ASSERT_TRUE(await([&] { return a.told.size() == 1 && clock.pendingTimers() == 1; }));
  EXPECT_FALSE(a.told[0].plugin_registered());
  EXPECT_THAT(drivers(), IsEmpty());
  clock.advance(std::chrono::milliseconds(500));
  ASSERT_TRUE(await([&] { return a.told.size() == 2; }));
  EXPECT_TRUE(a.told[1].plugin_registered());
  EXPECT_THAT(drivers(), ElementsAre("a.csi a.sock"));
  ASSERT_TRUE(await([&] { return clock.pendingTimers() == 1; }));
  const std::size_t before = announcer.log.size();
  clock.advance(std::chrono::milliseconds(500));
  ASSERT_TRUE(await([&] { return announcer.log.size() == before + 1; })) << "the cluster hears of it later";
}

TEST_F(Registry, CSI_2_NewsOfTheClusterEndTheBackOffAndRepeatWhatItWasTold) {
  plugin("a.sock", "a.csi");
  announcer.failures = {Error(Code::kUnavailable, "", "not registered yet")};
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return drivers().size() == 1 && clock.pendingTimers() == 1; }));
  EXPECT_EQ(announcer.log.size(), 1u);
  plugins.announceAgain();
  ASSERT_TRUE(await([&] { return announcer.log.size() == 2; })) << "no time has passed";
  ASSERT_TRUE(await([&] { return clock.pendingTimers() == 0; }));
  plugins.announceAgain();
  ASSERT_TRUE(await([&] { return announcer.log.size() == 3; })) << "the node was made anew";
}

TEST_F(Registry, CSI_19_ADriverIsAskedAgainWhatTheNodeCanHave) {
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return announcer.log.size() == 1; }));
  driver.info.set_max_volumes_per_node(3);
  plugins.askAgain("b.csi");
  plugins.askAgain("a.csi");
  ASSERT_TRUE(await([&] { return announcer.log.size() == 2; }));
  EXPECT_EQ(plugins.drivers().at(0).facts.maxVolumes, 3);
}

TEST_F(Registry, CSI_19_ADriverIsAskedAgainAsOftenAsTheClusterWants) {
  announcer.period = seconds(60);
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return clock.pendingTimers() == 1; }));
  driver.info.set_max_volumes_per_node(3);
  clock.advance(seconds(59));
  EXPECT_EQ(announcer.log.size(), 1u);
  announcer.period = seconds(0);
  clock.advance(seconds(1));
  ASSERT_TRUE(await([&] { return announcer.log.size() == 2; }));
  EXPECT_EQ(plugins.drivers().at(0).facts.maxVolumes, 3);
  ASSERT_TRUE(await([&] { return clock.pendingTimers() == 0; })) << "the cluster wants it no more";
}

Task<void> waitFor(Plugins* plugins, std::string name, TimePoint until, std::vector<std::string>* log) {
  auto found = co_await plugins->await(name, until);
  log->push_back(name + (found ? " found" : ": " + found.error().message));
}

TEST_F(Registry, CSI_17_WhoWaitsForADriverIsWokenByItsRegistration) {
  plugin("a.sock", "a.csi");
  start();
  awaitStarted();
  std::vector<std::string> log;
  tasks.spawn("a", waitFor(&plugins, "a.csi", clock.now() + seconds(100), &log));
  tasks.spawn("b", waitFor(&plugins, "b.csi", clock.now() + seconds(10), &log));
  loop.poll();
  EXPECT_THAT(log, IsEmpty());
  makeSocket(socket("a.sock"));
  ASSERT_TRUE(await([&] { return log.size() == 1; })) << "no time has passed";
  EXPECT_EQ(log[0], "a.csi found");
  clock.advance(seconds(10));
  loop.poll();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1], "b.csi: driver name b.csi not found in the list of registered CSI drivers");
}

class RegistryOverGrpc : public testing::Test {
 protected:
  RegistryOverGrpc() {
    registration.info.set_type("CSIPlugin");
    registration.info.set_name("a.csi");
    registration.info.add_supported_versions("1.0.0");
    tasks.spawn("plugins", keep(&plugins));
    EXPECT_TRUE(loop.runUntil([&] { return fs::exists(dir / "registry"); }, seconds(30)));
  }
  ~RegistryOverGrpc() override { loop.runToEnd(tasks.close()); }

  void serve(rpc::TestServer& server) {
    serveNode(server, driver);
    serveRegistration(server, registration);
    ASSERT_TRUE(server.start());
  }
  testing::AssertionResult isTold(std::size_t times) {
    if (!loop.runUntil([&] { return registration.told.size() == times; }, seconds(30)))
      return testing::AssertionFailure() << "told " << registration.told.size() << " times";
    if (registration.told.back().plugin_registered()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << registration.told.back().error();
  }

  Loop loop;
  SystemClock clock{loop};
  TempDir dir;
  FakeMounts mounts;
  FakeDriver driver{clock, mounts};
  FakeRegistration registration;
  rpc::Pump pump{loop};
  GrpcConnector connector{pump};
  Plugins plugins{loop, clock, connector, nullptr, {.directory = dir / "registry"}};
  TaskGroup tasks{loop};
};

TEST_F(RegistryOverGrpc, CSI_1_ATruePluginRegistersAndServes) {
  rpc::TestServer server(loop, dir / "registry/a.sock");
  serve(server);
  ASSERT_TRUE(isTold(1));
  EXPECT_EQ(loop.runToEnd(plugins.find("a.csi").value()->nodeInfo()).value().node_id(), "node-id");
  server.stop();
}

TEST_F(RegistryOverGrpc, CSI_1_APluginThatWasKilledIsFoundOnItsNewSocket) {
  // Who is killed leaves the file of his socket; here it has a second name, that the server's end does not remove.
  const std::string left = dir / "registry/a.sock";
  rpc::TestServer server(loop, dir / "own.sock");
  serve(server);
  fs::create_hard_link(dir / "own.sock", left);
  ASSERT_TRUE(isTold(1));
  EXPECT_TRUE(connector.isServed(left));
  server.stop();
  EXPECT_FALSE(connector.isServed(left));

  rpc::TestServer again(loop, dir / "registry/b.sock");
  driver.info.set_node_id("another-id");
  serve(again);
  ASSERT_TRUE(isTold(2));
  EXPECT_EQ(loop.runToEnd(plugins.find("a.csi").value()->nodeInfo()).value().node_id(), "another-id");
  again.stop();
}

}  // namespace
}  // namespace cubelet::csi
