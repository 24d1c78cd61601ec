// Whatever bytes the server sends: answers, watches and reflectors come to an Error at worst, and go on afterwards.
#include <gtest/gtest.h>

#include "kubelet/api/codec.h"
#include "kubelet/apiserver/mutator.h"
#include "kubelet/apiserver/reflector.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::apiserver {
namespace {

namespace core = ::k8s::core::v1;

core::Pod pod(const std::string& name, int version) {
  core::Pod pod;
  k8s::meta::v1::ObjectMeta& meta = *pod.mutable_metadata();
  meta.set_name(name);
  meta.set_namespace_("default");
  meta.set_uid("uid-" + name);
  meta.set_resourceversion(std::to_string(version));
  (*meta.mutable_labels())["app"] = "web";
  meta.mutable_creationtimestamp()->set_seconds(1'700'000'000);
  core::Container& container = *pod.mutable_spec()->add_containers();
  container.set_name("c");
  container.set_image("web:1");
  (*container.mutable_resources()->mutable_requests())["cpu"].set_string("100m");
  container.mutable_livenessprobe()->mutable_handler()->mutable_httpget()->mutable_port()->set_intval(80);
  pod.mutable_status()->set_phase("Running");
  pod.mutable_status()->add_conditions()->set_type("Ready");
  return pod;
}

core::PodList list() {
  core::PodList list;
  list.mutable_metadata()->set_resourceversion("9");
  *list.add_items() = pod("a", 1);
  *list.add_items() = pod("b", 2);
  return list;
}

std::string initialEnd() {
  core::Pod mark;
  mark.mutable_metadata()->set_resourceversion("9");
  (*mark.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  return frameOf("BOOKMARK", mark);
}

std::string watchBytes() {
  k8s::meta::v1::Status gone;
  gone.set_code(410);
  gone.set_reason("Expired");
  return frameOf("ADDED", pod("a", 1)) + frameOf("ADDED", pod("b", 2)) + initialEnd() +
         frameOf("MODIFIED", pod("a", 10)) + frameOf("DELETED", pod("b", 11)) + frameOf("ERROR", gone);
}

std::string watchJson() {
  const std::string one = api::toJson(pod("a", 1), {.apiVersion = "v1", .kind = "Pod"});
  return R"({"type":"ADDED","object":)" + one + "}\n" + R"({"type":"MODIFIED","object":)" + one + "}\n";
}

TEST(Malformed, AnswersGiveObjectsOrErrors) {
  const std::string bytes = encodeObject(list());
  const std::string json = api::toJson(list(), {.apiVersion = "v1", .kind = "PodList"});
  int accepted = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    const bool asJson = seed % 4 == 0;
    core::PodList read;
    const std::string damaged = Mutator(seed).mutate(asJson ? json : bytes);
    const Result<void> decoded = decodeObject(asJson ? kJsonType : kProtobufType, damaged, read);
    if (decoded) ++accepted;
    if (!decoded) EXPECT_EQ(decoded.error().reason, kBadAnswer);
    if (!decoded) EXPECT_EQ(read.items_size(), 0) << "nothing of a refused answer is left";
  }
  EXPECT_GT(accepted, 100) << "else the damage is too wild to test anything";
}

TEST(Malformed, FailuresGiveErrors) {
  const std::string bytes = failureOf(500, "InternalError", "no").body;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Response response = failureOf(500, "InternalError");
    response.body = Mutator(seed).mutate(bytes);
    EXPECT_FALSE(statusError(response, "GET x").message.empty());
  }
}

TEST(Malformed, WatchesGiveEventsOrEnd) {
  int events = 0;
  for (const std::string& stream : {watchBytes(), watchJson()}) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
      Mutator mutator(seed);
      const std::string damaged = mutator.mutate(stream);
      WatchDecoder decoder;
      auto onFrame = [&](WatchFrame frame) -> Result<void> {
        ++events;
        core::Pod object;
        return decodeObject(frame.contentType, frame.object, object);
      };
      for (std::size_t at = 0; at < damaged.size();) {
        const std::size_t piece = std::min(damaged.size() - at, 1 + mutator.below(400));
        if (!decoder.feed(std::string_view(damaged).substr(at, piece), onFrame)) break;
        at += piece;
      }
    }
  }
  EXPECT_GT(events, 1000);
}

TEST(Malformed, AReflectorOutlivesItAndIsRightAfterwards) {
  Loop loop;
  ManualClock clock(loop);
  ScriptedTransport transport;
  ApiClient client(transport, clock, {.qps = 0});
  ReflectorOptions options;
  options.resource = kPods;
  options.random = [] { return 0.0; };
  Reflector<core::Pod> reflector(loop, client, options, {});
  TaskGroup tasks(loop);
  tasks.spawn("reflector", reflector.run());
  loop.poll();
  const std::string stream = watchBytes();
  const Response answer = answerOf(200, list());
  for (unsigned seed = 0; seed < 2000; ++seed) {
    auto last = transport.exchanges.back();
    if (last->over) {
      clock.advance(std::chrono::seconds(31));
      continue;
    }
    if (last->streaming) {
      last->data(Mutator(seed).mutate(stream));
      loop.poll();
      if (!last->over && seed % 2 == 0) last->end();
    } else {
      Response damaged = answer;
      damaged.body = Mutator(seed).mutate(damaged.body);
      last->finish(std::move(damaged));
    }
    loop.poll();
    if (transport.exchanges.size() > 16) transport.exchanges.erase(transport.exchanges.begin());
    for (const auto& object : reflector.objects()) ASSERT_FALSE(object->metadata().name().empty());
  }
  if (!transport.last().over) transport.last().fail(Code::kUnavailable);
  loop.poll();
  // A server in its right mind.
  for (int i = 0; i < 20; ++i) {
    auto last = transport.exchanges.back();
    if (last->over) {
      clock.advance(std::chrono::seconds(31));
    } else if (!last->streaming) {
      last->finish(answerOf(200, list()));
    } else if (last->request.path.find("sendInitialEvents") != std::string::npos) {
      last->data(frameOf("ADDED", pod("a", 1)) + frameOf("ADDED", pod("b", 2)) + initialEnd());
      loop.poll();
      break;
    } else {
      last->data(std::string("\0\0\0\1x", 5));
    }
    loop.poll();
  }
  EXPECT_EQ(reflector.objects().size(), 2u);
  EXPECT_TRUE(reflector.get("default", "a"));
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::apiserver
