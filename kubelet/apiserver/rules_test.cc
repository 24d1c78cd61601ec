// The pure parts: paths, the limit of requests, what a reflector does next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kubelet/apiserver/reflector_rules.h"
#include "kubelet/apiserver/resource.h"
#include "kubelet/apiserver/token_bucket.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Resource, StandsAtItsPath) {
  EXPECT_EQ(kNodes.collection(), "/api/v1/nodes");
  EXPECT_EQ(kNodes.collection("default"), "/api/v1/nodes");
  EXPECT_EQ(kNodes.object("", "n1", "status"), "/api/v1/nodes/n1/status");
  EXPECT_EQ(kPods.collection(), "/api/v1/pods");
  EXPECT_EQ(kPods.collection("kube-system"), "/api/v1/namespaces/kube-system/pods");
  EXPECT_EQ(kPods.object("default", "web"), "/api/v1/namespaces/default/pods/web");
  EXPECT_EQ(kLeases.object("kube-node-lease", "n1"),
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1");
  EXPECT_EQ(kCertificateSigningRequests.collection(), "/apis/certificates.k8s.io/v1/certificatesigningrequests");
}

TEST(Resource, NamesCannotLeaveTheirPlace) {
  EXPECT_EQ(kPods.object("a/b", "../x?y"), "/api/v1/namespaces/a%2Fb/pods/..%2Fx%3Fy");
}

TEST(Resource, QueriesAreEscaped) {
  EXPECT_EQ(withQuery("/p", {}), "/p");
  EXPECT_EQ(withQuery("/p", {{"fieldSelector", "spec.nodeName=n 1"}, {"resourceVersion", ""}}),
            "/p?fieldSelector=spec.nodeName%3Dn%201&resourceVersion=");
  EXPECT_EQ(withQuery("/p?a=1", {{"b", "\xc3\xa9"}}), "/p?a=1&b=%C3%A9");
}

TEST(TokenBucket, GivesTheBurstAtOnceAndThenOneAfterTheOther) {
  TokenBucket bucket(10, 3);
  TimePoint now{minutes(1)};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(now), Duration(0)) << i;
  EXPECT_EQ(bucket.take(now), milliseconds(100));
  EXPECT_EQ(bucket.take(now), milliseconds(200));
  // Those two were due at 100 and 200 ms.
  EXPECT_EQ(bucket.take(now + milliseconds(250)), milliseconds(50));
}

TEST(TokenBucket, FillsUpToTheBurstOnly) {
  TokenBucket bucket(10, 2);
  TimePoint now{minutes(1)};
  bucket.take(now);
  now += minutes(5);
  EXPECT_EQ(bucket.take(now), Duration(0));
  EXPECT_EQ(bucket.take(now), Duration(0));
  EXPECT_EQ(bucket.take(now), milliseconds(100));
}

TEST(TokenBucket, WithoutRateIsNoLimit) {
  TokenBucket bucket(-1, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.take(TimePoint(minutes(1))), Duration(0));
}

// ---- Reflector

Error errorOf(Code code, std::string reason = "") {
  return Error(code, std::move(reason), "x");
}
const Error kExpired = errorOf(Code::kInvalid, "Expired");
const Error kTooLarge = errorOf(Code::kTimedOut, "ResourceVersionTooLarge");
const Error kCut = errorOf(Code::kUnavailable);
const Error kSilent = errorOf(Code::kTimedOut);
const Error kBusy = errorOf(Code::kUnavailable, "TooManyRequests");
const Error kForbidden = errorOf(Code::kInvalid, "Forbidden");
const Error kGarbage = errorOf(Code::kInternal, "BadAnswer");

WatchEnd ended(std::optional<Error> error, std::size_t events, Duration lived, bool fromServer = false) {
  WatchEnd end;
  end.error = std::move(error);
  end.events = events;
  end.lived = lived;
  end.fromServer = fromServer;
  return end;
}

struct EndCase {
  std::string name;
  WatchEnd end;
  Step want;
};

std::string text(const Step& step) {
  static const char* const kNames[] = {"watch", "watch-list", "list"};
  return std::string(kNames[static_cast<int>(step.next)]) + (step.wait ? " wait" : "") +
         (step.forget ? " forget" : "") + (step.refused ? " refused" : "");
}

