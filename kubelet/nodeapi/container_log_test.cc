#include "kubelet/nodeapi/container_log.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/nodeapi/fake_node_view.h"
#include "kubelet/web/server.h"
#include "kubelet/web/test_client.h"

namespace cubelet::nodeapi {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ContainerLogsTest : public testing::Test {
 protected:
  ContainerLogsTest() {
    logs.addRoutes(router);
    web::ServerOptions options;
    options.name = "test server";
    options.address = "127.0.0.1";
    server = std::make_unique<web::Server>(loop, clock, options,
                                           [this](web::Request request) { return route(std::move(request)); });
    EXPECT_TRUE(server->open());
    core::Pod& pod = view.addPod("shop", "web");
    core::ContainerStatus& status = *pod.mutable_status()->add_containerstatuses();
    status.set_name("main");
    status.mutable_state()->mutable_running();
    EXPECT_TRUE(makeDirectories(directory, 0755));
  }
  ~ContainerLogsTest() override {
    loop.runToEnd(server->close());
    loop.runToEnd(logs.close());
  }

  Task<web::Reply> route(web::Request request) {
    web::Router::Match match = router.find(request.method, request.target.path);
    if (match.route == nullptr) co_return web::textReply(match.status, "");
    request.parameters = std::move(match.parameters);
    Task<web::Reply> handled = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    web::Reply reply = co_await std::move(handled);
    co_return reply;
  }
  void write(const std::string& text, const std::string& stream = "stdout", const std::string& file = "0.log") {
    std::ofstream(directory + "/" + file, std::ios::app)
        << "2027-01-15T08:00:00.1Z " << stream << " F " << text << "\n";
  }
  // Status and body, the chunks put together.
  std::string get(const std::string& query, const std::string& path = "/containerLogs/shop/web/main") {
    web::TestClient client(loop, server->port());
    client.send("GET " + path + "?" + query + " HTTP/1.0\r\n\r\n");
    const std::string got = client.readToEnd();
    return got.substr(9, 3) + " " + got.substr(got.find("\r\n\r\n") + 4);
  }
  void endContainer() {
    view.runtime["uid-web"].containers[0].state = observe::ContainerState::kExited;
    logs.podChanged("uid-web");
    for (int i = 0; i < 10; ++i) loop.poll();
    clock.advance(seconds(1));
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  std::string directory = dir / "shop_web_uid-web/main";
  FakeNodeView view;
  ContainerLogs logs{loop, clock, view, dir.path()};
  web::Router router;
  std::unique_ptr<web::Server> server;
};

TEST_F(ContainerLogsTest, LOG_4_OptionsChooseWhatIsShown) {
  write("one");
  write("two", "stderr");
  write("three");
  EXPECT_EQ(get(""), "200 one\ntwo\nthree\n");
  EXPECT_EQ(get("tailLines=1"), "200 three\n");
  EXPECT_EQ(get("tailLines=0"), "200 ");
  EXPECT_EQ(get("limitBytes=6"), "200 one\ntw");
  EXPECT_EQ(get("stream=Stderr"), "200 two\n");
  EXPECT_EQ(get("tailLines=1&timestamps=true"), "200 2027-01-15T08:00:00.100000000Z three\n");
  EXPECT_EQ(get("sinceTime=2027-01-15T09:00:00Z"), "200 ");
  EXPECT_THAT(get("tailLines=-1"), StartsWith("422 "));
}

// An init container that has ended, a sidecar and an ephemeral container that run.
TEST_F(ContainerLogsTest, LOG_7_InitContainersSidecarsAndEphemeralContainersHaveLogs) {
  core::Pod& pod = view.pods[0];
  pod.mutable_spec()->add_initcontainers()->set_name("setup");
  core::Container& sidecar = *pod.mutable_spec()->add_initcontainers();
  sidecar.set_name("proxy");
  sidecar.set_restartpolicy("Always");
  pod.mutable_spec()->add_ephemeralcontainers()->mutable_ephemeralcontainercommon()->set_name("debug");
  core::ContainerStatus& setup = *pod.mutable_status()->add_initcontainerstatuses();
  setup.set_name("setup");
  setup.mutable_state()->mutable_terminated();
  core::ContainerStatus& proxy = *pod.mutable_status()->add_initcontainerstatuses();
  proxy.set_name("proxy");
  proxy.set_restartcount(2);
  proxy.mutable_state()->mutable_running();
  proxy.mutable_laststate()->mutable_terminated();
  core::ContainerStatus& debug = *pod.mutable_status()->add_ephemeralcontainerstatuses();
  debug.set_name("debug");
  debug.mutable_state()->mutable_running();
  std::vector<observe::ObservedContainer>& have = view.runtime["uid-web"].containers;
  have.push_back(have[0]);
  have.back().name = "proxy";
  have.back().attempt = 2;
  have.push_back(have[0]);
  have.back().name = "debug";
  for (const char* name : {"setup", "proxy", "debug"})
    ASSERT_TRUE(makeDirectories(dir / (std::string("shop_web_uid-web/") + name), 0755));
  write("prepared", "stdout", "../setup/0.log");
  write("before", "stdout", "../proxy/1.log");
  write("listens", "stdout", "../proxy/2.log");
  write("looks around", "stdout", "../debug/0.log");

  const auto logOf = [&](const std::string& container, const std::string& query = "") {
    return get(query, "/containerLogs/shop/web/" + container);
  };
  EXPECT_EQ(logOf("setup"), "200 prepared\n");
  EXPECT_EQ(logOf("setup", "follow=true"), "200 prepared\n") << "it has ended: there is nothing to wait for";
  EXPECT_EQ(logOf("proxy"), "200 listens\n");
  EXPECT_EQ(logOf("proxy", "previous=true"), "200 before\n");
  EXPECT_EQ(logOf("debug"), "200 looks around\n");
  for (const std::size_t index : {1U, 2U}) {
    const std::string name = have[index].name;
    web::TestClient client(loop, server->port());
    client.get("/containerLogs/shop/web/" + name + "?follow=true");
    client.readUntil(index == 1 ? "listens\n" : "looks around\n");
    write("more", "stdout", "../" + name + (index == 1 ? "/2.log" : "/0.log"));
    client.readUntil("more\n");
    have[index].state = observe::ContainerState::kExited;
    logs.podChanged("uid-web");
    for (int i = 0; i < 10; ++i) loop.poll();
    clock.advance(seconds(1));
    EXPECT_THAT(client.readToEnd(), EndsWith("0\r\n\r\n")) << name;
  }
}

TEST_F(ContainerLogsTest, LOG_6_RefusalsSayWhy) {
  EXPECT_EQ(get("", "/containerLogs/shop/none/main"), "404 pod \"none\" does not exist\n");
  EXPECT_EQ(get("", "/containerLogs/shop/web/none"), "404 container \"none\" not found in pod \"web\"\n");
  EXPECT_EQ(get("previous=true"), "400 previous terminated container \"main\" in pod \"web\" not found");
  EXPECT_THAT(get(""), StartsWith("400 cannot read the log of container \"main\""));
  auto& state = *view.pods[0].mutable_status()->mutable_containerstatuses(0)->mutable_state();
  state.clear_running();
  state.mutable_waiting()->set_reason("ContainerCreating");
  EXPECT_EQ(get(""), "400 container \"main\" in pod \"web\" is waiting to start: ContainerCreating");
}

TEST_F(ContainerLogsTest, LOG_7_EveryKindOfContainerHasALog) {
  core::Pod& pod = view.pods[0];
  core::Container& init = *pod.mutable_spec()->add_initcontainers();
  init.set_name("init");
  core::Container& sidecar = *pod.mutable_spec()->add_initcontainers();
  sidecar.set_name("sidecar");
  sidecar.set_restartpolicy("Always");
  pod.mutable_spec()->add_ephemeralcontainers()->mutable_ephemeralcontainercommon()->set_name("debug");
  core::ContainerStatus& ended = *pod.mutable_status()->add_initcontainerstatuses();
  ended.set_name("init");
  ended.mutable_state()->mutable_terminated();
  for (core::ContainerStatus* status :
       {pod.mutable_status()->add_initcontainerstatuses(), pod.mutable_status()->add_ephemeralcontainerstatuses()}) {
    status->set_name(status == &pod.status().ephemeralcontainerstatuses(0) ? "debug" : "sidecar");
    status->mutable_state()->mutable_running();
  }
  for (const std::string name : {"init", "sidecar", "debug"}) {
    ASSERT_TRUE(makeDirectories(directory + "/../" + name, 0755));
    write("of " + name, "stdout", "../" + name + "/0.log");
    EXPECT_EQ(get("", "/containerLogs/shop/web/" + name), "200 of " + name + "\n");
  }
}

TEST_F(ContainerLogsTest, LOG_5_FollowShowsWhatComesAndEndsWithTheContainer) {
  write("one");
  web::TestClient client(loop, server->port());
  client.get("/containerLogs/shop/web/main?follow=true");
  client.readUntil("one\n");
  write("two");
  client.readUntil("two\n");
  write("last words");
  endContainer();
  EXPECT_THAT(client.readToEnd(), HasSubstr("last words\n"));
  EXPECT_THAT(client.readToEnd(), EndsWith("0\r\n\r\n"));
}

TEST_F(ContainerLogsTest, LOG_5_FollowGoesOnAcrossRotation) {
  write("one");
  web::TestClient client(loop, server->port());
  client.get("/containerLogs/shop/web/main?follow=true");
  client.readUntil("one\n");
  ASSERT_EQ(::rename((directory + "/0.log").c_str(), (directory + "/0.log.20270115-080000").c_str()), 0);
  write("two");
  client.readUntil("two\n");
  write("three");
  client.readUntil("three\n");
  endContainer();
  client.readToEnd();
}

TEST_F(ContainerLogsTest, ManyFollowersShareOneWatch) {
  write("one");
  std::vector<std::unique_ptr<web::TestClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<web::TestClient>(loop, server->port()));
    clients.back()->get("/containerLogs/shop/web/main?follow=true");
  }
  for (auto& client : clients) client->readUntil("one\n");
  write("two");
  for (auto& client : clients) client->readUntil("two\n");
  clients.resize(100);
  write("three");
  for (auto& client : clients) client->readUntil("three\n");
  endContainer();
  for (auto& client : clients) client->readToEnd();
}

