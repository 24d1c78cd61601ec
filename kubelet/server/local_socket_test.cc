#include "kubelet/server/local_socket.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "kubelet/server/fake_view.h"
#include "kubelet/server/socket_file.h"

namespace cubelet::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr milliseconds kPatience{10'000};

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (fs::temp_directory_path() / "local-socket-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDirectory() { fs::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A client that never blocks: it shares the thread with the loop that serves it.
class Client {
 public:
  Client(Loop& loop, const std::string& path) : loop_(loop), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }
  void send(std::string_view text) {
    ASSERT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void get(std::string_view target) { send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"); }
  void hangUp() { fd_.reset(); }

  // Everything received so far, once `enough` holds or the server has hung up.
  std::string read(const std::function<bool(const std::string&)>& enough) {
    bool done = loop_.runUntil([&] { return take() || enough(received_); }, kPatience);
    EXPECT_TRUE(done) << "only received: " << received_;
    return received_;
  }
  std::string readUntil(std::string_view text) {
    return read([text](const std::string& got) { return got.find(text) != std::string::npos; });
  }
  std::string readToEnd() {
    return read([](const std::string&) { return false; });
  }
  void forget() { received_.clear(); }
  bool ended() const { return ended_; }

 private:
  bool take() {
    char buffer[65536];
    ssize_t n;
    while ((n = ::recv(fd_.get(), buffer, sizeof buffer, 0)) > 0) received_.append(buffer, static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno == ECONNRESET)) ended_ = true;
    return ended_;
  }
  Loop& loop_;
  Fd fd_;
  bool connected_ = false;
  std::string received_;
  bool ended_ = false;
};

class LocalSocketTest : public testing::Test {
 protected:
  void SetUp() override { options.path = directory / "run/cubelet.sock"; }
  void TearDown() override {
    if (socket) loop.runToEnd(socket->close());
  }
  void serve() {
    socket.emplace(loop, clock, view, options);
    Result<void> opened = socket->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  Client client() { return Client(loop, options.path); }
  void settle() {
    while (loop.poll() > 0) continue;
  }
  bool becomes(const std::function<bool()>& condition) { return loop.runUntil(condition, kPatience); }

  TempDirectory directory;
  Loop loop;
  ManualClock clock{loop};
  FakeView view{clock};
  LocalSocketOptions options;
  std::optional<LocalSocket> socket;
};

TEST_F(LocalSocketTest, TellsWhereAStreamIsServed) {
  serve();
  Client c = client();
  c.get("/exec?pod=shop/web&container=c&command=ls");
  EXPECT_THAT(c.readUntil("}\n"), HasSubstr(R"("path":"/exec/token")"));
  EXPECT_EQ(view.lastStream.pod, "web");
  view.place = fail(Code::kInvalid, "", "container not found (\"c\")");
  c.forget();
  c.get("/exec?pod=shop/web&container=c&command=ls");
  EXPECT_THAT(c.readUntil("found (\"c\")\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(LocalSocketTest, TellsWhatIsUsed) {
  serve();
  Client c = client();
  c.get("/stats");
  EXPECT_THAT(c.readUntil("}\n"), HasSubstr(R"({"node":{"nodeName":"node-1"},"pods":[]})"));
  view.usageJson = fail(Code::kTimedOut, "", "read cgroups: too late");
  c.forget();
  c.get("/stats");
  EXPECT_THAT(c.readUntil("too late\n"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(LocalSocketTest, AnswersSeveralRequestsOnOneConnection) {
  serve();
  Client c = client();
  c.get("/healthz");
  EXPECT_THAT(c.readUntil("ok\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  c.forget();
  c.get("/version");
  EXPECT_THAT(c.readUntil("}\n"), HasSubstr(R"("kubernetesVersion":"v1.36.0")"));
  EXPECT_EQ(socket->connections(), 1u);
}

TEST_F(LocalSocketTest, AnswersRequestsThatArriveTogether) {
  serve();
  Client c = client();
  c.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string got = c.readToEnd();
  EXPECT_LT(got.find("ok\n"), got.find("kubernetesVersion"));
}

TEST_F(LocalSocketTest, AnswersARequestThatArrivesByteByByte) {
  serve();
  Client c = client();
  for (char byte : std::string_view("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")) {
    c.send(std::string_view(&byte, 1));
    settle();
  }
  EXPECT_THAT(c.readUntil("ok\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(LocalSocketTest, ClosesWhenTheClientAsksForIt) {
  serve();
  Client c = client();
  c.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(c.readToEnd(), HasSubstr("ok\n"));
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));
}

TEST_F(LocalSocketTest, SendsALargeAnswerWhole) {
  for (int i = 0; i < 2000; ++i)
    view.addPod("default", "pod-" + std::to_string(i), "Running").mutable_status()->set_message(std::string(500, 'm'));
  serve();
  Client c = client();
  c.send("GET /pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string got = c.readToEnd();
  EXPECT_GT(got.size(), 1'000'000u);
  EXPECT_THAT(got.substr(got.size() - 4), HasSubstr("]}\n"));
}

struct Refusal {
  std::string name;
  std::string request;
  std::string status;
};

class Refused : public LocalSocketTest, public testing::WithParamInterface<Refusal> {};

TEST_P(Refused, IsAnsweredAndHungUpOn) {
  options.headerBytes = 1024;
  options.bodyBytes = 100;
  serve();
  Client c = client();
  c.send(GetParam().request);
  EXPECT_THAT(c.read([](const std::string& got) { return got.find("\r\n\r\n") != std::string::npos; }),
              StartsWith("HTTP/1.1 " + GetParam().status));
  c.hangUp();
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));

  Client next = client();
  next.get("/healthz");
  EXPECT_THAT(next.readUntil("ok\n"), StartsWith("HTTP/1.1 200")) << "the server must go on serving others";
}

INSTANTIATE_TEST_SUITE_P(
    Requests, Refused,
    testing::Values(Refusal{"Garbage", "hello\r\n\r\n", "400"},
                    Refusal{"BinaryJunk", std::string("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 11), "400"},
                    Refusal{"BadVersion", "GET / HTTP/9.9\r\n\r\n", "400"},
                    Refusal{"BadPath", "GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
                    Refusal{"NoPath", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
                    Refusal{"BadLength", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
                    Refusal{"Post", "POST /pods HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405"},
                    Refusal{"Unknown", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
                    Refusal{"LongHeader", "GET / HTTP/1.1\r\nA: " + std::string(5000, 'a') + "\r\n\r\n", "431"},
                    Refusal{"LongPath", "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n\r\n", "431"},
                    Refusal{"LargeBody", "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'b'),
                            "413"}),
    [](const auto& test) { return test.param.name; });

TEST_F(LocalSocketTest, RefusesOtherUsers) {
  options.allow = [](const Peer& peer) { return peer.uid != ::geteuid(); };
  serve();
  Client c = client();
  EXPECT_THAT(c.readToEnd(), StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(socket->connections(), 0u);
}

TEST(Peers, AreRootOrTheAgentsOwnUser) {
  EXPECT_TRUE(isRootOrSelf(Peer{.uid = 0}));
  EXPECT_TRUE(isRootOrSelf(Peer{.uid = ::geteuid()}));
  EXPECT_FALSE(isRootOrSelf(Peer{.uid = ::geteuid() + 12345}));
}

TEST_F(LocalSocketTest, KnowsThePeerFromTheKernel) {
  Peer seen;
  options.allow = [&](const Peer& peer) {
    seen = peer;
    return true;
  };
  serve();
  Client c = client();
  ASSERT_TRUE(becomes([&] { return socket->connections() == 1; }));
  EXPECT_EQ(seen.uid, ::geteuid());
  EXPECT_EQ(seen.pid, ::getpid());
}

TEST_F(LocalSocketTest, ServesAtMostItsLimitAndRecovers) {
  options.maxConnections = 500;
  serve();
  std::vector<Client> many;
  for (int i = 0; i < 500; ++i) {
    many.push_back(client());
    ASSERT_TRUE(many.back().connected()) << i;
    settle();
  }
  ASSERT_TRUE(becomes([&] { return socket->connections() == 500; }));
  Client oneMore = client();
  EXPECT_THAT(oneMore.readToEnd(), StartsWith("HTTP/1.1 503"));
  many.front().get("/healthz");
  EXPECT_THAT(many.front().readUntil("ok\n"), StartsWith("HTTP/1.1 200"));

  many.clear();
  ASSERT_TRUE(becomes([&] { return socket->connections() == 0; }));
  EXPECT_EQ(clock.pendingTimers(), 0u);
  Client after = client();
  after.get("/healthz");
  EXPECT_THAT(after.readUntil("ok\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(LocalSocketTest, KeepsNoTimerWithoutAConnection) {
  serve();
  settle();
  EXPECT_EQ(clock.pendingTimers(), 0u);
  Client c = client();
  ASSERT_TRUE(becomes([&] { return clock.pendingTimers() == 1; }));
  c.hangUp();
  EXPECT_TRUE(becomes([&] { return clock.pendingTimers() == 0; }));
}

TEST_F(LocalSocketTest, CutsOffAClientThatDoesNotFinishItsRequest) {
  serve();
  Client c = client();
  c.send("GET /pods HTTP/1.1\r\nHo");
  ASSERT_TRUE(becomes([&] { return clock.pendingTimers() == 1; }));
  clock.advance(seconds(29));
  EXPECT_EQ(socket->connections(), 1u);
  clock.advance(seconds(2));
  EXPECT_EQ(c.readToEnd(), "");
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));
}

TEST_F(LocalSocketTest, CutsOffAClientThatDoesNotTakeItsAnswer) {
  for (int i = 0; i < 2000; ++i)
    view.addPod("default", "pod-" + std::to_string(i), "Running").mutable_status()->set_message(std::string(500, 'm'));
  serve();
  Client c = client();
  c.get("/pods");
  settle();
  ASSERT_EQ(socket->connections(), 1u);
  clock.advance(seconds(31));
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));
}

TEST_F(LocalSocketTest, FollowSendsWhatIsKnownAndThenWhatComes) {
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "before");
  serve();
  Client c = client();
  c.get("/events?follow=true");
  std::string got = c.readUntil("before");
  EXPECT_THAT(got, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(got, HasSubstr("application/x-ndjson"));
  view.recorder.normal(events::nodeRef("node-1", ""), "NodeReady", "after");
  EXPECT_THAT(c.readUntil("after"), HasSubstr("}\n\r\n"));
  EXPECT_TRUE(becomes([&] { return clock.pendingTimers() == 0; })) << "a quiet follower costs no timer";
}

TEST_F(LocalSocketTest, FollowBeginsWithItsHeadEvenWithoutEvents) {
  serve();
  Client c = client();
  c.get("/events?follow=true");
  EXPECT_THAT(c.readUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(LocalSocketTest, FollowEndsWhenTheClientHangsUp) {
  serve();
  Client c = client();
  c.get("/events?follow=true");
  c.readUntil("\r\n\r\n");
  c.hangUp();
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));
  view.recorder.normal(events::nodeRef("node-1", ""), "NodeReady", "nobody listens");
  settle();
}

TEST_F(LocalSocketTest, FollowDropsAClientThatStopsReading) {
  options.followBytes = 64 * 1024;
  serve();
  Client slow = client();
  Client quick = client();
  slow.get("/events?follow=true");
  quick.get("/events?follow=true");
  slow.readUntil("\r\n\r\n");
  quick.readUntil("\r\n\r\n");
  // Some go into the kernel's buffer, then some wait here, then the client has to go.
  int sent = 0;
  for (; sent < 5000 && socket->connections() == 2; ++sent) {
    events::ObjectRef pod;
    pod.kind = "Pod";
    pod.ns = "default";
    pod.name = "pod-" + std::to_string(sent);
    view.recorder.normal(pod, "Started", std::string(1000, 'x'));
    settle();
    quick.read([](const std::string&) { return true; });
  }
  EXPECT_LT(sent, 5000) << "the slow client was never dropped";
  EXPECT_EQ(socket->connections(), 1u);
  quick.readUntil("pod-" + std::to_string(sent - 1));
  EXPECT_FALSE(quick.ended());
}

TEST_F(LocalSocketTest, AWatchSendsThePodsAndThenTheirChanges) {
  view.addPod("default", "web", "Pending");
  serve();
  Client c = client();
  c.get("/pods?watch=true");
  EXPECT_THAT(c.readUntil("\"web\""), HasSubstr("application/x-ndjson"));
  view.podList[0].mutable_status()->set_phase("Running");
  view.news.tell();
  EXPECT_THAT(c.readUntil("\"Running\""), HasSubstr("{\"type\":\"MODIFIED\","));
  view.podList.clear();
  view.news.tell();
  c.readUntil("\"DELETED\"");
  EXPECT_TRUE(becomes([&] { return clock.pendingTimers() == 0; })) << "a quiet watch costs no timer";
  c.hangUp();
  EXPECT_TRUE(becomes([&] { return socket->connections() == 0; }));
  view.news.tell();
}

TEST_F(LocalSocketTest, CloseEndsIdleAndFollowingClientsAndRemovesTheFile) {
  serve();
  Client idle = client();
  Client following = client();
  following.get("/events?follow=true");
  following.readUntil("\r\n\r\n");
  Client watching = client();
  watching.get("/pods?watch=true");
  watching.readUntil("\r\n\r\n");
  loop.runToEnd(socket->close());
  EXPECT_FALSE(fs::exists(options.path));
  idle.readToEnd();
  watching.readToEnd();
  following.readToEnd();
  EXPECT_EQ(socket->connections(), 0u);
  EXPECT_EQ(clock.pendingTimers(), 0u);
  socket.reset();
}

class SocketFileTest : public testing::Test {
 protected:
  static mode_t modeOf(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  TempDirectory directory;
  std::string path = directory / "run/agent.sock";
};

TEST_F(SocketFileTest, IsForItsOwnerOnlyWhateverTheUmask) {
  mode_t before = ::umask(0);
  Result<SocketFile> file = SocketFile::listen(path, 5);
  ::umask(before);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(modeOf(path), 0600u);
  EXPECT_EQ(modeOf(directory / "run"), 0700u);
}

TEST_F(SocketFileTest, GoesWithItsOwner) {
  {
    ASSERT_TRUE(SocketFile::listen(path, 5));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(SocketFileTest, LeavesASuccessorsFileAlone) {
  {
    Result<SocketFile> file = SocketFile::listen(path, 5);
    ASSERT_TRUE(file);
    fs::rename(path, path + ".old");
    // A new inode while the old one still exists, so that the number differs.
    int other = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_GE(other, 0);
    ::close(other);
  }
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(SocketFileTest, ReplacesASocketThatNobodyListensOn) {
  Result<SocketFile> first = SocketFile::listen(path, 5);
  ASSERT_TRUE(first);
  first->takeListener().reset();  // as after kill -9: the file stays, the listener is gone
  Result<SocketFile> second = SocketFile::listen(path, 5);
  EXPECT_TRUE(second) << second.error().message;
}

TEST_F(SocketFileTest, RefusesASocketThatSomebodyListensOn) {
  Result<SocketFile> first = SocketFile::listen(path, 5);
  ASSERT_TRUE(first);
  Result<SocketFile> second = SocketFile::listen(path, 5);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_THAT(second.error().message, HasSubstr("another agent"));
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(SocketFileTest, NeverRemovesAFile) {
  fs::create_directory(directory / "run");
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  Result<SocketFile> file = SocketFile::listen(path, 5);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST_F(SocketFileTest, NeverFollowsALink) {
  fs::create_directory(directory / "run");
  fs::create_symlink(directory / "elsewhere", path);
  EXPECT_FALSE(SocketFile::listen(path, 5));
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_FALSE(fs::exists(directory / "elsewhere"));

  fs::create_directory(directory / "real");
  fs::create_directory_symlink(directory / "real", directory / "link");
  EXPECT_FALSE(SocketFile::listen(directory / "link/agent.sock", 5));
}

TEST_F(SocketFileTest, RefusesADirectoryThatOthersMayWriteTo) {
  fs::create_directory(directory / "run");
  fs::permissions(directory / "run", fs::perms::all);
  Result<SocketFile> file = SocketFile::listen(path, 5);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
}

TEST_F(SocketFileTest, TakesPathsLongerThanASocketAddress) {
  std::string deep = directory / (std::string(90, 'd') + "/" + std::string(90, 'e') + "/agent.sock");
  Result<SocketFile> file = SocketFile::listen(deep, 5);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(fs::is_socket(deep));
}

TEST_F(SocketFileTest, RefusesPathsThatNameNoFile) {
  for (const char* bad : {"", "agent.sock", "/run/", "relative/agent.sock"})
    EXPECT_FALSE(SocketFile::listen(bad, 5)) << bad;
}

}  // namespace
}  // namespace cubelet::server