TEST(AfterWatch, LosesNothingAndMakesNoBusyLoop) {
  const std::vector<EndCase> cases = {
      {"normal end", ended(std::nullopt, 5, minutes(6)), {}},
      {"normal end, nothing happened", ended(std::nullopt, 0, minutes(6)), {}},
      {"ended at once, empty", ended(std::nullopt, 0, milliseconds(5)), {.wait = true}},
      {"ended at once after an event", ended(std::nullopt, 1, milliseconds(5)), {}},
      {"cut after events", ended(kCut, 3, minutes(1)), {}},
      {"refused", ended(kCut, 0, milliseconds(1)), {.wait = true}},
      {"429", ended(kBusy, 0, milliseconds(1)), {.wait = true}},
      {"429 as an event", ended(kBusy, 3, minutes(1), true), {.wait = true}},
      {"silent", ended(kSilent, 3, minutes(4)), {}},
      {"never answered", ended(kSilent, 0, minutes(2)), {.wait = true}},
      {"expired", ended(kExpired, 0, milliseconds(1)), {.next = Next::kWatchList, .wait = true}},
      {"gone as an event",
       ended(errorOf(Code::kInvalid, "Gone"), 3, minutes(1), true),
       {.next = Next::kWatchList, .wait = true}},
      {"version from the future",
       ended(kTooLarge, 0, seconds(3)),
       {.next = Next::kWatchList, .wait = true, .forget = true}},
      {"forbidden", ended(kForbidden, 0, milliseconds(1)), {.next = Next::kWatchList, .wait = true}},
      {"garbage", ended(kGarbage, 3, minutes(1)), {.next = Next::kWatchList, .wait = true}},
  };
  for (const EndCase& c : cases) EXPECT_EQ(text(afterWatch(c.end, Next::kWatchList)), text(c.want)) << c.name;
  EXPECT_EQ(text(afterWatch(ended(kExpired, 0, seconds(1)), Next::kList)), "list wait");
}

TEST(AfterWatchList, FallsBackToAListWhereTheServerCannot) {
  struct Case {
    std::string name;
    WatchEnd end;
    std::string version;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"422", ended(errorOf(Code::kInvalid, "Invalid"), 0, milliseconds(1)), "", "list refused"},
      {"400", ended(errorOf(Code::kInvalid, "BadRequest"), 0, milliseconds(1)), "", "list refused"},
      {"forbidden", ended(kForbidden, 0, milliseconds(1)), "", "list"},
      {"ended without the mark", ended(std::nullopt, 9, minutes(6)), "", "list"},
      {"silent without the mark", ended(kSilent, 9, minutes(3)), "", "list"},
      {"garbage", ended(kGarbage, 9, milliseconds(1)), "", "list"},
      {"cut", ended(kCut, 9, milliseconds(1)), "", "watch-list wait"},
      {"refused connection", ended(kCut, 0, milliseconds(1)), "7", "watch-list wait"},
      {"429", ended(kBusy, 0, milliseconds(1)), "", "watch-list wait"},
      {"expired", ended(kExpired, 0, milliseconds(1)), "7", "watch-list forget"},
      {"expired, none asked for", ended(kExpired, 0, milliseconds(1)), "", "watch-list wait forget"},
      {"too large", ended(kTooLarge, 0, seconds(3)), "7", "watch-list forget"},
      {"too large, none asked for", ended(kTooLarge, 0, seconds(3)), "", "watch-list wait forget"},
  };
  for (const Case& c : cases) EXPECT_EQ(text(afterWatchList(c.end, c.version)), c.want) << c.name;
}

TEST(AfterList, AsksForTheLatestWhenAVersionIsGone) {
  EXPECT_EQ(text(afterList(kExpired, "7", Next::kList)), "list forget");
  EXPECT_EQ(text(afterList(kTooLarge, "7", Next::kList)), "list forget");
  EXPECT_EQ(text(afterList(kExpired, "", Next::kList)), "list wait forget");
  EXPECT_EQ(text(afterList(kCut, "7", Next::kList)), "list wait");
  EXPECT_EQ(text(afterList(kForbidden, "7", Next::kWatchList)), "watch-list wait");
}

TEST(ReflectorQuery, SaysWhatTheServerNeeds) {
  WatchQuery watch;
  watch.version = "7";
  watch.fieldSelector = "spec.nodeName=n1";
  watch.timeout = seconds(300);
  EXPECT_EQ(
      withQuery("", watchQuery(watch)),
      "?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300&fieldSelector=spec.nodeName%3Dn1");
  watch.version = "";
  watch.fieldSelector = "";
  watch.initialObjects = true;
  EXPECT_EQ(withQuery("", watchQuery(watch)),
            "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&resourceVersion=&timeoutSeconds=300");
  EXPECT_EQ(withQuery("", listQuery("0", "a=b", "")), "?resourceVersion=0&fieldSelector=a%3Db");
  EXPECT_EQ(withQuery("", listQuery("0", "", "tok")), "?continue=tok");
  EXPECT_EQ(withQuery("", listQuery("", "", "")), "");
}

}  // namespace
}  // namespace cubelet::apiserver