TEST_F(ContainerLogsTest, AFollowerThatHangsUpIsForgotten) {
  write("one");
  web::TestClient client(loop, server->port());
  client.get("/containerLogs/shop/web/main?follow=true");
  client.readUntil("one\n");
  client.hangUp();
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10)));
}

TEST_F(ContainerLogsTest, LinksAndDevicesAreNotRead) {
  std::ofstream(dir / "secret") << "2027-01-15T08:00:00.1Z stdout F secret\n";
  ASSERT_EQ(::symlink((dir / "secret").c_str(), (directory + "/0.log").c_str()), 0);
  EXPECT_THAT(get(""), testing::Not(HasSubstr("F secret")));
  EXPECT_THAT(get(""), StartsWith("500 "));
  ASSERT_EQ(::unlink((directory + "/0.log").c_str()), 0);
  ASSERT_EQ(::mkfifo((directory + "/0.log").c_str(), 0600), 0);
  EXPECT_THAT(get(""), HasSubstr("not a regular file"));
}

TEST_F(ContainerLogsTest, LinkedDirectoriesAreNotRead) {
  const std::string elsewhere = dir / "elsewhere";
  ASSERT_TRUE(makeDirectories(elsewhere, 0755));
  std::ofstream(elsewhere + "/0.log") << "2027-01-15T08:00:00.1Z stdout F secret\n";
  ASSERT_EQ(::rmdir(directory.c_str()), 0);
  ASSERT_EQ(::symlink(elsewhere.c_str(), directory.c_str()), 0);
  EXPECT_THAT(get(""), AllOf(StartsWith("500 "), HasSubstr("link is in the way")));
}

