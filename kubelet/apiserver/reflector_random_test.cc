// Any trouble in any order.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kubelet/apiserver/reflector_test.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(Reflect, ReachesTheServersStateThroughAnyTrouble) {
  // The server's truth changes at random; the stream is cut, lost or told to start over at random; in the end the
  // reflector shows the truth, and what it told along the way adds up to it.
  std::mt19937 dice(11);
  std::map<std::string, int> truth;
  std::vector<std::string> log;  // events from version 1 on
  int version = 0;
  auto change = [&] {
    const std::string name(1, static_cast<char>('a' + dice() % 5));
    ++version;
    if (truth.contains(name) && dice() % 3 == 0) {
      truth.erase(name);
      log.push_back(frameOf("DELETED", pod(name, version)));
    } else {
      log.push_back(frameOf(truth.contains(name) ? "MODIFIED" : "ADDED", pod(name, version)));
      truth[name] = version;
    }
  };
  std::size_t sent = 0;                                 // of the log, on the present stream
  const ScriptedTransport::Exchange* served = nullptr;  // this one has its beginning
  auto serve = [&] {
    auto& last = transport.last();
    if (last.over) return;
    if (!last.streaming) {
      core::PodList list;
      list.mutable_metadata()->set_resourceversion(std::to_string(version));
      for (const auto& [name, at] : truth) *list.add_items() = pod(name, at);
      return answer(answerOf(200, list));
    }
    if (served != &last) {
      served = &last;
      if (path().find("sendInitialEvents") != std::string::npos) {
        std::string all;
        for (const auto& [name, at] : truth) all += frameOf("ADDED", pod(name, at));
        data(all + bookmark(version, true));
        sent = log.size();
        return;
      }
      sent = std::stoul(path().substr(path().find("resourceVersion=") + 16));
    }
    while (sent < log.size()) data(log[sent++]);
  };
  run();
  change();
  for (int round = 0; round < 2000; ++round) {
    change();
    if (dice() % 3 != 0) serve();
    switch (dice() % 12) {
      case 0:
        if (!transport.last().over) cut();
        break;
      case 1:
        if (!transport.last().over) end();
        break;
      case 2:
        if (!transport.last().over && transport.last().streaming) data(errorEvent(410, "Expired"));
        break;
      case 3:
        if (!transport.last().over && transport.last().streaming) data(std::string("\0\0\0\1x", 5));
        break;
      default:
        run(milliseconds(dice() % 3000));
    }
  }
  for (int i = 0; i < 100 && (transport.last().over || served != &transport.last()); ++i) {
    run(seconds(60));
    serve();
  }
  serve();
  std::string want;
  for (const auto& [name, at] : truth) want += " " + name + "@" + std::to_string(at);
  EXPECT_EQ(names(), want);
  EXPECT_EQ(told.size(), truth.size());
  for (const auto& [name, at] : truth) EXPECT_EQ(told[name], reflector.get("default", name)) << name;
}

}  // namespace
}  // namespace cubelet::apiserver
