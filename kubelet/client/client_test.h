// Client: the commands against a real local socket, which serves a made-up agent from another thread. For tests.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/loop.h"
#include "kubelet/client/client.h"
#include "kubelet/client/commands.h"
#include "kubelet/server/fake_view.h"
#include "kubelet/server/local_socket.h"

namespace cubelet::client {

// Text that tells the test, on the thread that writes it, whenever more has come.
class WatchedText : public std::stringbuf {
 public:
  std::function<void(const std::string&)> onFlush;

 protected:
  int sync() override {
    if (onFlush) onFlush(str());
    return 0;
  }
};

class Client : public testing::Test {
 protected:
  Client() {
    std::string pattern = (std::filesystem::temp_directory_path() / "client-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    options.path = directory + "/run/cubelet.sock";
    view.state.podLogsDir = directory + "/logs";
  }
  ~Client() override {
    if (thread.joinable()) {
      loop.post([this] { closing.set_value(); });
      thread.join();
    }
    std::filesystem::remove_all(directory);
  }

  void serve() {
    socket.emplace(loop, clock, view, options);
    ASSERT_TRUE(socket->open());
    thread = std::thread([this] {
      std::future<void> closed = closing.get_future();
      auto asked = [&closed] { return closed.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
      loop.runUntil(asked, std::chrono::minutes(1));
      loop.runToEnd(socket->close());
    });
  }
  // Runs `fn` on the thread of the agent and waits for it.
  void onAgent(const std::function<void()>& fn) {
    std::promise<void> done;
    loop.post([&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }

  int run(std::vector<std::string> args) {
    if (args.size() < 2 || args[1] != "--help") args.insert(args.begin() + 1, {"--socket", options.path});
    out.str("");
    err.str("");
    return runClient(args, io());
  }
  ClientIo io() {
    return ClientIo{.out = outStream,
                    .err = err,
                    .now = [] { return WallTime(std::chrono::seconds(1'800'000'060)); },
                    .version = "0.2.0"};
  }
  std::string text() const { return out.str(); }

  core::Pod& addRunningPod(const std::string& ns, const std::string& name) {
    core::Pod& pod = view.addPod(ns, name, "Running");
    pod.mutable_spec()->add_containers()->set_name("app");
    core::ContainerStatus& status = *pod.mutable_status()->add_containerstatuses();
    status.set_name("app");
    status.set_ready(true);
    status.mutable_state()->mutable_running()->mutable_startedat()->set_seconds(1'800'000'000);
    return pod;
  }
  std::string logPath(const std::string& pod, int attempt = 0) {
    std::string path = directory + "/logs/default_" + pod + "_uid-" + pod + "/app";
    std::filesystem::create_directories(path);
    return path + "/" + std::to_string(attempt) + ".log";
  }
  static void append(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::app) << "2027-01-15T08:00:00.5Z stdout F " << content << "\n";
  }

  std::string directory;
  Loop loop;
  ManualClock clock{loop};
  server::FakeView view{clock};
  server::LocalSocketOptions options;
  std::optional<server::LocalSocket> socket;
  std::promise<void> closing;
  std::thread thread;
  WatchedText out;
  std::ostream outStream{&out};
  std::ostringstream err;
};

}  // namespace cubelet::client
