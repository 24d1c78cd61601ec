// exec, attach and port-forward against a made-up agent and a made-up runtime.
#include <cstdlib>
#include <filesystem>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/loop.h"
#include "kubelet/client/client.h"
#include "kubelet/client/exec_outcome.h"
#include "kubelet/client/fake_stream_server.h"
#include "kubelet/client/forwarded_port.h"
#include "kubelet/server/fake_view.h"
#include "kubelet/server/local_socket.h"

namespace cubelet::client {
namespace {

namespace fs = std::filesystem;
using Peer = FakeStreamServer::Peer;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kSuccess[] = R"({"status":"Success"})";
constexpr char kThree[] =
    R"({"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})";

// Text that another thread may look at while it is written.
class SharedText : public std::stringbuf {
 public:
  bool waitFor(std::string_view text) {
    for (int i = 0; i < 1000; ++i) {
      if (flushed().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::string flushed() {
    const std::lock_guard lock(mutex_);
    return flushed_;
  }

 protected:
  int sync() override {
    const std::lock_guard lock(mutex_);
    flushed_ = str();
    return 0;
  }

 private:
  std::mutex mutex_;
  std::string flushed_;
};

class Streams : public testing::Test {
 protected:
  Streams() {
    std::string pattern = (fs::temp_directory_path() / "streams-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    options.path = directory + "/cubelet.sock";
    server::core::Pod& pod = view.addPod("shop", "web", "Running");
    pod.mutable_spec()->add_containers()->set_name("app");
    EXPECT_EQ(::pipe(input), 0);
  }
  ~Streams() override {
    closeInput();
    ::close(input[0]);
    if (thread.joinable()) {
      loop.post([this] { closing.set_value(); });
      thread.join();
    }
    fs::remove_all(directory);
  }
  void serve(std::function<void(Peer&)> serving, std::string answer = "HTTP/1.1 101 Switching Protocols\r\n\r\n") {
    runtime.emplace(std::move(serving), std::move(answer));
    view.place = server::StreamPlace{.address = "127.0.0.1", .port = runtime->port(), .path = "/exec/token"};
    socket.emplace(loop, clock, view, options);
    ASSERT_TRUE(socket->open());
    thread = std::thread([this] {
      std::future<void> closed = closing.get_future();
      const auto asked = [&closed] { return closed.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
      loop.runUntil(asked, std::chrono::minutes(1));
      loop.runToEnd(socket->close());
    });
  }
  int run(std::vector<std::string> args) {
    args.insert(args.begin() + 1, {"--socket", options.path});
    return runClient(args, ClientIo{.out = outStream, .err = err, .input = input[0], .version = "0.2.0"});
  }
  void type(std::string_view text) { EXPECT_EQ(::write(input[1], text.data(), text.size()), ssize_t(text.size())); }
  void closeInput() {
    if (input[1] >= 0) ::close(std::exchange(input[1], -1));
  }

  std::string directory;
  int input[2] = {-1, -1};
  Loop loop;
  ManualClock clock{loop};
  server::FakeView view{clock};
  server::LocalSocketOptions options;
  std::optional<server::LocalSocket> socket;
  std::optional<FakeStreamServer> runtime;
  std::promise<void> closing;
  std::thread thread;
  SharedText out;
  std::ostream outStream{&out};
  std::ostringstream err;
};

TEST_F(Streams, ExecShowsBothOutputsAndAnswersTheExitCode) {
  serve([](Peer& peer) {
    auto streams = peer.streams(3);
    peer.send(std::string("\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x02", 12));  // a ping
    peer.data(streams["stdout"], "out\n");
    peer.data(streams["stderr"], "err\n");
    peer.data(streams["error"], kThree, true);
    peer.data(streams["stdout"], "more\n", true);
    peer.data(streams["stderr"], "", true);
  });
  EXPECT_EQ(run({"exec", "web", "--", "ls", "-l a"}), 3) << err.str();
  EXPECT_EQ(out.str(), "out\nmore\n");
  EXPECT_EQ(err.str(), "err\n");
  EXPECT_EQ(view.lastStream.ns, "shop");
  EXPECT_EQ(view.lastStream.pod, "web");
  EXPECT_EQ(view.lastStream.container, "app");
  EXPECT_THAT(view.lastStream.command, ElementsAre("ls", "-l a"));
  EXPECT_TRUE(view.lastStream.output && view.lastStream.error);
  EXPECT_FALSE(view.lastStream.input || view.lastStream.tty);
  runtime->end();
  EXPECT_THAT(runtime->head(), testing::StartsWith("POST /exec/token HTTP/1.1\r\n"));
  EXPECT_THAT(runtime->head(), HasSubstr("X-Stream-Protocol-Version: v4.channel.k8s.io"));
}

TEST_F(Streams, ExecHandsOnItsInputAndTheEndOfIt) {
  serve([](Peer& peer) {
    auto streams = peer.streams(4);
    std::size_t bytes = 0;
    while (auto frame = peer.next()) {
      bytes += frame->data.size();
      if (frame->last) break;
    }
    peer.data(streams["stdout"], std::to_string(bytes) + "\n", true);
    peer.data(streams["stderr"], "", true);
    peer.data(streams["error"], kSuccess, true);
  });
  std::thread typist([this] {
    for (int i = 0; i < 1000; ++i) type(std::string(1000, 'x'));
    closeInput();
  });
  EXPECT_EQ(run({"exec", "-i", "web", "--", "wc", "-c"}), 0) << err.str();
  typist.join();
  EXPECT_EQ(out.str(), "1000000\n");
  EXPECT_TRUE(view.lastStream.input);
}

TEST_F(Streams, ABrokenConnectionIsNoSuccess) {
  serve([](Peer& peer) {
    auto streams = peer.streams(3);
    peer.data(streams["stdout"], "half");
  });
  EXPECT_EQ(run({"exec", "web", "--", "ls"}), kUnreachable);
  EXPECT_EQ(out.str(), "half");
  EXPECT_THAT(err.str(), HasSubstr("broke before the command had ended"));
}

TEST_F(Streams, RefusalsOfTheRuntimeAndTheAgentAreTold) {
  serve([](Peer&) {}, "HTTP/1.1 404 Not Found\r\n\r\nno such token");
  EXPECT_EQ(run({"exec", "web", "--", "ls"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("the runtime refuses the stream: HTTP/1.1 404 Not Found"));
  EXPECT_EQ(run({"exec", "none", "--", "ls"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("there is no pod 'none'"));
}

TEST_F(Streams, WhatIsNotSpdyIsTold) {
  serve([](Peer& peer) {
    peer.streams(3);
    peer.send("\xff\xff this is something else, and long enough for a frame");
  });
  EXPECT_EQ(run({"exec", "web", "--", "ls"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("something other than SPDY/3.1"));
}

TEST_F(Streams, AttachTakesTheTerminalFromTheContainer) {
  view.podList[0].mutable_spec()->mutable_containers(0)->set_tty(true);
  std::map<std::string, std::uint32_t> streams;
  serve([&streams](Peer& peer) {
    streams = peer.streams(3);
    peer.data(streams["stdout"], "shown", true);
    peer.data(streams["error"], kSuccess, true);
  });
  EXPECT_EQ(run({"attach", "-i", "web"}), 0) << err.str();
  runtime->end();
  EXPECT_TRUE(streams.contains("resize"));
  EXPECT_THAT(err.str(), HasSubstr("has no standard input"));
  EXPECT_FALSE(view.lastStream.input);
}

// A client of what is forwarded.
class Visitor {
 public:
  explicit Visitor(const std::string& port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void send(std::string_view text) { EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), 0), ssize_t(text.size())); }
  void endSending() { ::shutdown(fd_.get(), SHUT_WR); }
  std::string readToEnd() {
    std::string got;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd_.get(), buffer, sizeof buffer, 0)) > 0;)
      got.append(buffer, static_cast<std::size_t>(n));
    return got;
  }

 private:
  Fd fd_;
};

TEST_F(Streams, PortForwardCarriesEachConnection) {
  serve([](Peer& peer) {
    // Two visitors: what each says comes back with its port; then the runtime ends.
    std::map<std::uint32_t, std::string> said;
    std::map<std::uint32_t, std::string> ports;
    for (int ended = 0; ended < 2;) {
      const auto frame = peer.next();
      if (!frame) return;
      if (frame->opens && frame->headers.at("streamtype") == "data") ports[frame->id] = frame->headers.at("port");
      if (frame->opens || !ports.contains(frame->id)) continue;
      said[frame->id] += frame->data;
      if (!frame->last) continue;
      peer.data(frame->id, ports[frame->id] + ":" + said[frame->id], true);
      ++ended;
    }
  });
  auto done = std::async(std::launch::async, [this] { return run({"port-forward", "web", ":80"}); });
  ASSERT_TRUE(out.waitFor(" -> 80\n"));
  const std::string text = out.flushed();
  const std::string prefix = "Forwarding from 127.0.0.1:";
  ASSERT_THAT(text, testing::StartsWith(prefix));
  const std::string port = text.substr(prefix.size(), text.find(" ->") - prefix.size());
  Visitor one(port);
  Visitor two(port);
  one.send("first");
  two.send("second");
  one.endSending();
  EXPECT_EQ(one.readToEnd(), "80:first");
  two.endSending();
  EXPECT_EQ(two.readToEnd(), "80:second");
  runtime->end();
  EXPECT_EQ(done.get(), kUnreachable);
  EXPECT_THAT(err.str(), HasSubstr("the runtime has ended the connection to the pod"));
}

TEST(ExecOutcome, IsReadFromTheStatus) {
  EXPECT_EQ(*exitCodeIn(kSuccess), 0);
  EXPECT_EQ(*exitCodeIn(kThree), 3);
  EXPECT_EQ(exitCodeIn("").error().code, Code::kUnavailable);
  EXPECT_EQ(exitCodeIn(R"({"status":"Failure","message":"no such file"})").error().message, "no such file");
  EXPECT_EQ(exitCodeIn("nonsense").error().message, "the runtime says: nonsense");
}

TEST(ForwardedPort, HasTwoEnds) {
  EXPECT_EQ(parseForwardedPort("80")->here, 80);
  EXPECT_EQ(parseForwardedPort("80")->there, 80);
  EXPECT_EQ(parseForwardedPort("8080:80")->here, 8080);
  EXPECT_EQ(parseForwardedPort(":80")->here, 0);
  for (const char* bad : {"", ":", "a", "80:", "0", "0:80", "80:0", "65536", "1:2:3", "-1"})
    EXPECT_FALSE(parseForwardedPort(bad)) << bad;
}

}  // namespace
}  // namespace cubelet::client