TEST_F(ContainerLogsTest, PathsCannotLeadOut) {
  write("one");
  std::ofstream(dir / "0.log") << "2027-01-15T08:00:00.1Z stdout F secret\n";
  for (const char* path :
       {"/containerLogs/shop/web/..", "/containerLogs/shop/web/%2e%2e", "/containerLogs/shop/web/main%00",
        "/containerLogs/shop/../shop/web/main", "/containerLogs/shop//web/main", "/containerLogs/shop/web/%zz"})
    EXPECT_THAT(get("", path), StartsWith("400 ")) << path;
  for (const char* path : {"/containerLogs/shop/web/main%2f..%2f..", "/containerLogs/shop/web/main%2f0.log",
                           "/containerLogs/shop/web/main/0.log", "/containerLogs/shop/web/Main"})
    EXPECT_THAT(get("", path), testing::AnyOf(StartsWith("400 "), StartsWith("404 "))) << path;
  EXPECT_THAT(get("", "/containerLogs/shop/" + std::string(60'000, 'n') + "/main"), StartsWith("404 "));
}

// AddressSanitizer keeps for a while what was freed.
#if __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(ContainerLogsTest, AClientThatDoesNotReadCostsLittleAndHoldsNobodyUp) {
  std::ofstream file(directory + "/0.log");
  const std::string text = "2027-01-15T08:00:00.1Z stdout F " + std::string(1000, 'x') + "\n";
  for (int i = 0; i < 60'000; ++i) file << text;
  file.close();
  const std::size_t before = residentBytes();
  std::vector<std::unique_ptr<web::TestClient>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<web::TestClient>(loop, server->port()));
    deaf.back()->get("/containerLogs/shop/web/main?follow=true");
  }
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 20; }, seconds(10)));
  loop.runUntil([] { return false; }, std::chrono::milliseconds(500));
  // A gigabyte waits for them; each may hold a few pieces of it.
  if (!kSanitized) EXPECT_LT(residentBytes(), before + std::size_t{48} * 1024 * 1024);
  EXPECT_THAT(get("tailLines=1"), StartsWith("200 xxx"));
  clock.advance(std::chrono::hours(4));
  EXPECT_TRUE(loop.runUntil([&] { return server->connections() == 0; }, seconds(10)));
}

}  // namespace
}  // namespace cubelet::nodeapi
