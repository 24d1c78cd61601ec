// Reflect: a reflector of pods over a scripted transport. For tests.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/task_group.h"
#include "kubelet/apiserver/reflector.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {

namespace core = ::k8s::core::v1;
namespace meta = ::k8s::meta::v1;

inline core::Pod pod(const std::string& name, int version, const std::string& uid = "") {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid.empty() ? "u-" + name : uid);
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  return pod;
}

inline std::string bookmark(int version, bool initialEnd = false) {
  core::Pod pod;
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  if (initialEnd) (*pod.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  return frameOf("BOOKMARK", pod);
}

inline std::string errorEvent(int code, const std::string& reason) {
  meta::Status status;
  status.set_status("Failure");
  status.set_code(code);
  status.set_reason(reason);
  return frameOf("ERROR", status);
}

inline core::PodList listOf(int version, std::vector<core::Pod> pods) {
  core::PodList list;
  list.mutable_metadata()->set_resourceversion(std::to_string(version));
  for (core::Pod& pod : pods) *list.add_items() = std::move(pod);
  return list;
}

class Reflect : public testing::Test {
 protected:
  Reflect() { tasks.spawn("reflector", reflector.run()); }
  ~Reflect() override { loop.runToEnd(tasks.close()); }

  ReflectorOptions options() {
    ReflectorOptions options;
    options.resource = kPods;
    options.fieldSelector = "spec.nodeName=n1";
    options.random = [this] { return random; };
    return options;
  }
  Reflector<core::Pod>::Listener listener() {
    Reflector<core::Pod>::Listener listener;
    listener.synced = [this] {
      heard.push_back("synced" + names());
      told.clear();
      for (const auto& object : reflector.objects()) told[object->metadata().name()] = object;
    };
    listener.changed = [this](ChangeKind kind, Reflector<core::Pod>::Ptr now, Reflector<core::Pod>::Ptr before) {
      static const char* const kNames[] = {"added ", "modified ", "deleted "};
      EXPECT_EQ(now == nullptr, kind == ChangeKind::kDeleted);
      EXPECT_EQ(before == nullptr, kind == ChangeKind::kAdded);
      const std::string& name = (now ? now : before)->metadata().name();
      heard.push_back(kNames[static_cast<int>(kind)] + name);
      EXPECT_EQ(told.contains(name) ? told[name] : nullptr, before);
      told[name] = now;
      if (!now) told.erase(name);
    };
    listener.failed = [this](const Error& error) { failures.push_back(error.reason + "|" + error.message); };
    return listener;
  }
  // " a@3 b@4"
  std::string names() const {
    std::string out;
    for (const auto& object : reflector.objects())
      out += " " + object->metadata().name() + "@" + object->metadata().resourceversion();
    return out;
  }

  void run(Duration by = Duration(0)) { clock.advance(by); }
  void data(const std::string& bytes) {
    transport.last().data(bytes);
    run();
  }
  void end() {
    transport.last().end();
    run();
  }
  void answer(Response response) {
    transport.last().finish(std::move(response));
    run();
  }
  void cut(Code code = Code::kUnavailable) {
    transport.last().fail(code);
    run();
  }
  const std::string& path() { return transport.last().request.path; }
  // The server has sent these as the first objects; the watch is open.
  void sync(int version, std::vector<core::Pod> pods) {
    run();
    std::string all;
    for (const core::Pod& pod : pods) all += frameOf("ADDED", pod);
    data(all + bookmark(version, true));
    heard.clear();
  }
  // A server that does not know initial objects on a watch.
  void syncByList(int version, std::vector<core::Pod> pods) {
    run();
    answer(failureOf(422, "Invalid"));
    answer(answerOf(200, listOf(version, std::move(pods))));
    heard.clear();
  }
  bool watchesFrom(int version) {
    return transport.last().streaming && !transport.last().over &&
           path().find("resourceVersion=" + std::to_string(version) + "&") != std::string::npos &&
           path().find("sendInitialEvents") == std::string::npos;
  }

  double random = 0;
  Loop loop;
  ManualClock clock{loop};
  ScriptedTransport transport;
  ApiClient client{transport, clock, {.qps = 0}};
  std::vector<std::string> heard;
  std::vector<std::string> failures;
  std::map<std::string, Reflector<core::Pod>::Ptr> told;  // what a listener knows that only listens
  Reflector<core::Pod> reflector{loop, client, options(), listener()};
  TaskGroup tasks{loop};
};

}  // namespace cubelet::apiserver
