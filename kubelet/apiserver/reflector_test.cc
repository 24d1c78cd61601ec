#include "kubelet/apiserver/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/meta.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::apiserver {
namespace {

namespace core = ::k8s::core::v1;
namespace meta = ::k8s::meta::v1;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

core::Pod pod(const std::string& name, int version, const std::string& uid = "") {
  core::Pod pod;
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_uid(uid.empty() ? "u-" + name : uid);
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  return pod;
}

std::string bookmark(int version, bool initialEnd = false) {
  core::Pod pod;
  pod.mutable_metadata()->set_resourceversion(std::to_string(version));
  if (initialEnd) (*pod.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  return frameOf("BOOKMARK", pod);
}

std::string errorEvent(int code, const std::string& reason) {
  meta::Status status;
  status.set_status("Failure");
  status.set_code(code);
  status.set_reason(reason);
  return frameOf("ERROR", status);
}

core::PodList listOf(int version, std::vector<core::Pod> pods) {
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

// ---- The first objects

TEST_F(Reflect, BeginsWithAWatchThatDeliversTheFirstObjects) {
  run();
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_TRUE(transport.last().streaming);
  EXPECT_EQ(path(),
            "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&resourceVersion=&timeoutSeconds=300&fieldSelector=spec.nodeName%3Dn1");
  EXPECT_EQ(transport.last().request.timeout, Duration(seconds(150)));
  EXPECT_THAT(transport.last().request.accept, HasSubstr("stream=watch"));
}

TEST_F(Reflect, ShowsTheFirstObjectsAllAtOnce) {
  run();
  data(frameOf("ADDED", pod("b", 4)));
  data(frameOf("ADDED", pod("a", 3)));
  EXPECT_FALSE(reflector.synced());
  EXPECT_THAT(reflector.objects(), IsEmpty());
  data(bookmark(5));  // not the end yet
  EXPECT_FALSE(reflector.synced());
  data(bookmark(7, true));
  EXPECT_TRUE(reflector.synced());
  EXPECT_EQ(reflector.version(), "7");
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@4"));
  EXPECT_EQ(transport.count(), 1u) << "the same watch goes on";
}

TEST_F(Reflect, TakesAnEmptyClusterForSynced) {
  run();
  data(bookmark(7, true));
  EXPECT_THAT(heard, ElementsAre("synced"));
}

TEST_F(Reflect, DropsFirstObjectsThatNeverBecameWhole) {
  run();
  data(frameOf("ADDED", pod("a", 3)));
  cut();
  EXPECT_FALSE(reflector.synced());
  run(milliseconds(799));
  EXPECT_EQ(transport.count(), 1u);
  run(milliseconds(1));
  ASSERT_EQ(transport.count(), 2u);
  data(frameOf("ADDED", pod("b", 4)) + bookmark(7, true));
  EXPECT_THAT(heard, ElementsAre("synced b@4"));
}

TEST_F(Reflect, ListsWhereTheServerDoesNotKnowSuchWatches) {
  run();
  answer(failureOf(422, "Invalid"));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_FALSE(transport.last().streaming);
  EXPECT_EQ(path(), "/api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(9, {pod("a", 3), pod("b", 8)})));
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@8"));
  EXPECT_EQ(reflector.version(), "9");
  ASSERT_EQ(transport.count(), 3u);
  EXPECT_TRUE(watchesFrom(9)) << path();
  EXPECT_FALSE(client.watchListSupported());
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(Reflect, OthersDoNotTryWhatTheServerDoesNotKnow) {
  syncByList(9, {});
  const std::size_t before = transport.count();
  Reflector<core::Pod> other(loop, client, options(), {});
  tasks.spawn("other", other.run());
  run();
  ASSERT_EQ(transport.count(), before + 1);
  EXPECT_FALSE(transport.last().streaming);
  loop.runToEnd(tasks.drain());
}

TEST_F(Reflect, ListsWhenTheFirstObjectsHaveNoEnd) {
  run();
  data(frameOf("ADDED", pod("a", 3)));
  cut(Code::kTimedOut);  // silent
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_FALSE(transport.last().streaming);
  EXPECT_TRUE(client.watchListSupported());
}

TEST_F(Reflect, TrustsAListOnlyWithItsLastPage) {
  run();
  answer(failureOf(422, "Invalid"));
  core::PodList first = listOf(9, {pod("a", 3)});
  first.mutable_metadata()->set_continue_("more");
  answer(answerOf(200, first));
  EXPECT_FALSE(reflector.synced());
  EXPECT_THAT(path(), StartsWith("/api/v1/pods?continue=more"));
  EXPECT_THAT(path(), Not(HasSubstr("resourceVersion")));
  answer(failureOf(410, "Expired"));  // the token is too old: from the start, from the latest state
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(12, {pod("b", 3)})));
  EXPECT_THAT(heard, ElementsAre("synced b@3"));
}

TEST_F(Reflect, AListWithoutVersionOrWithNamelessItemsIsRefused) {
  run();
  answer(failureOf(422, "Invalid"));
  core::PodList list;
  answer(answerOf(200, list));
  EXPECT_FALSE(reflector.synced());
  run(seconds(1));
  answer(answerOf(200, listOf(4, {core::Pod()})));
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(failures.size(), 2u);
}

// ---- Changes

TEST_F(Reflect, TellsSingleChanges) {
  sync(7, {pod("a", 3)});
  data(frameOf("ADDED", pod("b", 8)));
  data(frameOf("MODIFIED", pod("a", 9)) + frameOf("DELETED", pod("b", 10)));
  EXPECT_THAT(heard, ElementsAre("added b", "modified a", "deleted b"));
  EXPECT_EQ(names(), " a@9");
  EXPECT_EQ(reflector.version(), "10");
  ASSERT_TRUE(reflector.get("default", "a"));
  EXPECT_FALSE(reflector.get("default", "b"));
  EXPECT_FALSE(reflector.get("", "a"));
}

TEST_F(Reflect, KnowsBetterThanTheEventWhetherAnObjectIsNew) {
  sync(7, {pod("a", 3)});
  data(frameOf("ADDED", pod("a", 8)) + frameOf("MODIFIED", pod("b", 9)) + frameOf("DELETED", pod("c", 10)));
  EXPECT_THAT(heard, ElementsAre("modified a", "added b"));
}

TEST_F(Reflect, BookmarksMoveTheVersionOnly) {
  sync(7, {pod("a", 3)});
  data(bookmark(50));
  EXPECT_EQ(reflector.version(), "50");
  EXPECT_THAT(heard, IsEmpty());
  end();
  EXPECT_TRUE(watchesFrom(50)) << path();
}

TEST_F(Reflect, KeepsNothingThatNobodyReads) {
  core::Pod big = pod("a", 3);
  big.mutable_metadata()->add_managedfields()->set_manager("kubectl");
  big.GetReflection()->MutableUnknownFields(&big)->AddVarint(77, 5);
  sync(7, {big});
  auto kept = reflector.get("default", "a");
  EXPECT_EQ(kept->metadata().managedfields_size(), 0);
  EXPECT_EQ(kept->GetReflection()->GetUnknownFields(*kept).field_count(), 0);
}

// ---- Ends

TEST_F(Reflect, OpensAWatchAgainThatEnded) {
  sync(7, {pod("a", 3)});
  data(frameOf("MODIFIED", pod("a", 8)));
  run(minutes(5));
  end();
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(8)) << path();
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(Reflect, EachWatchAsksForItsOwnTime) {
  sync(7, {});
  random = 0.5;
  run(minutes(5));
  end();
  EXPECT_THAT(path(), HasSubstr("timeoutSeconds=450"));
}

TEST_F(Reflect, OpensACutWatchAgainAtOnceAndARefusedOneLater) {
  sync(7, {pod("a", 3)});
  cut();
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(7));
  Duration expected = milliseconds(800);
  for (int i = 0; i < 8; ++i) {
    cut();  // refused
    const std::size_t before = transport.count();
    run(expected - milliseconds(1));
    EXPECT_EQ(transport.count(), before) << i;
    run(milliseconds(1));
    EXPECT_EQ(transport.count(), before + 1) << i;
    EXPECT_TRUE(watchesFrom(7)) << path();
    expected = std::min<Duration>(expected * 2, seconds(30));
  }
  EXPECT_EQ(names(), " a@3") << "an outage deletes nothing";
  EXPECT_TRUE(reflector.synced());
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(Reflect, StretchesThePauseByChance) {
  sync(7, {});
  cut();
  random = 0.999;
  cut();
  const std::size_t before = transport.count();
  run(milliseconds(1590));
  EXPECT_EQ(transport.count(), before);
  run(milliseconds(10));
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, ForgetsItsPausesAfterTwoQuietMinutes) {
  sync(7, {});
  cut();
  for (int i = 0; i < 4; ++i) {
    cut();
    run(seconds(30));
  }
  data(bookmark(9));
  run(minutes(3));
  cut();  // at once, it had data
  cut();
  const std::size_t before = transport.count();
  run(milliseconds(800));
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, APauseEndsWhenTheServerIsKnownToBeBack) {
  sync(7, {});
  cut();
  cut();
  const std::size_t before = transport.count();
  reflector.retryNow();
  run();
  EXPECT_EQ(transport.count(), before + 1);
  // Only that pause.
  cut();
  run();
  EXPECT_EQ(transport.count(), before + 1);
}

TEST_F(Reflect, NewsOfTheServerBeforeAPauseDoNotShortenIt) {
  sync(7, {});
  reflector.retryNow();
  cut();
  const std::size_t before = transport.count();
  cut();
  run(milliseconds(799));
  EXPECT_EQ(transport.count(), before);
}

TEST_F(Reflect, AWatchThatEndsAtOnceMakesNoBusyLoop) {
  sync(7, {});
  run(minutes(5));
  end();
  ASSERT_EQ(transport.count(), 2u);
  end();
  EXPECT_EQ(transport.count(), 2u);
  run(milliseconds(800));
  EXPECT_EQ(transport.count(), 3u);
}

TEST_F(Reflect, WaitsOutAnOverloadedServer) {
  sync(7, {});
  run(minutes(5));
  end();
  answer(failureOf(429, "TooManyRequests"));
  EXPECT_EQ(transport.count(), 2u);
  run(milliseconds(800));
  EXPECT_TRUE(watchesFrom(7));
  data(bookmark(8) + errorEvent(429, "TooManyRequests"));
  EXPECT_EQ(transport.count(), 3u);
  run(milliseconds(1600));
  EXPECT_TRUE(watchesFrom(8));
}

TEST_F(Reflect, ASilentWatchIsOpenedAgain) {
  sync(7, {});
  run(seconds(150));
  cut(Code::kTimedOut);
  EXPECT_EQ(transport.count(), 2u);
  EXPECT_TRUE(watchesFrom(7));
}

TEST_F(Reflect, AStreamThatEndsWithinAnEventLosesNothing) {
  sync(7, {});
  data(frameOf("ADDED", pod("a", 8)));
  data(frameOf("ADDED", pod("b", 9)).substr(0, 20));
  end();
  EXPECT_TRUE(watchesFrom(8)) << path();
  EXPECT_THAT(heard, ElementsAre("added a"));
}

TEST_F(Reflect, AStreamThatEndsWithinItsFirstEventIsAFailure) {
  syncByList(7, {});
  data(frameOf("ADDED", pod("b", 9)).substr(0, 20));
  run(minutes(1));
  end();
  EXPECT_THAT(failures, ElementsAre("|watch pods: the stream ended within an event"));
  run(milliseconds(800));
  EXPECT_TRUE(watchesFrom(7));
}

// ---- Lists again

TEST_F(Reflect, ListsAgainWhenItsVersionIsGone) {
  sync(7, {pod("a", 3), pod("b", 4), pod("c", 5)});
  auto a = reflector.get("default", "a");
  data(errorEvent(410, "Expired"));
  EXPECT_TRUE(transport.last().over) << "the stream is given up";
  EXPECT_EQ(transport.count(), 1u);
  run(milliseconds(800));
  ASSERT_EQ(transport.count(), 2u);
  EXPECT_THAT(path(), AllOf(HasSubstr("sendInitialEvents=true"), HasSubstr("&resourceVersion=7&")));
  data(frameOf("ADDED", pod("a", 3)) + frameOf("ADDED", pod("b", 40)) + frameOf("ADDED", pod("d", 41)) +
       bookmark(50, true));
  EXPECT_THAT(heard, ElementsAre("synced a@3 b@40 d@41"));
  EXPECT_EQ(reflector.get("default", "a"), a) << "what did not change keeps its pointer";
}

TEST_F(Reflect, AsksForTheLatestWhenItsVersionIsGoneForListsToo) {
  syncByList(7, {pod("a", 3)});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  EXPECT_EQ(path(), "/api/v1/pods?resourceVersion=7&fieldSelector=spec.nodeName%3Dn1");
  answer(failureOf(410, "Expired"));
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  answer(answerOf(200, listOf(70, {})));
  EXPECT_THAT(heard, ElementsAre("synced"));
  EXPECT_TRUE(watchesFrom(70));
}

TEST_F(Reflect, HasAVersionAgainAfterThat) {
  syncByList(7, {});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(failureOf(410, "Expired"));
  answer(answerOf(200, listOf(70, {})));
  answer(failureOf(410, "Gone"));
  run(milliseconds(1600));
  EXPECT_THAT(path(), HasSubstr("?resourceVersion=70&"));
}

TEST_F(Reflect, AsksForTheLatestWhenItsVersionIsOfTheFuture) {
  syncByList(7, {pod("a", 3)});
  meta::Status status;
  status.set_code(504);
  status.set_reason("Timeout");
  status.mutable_details()->add_causes()->set_reason("ResourceVersionTooLarge");
  answer(answerOf(504, status));
  run(milliseconds(800));
  EXPECT_EQ(path(), "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
}

TEST_F(Reflect, AnObjectMadeAgainUnderItsNameAndVersionIsAnother) {
  syncByList(7, {pod("a", 3, "u1")});
  auto before = reflector.get("default", "a");
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(answerOf(200, listOf(9, {pod("a", 3, "u2")})));
  EXPECT_NE(reflector.get("default", "a"), before);
  EXPECT_EQ(reflector.get("default", "a")->metadata().uid(), "u2");
}

TEST_F(Reflect, AFailedListKeepsWhatIsKnown) {
  syncByList(7, {pod("a", 3)});
  answer(failureOf(410, "Gone"));
  run(milliseconds(800));
  answer(failureOf(500, "InternalError"));
  run(milliseconds(1600));
  answer(failureOf(403, "Forbidden", "no more"));
  EXPECT_EQ(names(), " a@3");
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_EQ(failures.back(), "Forbidden|GET /api/v1/pods: no more");
}

TEST_F(Reflect, GarbageEndsTheWatchAndLeadsToAList) {
  sync(7, {pod("a", 3)});
  for (const std::string& garbage :
       {std::string("\0\0\0\2\x0a\x7f", 6), frameOf("ADDED", core::Node()), frameOf("ADDED", core::Pod()),
        std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\0", 4)}) {
    failures.clear();
    data(garbage);
    EXPECT_TRUE(transport.last().over);
    EXPECT_THAT(failures, ElementsAre(StartsWith("BadAnswer|watch pods: ")));
    const std::size_t before = transport.count();
    run(seconds(30));
    ASSERT_EQ(transport.count(), before + 1);
    EXPECT_THAT(path(), HasSubstr("sendInitialEvents=true"));
    data(frameOf("ADDED", pod("a", 3)) + bookmark(7, true));
  }
  EXPECT_EQ(names(), " a@3");
}

TEST_F(Reflect, StopsWhenCancelledAndGoesOnWhereItWas) {
  sync(7, {pod("a", 3)});
  loop.runToEnd(tasks.drain());
  EXPECT_TRUE(transport.last().over);
  const std::size_t before = transport.count();
  tasks.spawn("again", reflector.run());
  run();
  EXPECT_EQ(transport.count(), before + 1);
  EXPECT_TRUE(watchesFrom(7)) << path();
}

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

TEST(ReflectOthers, ObjectsWithoutNamespaceGoByTheirName) {
  Loop loop;
  ManualClock clock(loop);
  ScriptedTransport transport;
  ApiClient client(transport, clock, {});
  ReflectorOptions options;
  options.resource = kCsiDrivers;
  options.random = [] { return 0.0; };
  Reflector<k8s::storage::v1::CSIDriver> drivers(loop, client, options, {});
  TaskGroup tasks(loop);
  tasks.spawn("drivers", drivers.run());
  loop.poll();
  k8s::storage::v1::CSIDriver driver;
  driver.mutable_metadata()->set_name("x.csi");
  k8s::storage::v1::CSIDriver end;
  end.mutable_metadata()->set_resourceversion("4");
  (*end.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
  transport.last().data(frameOf("ADDED", driver) + frameOf("BOOKMARK", end));
  EXPECT_TRUE(drivers.get("", "x.csi"));
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::apiserver
