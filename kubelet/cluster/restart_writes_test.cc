// How often the API server is written to when a container restarts, from the runtime's event to the request.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kubelet/apiserver/scripted_transport.h"
#include "kubelet/cluster/status_publisher.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct RestartWrites : testing::Test {
  RestartWrites() {
    pod = sync::makePod("a", "u1");
    (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
    pod.mutable_metadata()->set_resourceversion("1");
    stored = pod;
    node.startAgent({"file", "api"});
    node.setPods({}, "file");
  }
  ~RestartWrites() override { node.loop.runToEnd(publisher.close()); }

  // Hands on what was told, lets a little time pass, and answers as a server that has done what it was asked for: what
  // was told last is what it has.
  void step(Duration by) {
    for (; handed < node.told().size(); ++handed) publisher.statusChanged(node.told()[handed], false);
    node.advance(by);
    for (; handed < node.told().size(); ++handed) publisher.statusChanged(node.told()[handed], false);
    node.settle();
    const auto exchanges = transport.exchanges;
    for (const auto& exchange : exchanges) {
      if (exchange->over || exchange->answer) continue;
      *stored.mutable_status() = node.status("a");
      stored.mutable_metadata()->set_resourceversion(std::to_string(++version));
      exchange->finish(apiserver::answerOf(200, stored));
    }
    node.settle();
  }
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += milliseconds(20)) step(milliseconds(20));
  }

  sync::TestNode node;
  core::Pod pod;
  core::Pod stored;
  int version = 1;
  std::size_t handed = 0;
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, node.clock, {}};
  StatusPublisher publisher{
      node.loop,
      node.clock,
      client,
      {.stored = [this](const std::string&, const std::string&) { return std::make_shared<const core::Pod>(stored); },
       .random = [] { return 0.0; }}};
};

TEST_F(RestartWrites, AtMostTwoPerRestart) {
  node.setPods({pod}, "api");
  pass(seconds(2));
  ASSERT_EQ(node.status("a").containerstatuses(0).restartcount(), 0);
  for (int restarts = 1; restarts <= 4; ++restarts) {
    const std::uint64_t before = publisher.writes();
    node.runtime.exitContainer("web", 1);
    pass(seconds(1));
    ASSERT_TRUE(node.advanceUntil(
        [&] {
          step(milliseconds(20));
          return node.status("a").containerstatuses(0).state().has_running();
        },
        std::chrono::minutes(6)));
    pass(seconds(2));
    EXPECT_EQ(node.status("a").containerstatuses(0).restartcount(), restarts);
    const std::uint64_t writes = publisher.writes() - before;
    EXPECT_GE(writes, 1u);
    EXPECT_LE(writes, 2u) << "restart " << restarts;
  }
  EXPECT_EQ(publisher.unsent(), 0u);
}

}  // namespace
}  // namespace cubelet::cluster
