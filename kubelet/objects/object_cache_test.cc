#include "kubelet/objects/object_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/authentication.pb.h"

namespace cubelet::objects {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using apiserver::frameOf;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

core::ConfigMap configMap(const std::string& name, const std::string& value, int version = 5) {
  core::ConfigMap object;
  object.mutable_metadata()->set_name(name);
  object.mutable_metadata()->set_namespace_("prod");
  object.mutable_metadata()->set_uid("uid-" + name);
  object.mutable_metadata()->set_resourceversion(std::to_string(version));
  (*object.mutable_data())["key"] = value;
  return object;
}

core::Secret secret(const std::string& name) {
  core::Secret object;
  object.mutable_metadata()->set_name(name);
  object.mutable_metadata()->set_namespace_("prod");
  object.mutable_metadata()->set_resourceversion("5");
  (*object.mutable_data())["key"] = "hidden";
  return object;
}

core::Service service(const std::string& ns, const std::string& name) {
  core::Service object;
  object.mutable_metadata()->set_name(name);
  object.mutable_metadata()->set_namespace_(ns);
  object.mutable_metadata()->set_resourceversion("5");
  object.mutable_spec()->set_clusterip("10.0.0.1");
  return object;
}

// Uses the ConfigMaps in its environment.
core::Pod podOf(const std::string& uid, const std::vector<std::string>& configMaps,
                const std::vector<std::string>& secrets = {}) {
  core::Pod pod;
  pod.mutable_metadata()->set_name("pod-" + uid);
  pod.mutable_metadata()->set_namespace_("prod");
  pod.mutable_metadata()->set_uid(uid);
  core::Container* container = pod.mutable_spec()->add_containers();
  for (const std::string& name : configMaps)
    container->add_envfrom()->mutable_configmapref()->mutable_localobjectreference()->set_name(name);
  for (const std::string& name : secrets)
    container->add_envfrom()->mutable_secretref()->mutable_localobjectreference()->set_name(name);
  return pod;
}

// A question under way, or its answer.
template <class T>
struct Question {
  std::optional<Result<T>> answer;

  bool open() const { return !answer; }
  const Error& error() const { return answer->error(); }
  const auto& object() const { return **answer; }
};

template <class T>
Task<void> ask(Task<Result<T>> question, std::shared_ptr<Question<T>> into) {
  Result<T> answer = co_await std::move(question);
  into->answer = std::move(answer);
}

class Cache : public AsyncTest {
 protected:
  Cache() {
    cache.onChange([this](const std::string& ns, const std::string& name) {
      changes.push_back(ns + "/" + name);
      if (inChange) inChange();
    });
  }
  ~Cache() override {
    loop.runToEnd(tasks.close());
    loop.runToEnd(cache.close());
  }

  template <class T>
  std::shared_ptr<Question<T>> put(Task<Result<T>> question) {
    auto asked = std::make_shared<Question<T>>();
    tasks.spawn("question", ask(std::move(question), asked));
    run();
    return asked;
  }
  std::shared_ptr<Question<ConfigMapPtr>> askFor(const std::string& name) { return put(cache.configMap("prod", name)); }

  void run(Duration by = Duration(0)) { clock.advance(by); }

  using Exchange = apiserver::ScriptedTransport::Exchange;
  // The latest request under way whose path has this in it; null when there is none.
  std::shared_ptr<Exchange> open(const std::string& part) {
    for (auto it = transport.exchanges.rbegin(); it != transport.exchanges.rend(); ++it)
      if (!(*it)->over && (*it)->request.path.find(part) != std::string::npos) return *it;
    return nullptr;
  }
  std::shared_ptr<Exchange> watchOf(const std::string& name) { return open("fieldSelector=metadata.name%3D" + name); }
  // The server answers the watch with these as first objects.
  template <class T>
  void sync(std::shared_ptr<Exchange> watch, const std::vector<T>& objects) {
    T end;
    end.mutable_metadata()->set_resourceversion("5");
    (*end.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
    std::string bytes;
    for (const T& object : objects) bytes += frameOf("ADDED", object);
    watch->data(bytes + frameOf("BOOKMARK", end));
    run();
  }
  void send(std::shared_ptr<Exchange> watch, const std::string& type, const core::ConfigMap& object) {
    watch->data(frameOf(type, object));
    run();
  }

  double random = 0;
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  ObjectCache cache{loop, client, [this] { return random; }};
  std::vector<std::string> changes;
  std::function<void()> inChange;
  TaskGroup tasks{loop};
};

// ---- What is watched

TEST_F(Cache, RTC_1_ARuntimeClassIsWatchedOnlyWhileAPodUsesIt) {
  core::Pod pod = podOf("u1", {});
  pod.mutable_spec()->set_runtimeclassname("gvisor");
  cache.use(pod);
  EXPECT_EQ(cache.watching(), 0u);
  auto question = put(cache.runtimeClass("gvisor"));
  auto watch = watchOf("gvisor");
  ASSERT_TRUE(watch);
  EXPECT_THAT(watch->request.path, StartsWith("/apis/node.k8s.io/v1/runtimeclasses?"));
  ::k8s::node::v1::RuntimeClass object;
  object.mutable_metadata()->set_name("gvisor");
  object.mutable_metadata()->set_resourceversion("5");
  object.set_handler("runsc");
  sync(watch, std::vector<::k8s::node::v1::RuntimeClass>{object});
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->object()->handler(), "runsc");
  EXPECT_EQ(cache.watching(), 1u);
  cache.release("u1");
  run();
  EXPECT_EQ(cache.watching(), 0u);
}

TEST_F(Cache, RTC_2_AClassThatIsNotThereIsNamedAndItsAppearanceTold) {
  core::Pod pod = podOf("u1", {});
  pod.mutable_spec()->set_runtimeclassname("gvisor");
  cache.use(pod);
  auto question = put(cache.runtimeClass("gvisor"));
  auto watch = watchOf("gvisor");
  ASSERT_TRUE(watch);
  sync(watch, std::vector<::k8s::node::v1::RuntimeClass>());
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->error().code, Code::kNotFound);
  EXPECT_EQ(question->error().message, "runtimeclass.node.k8s.io \"gvisor\" not found");
  ::k8s::node::v1::RuntimeClass object;
  object.mutable_metadata()->set_name("gvisor");
  object.mutable_metadata()->set_resourceversion("6");
  watch->data(frameOf("ADDED", object));
  run();
  EXPECT_THAT(changes, ElementsAre("/gvisor"));
}

TEST_F(Cache, WatchesNothingBeforeTheFirstQuestion) {
  cache.use(podOf("u1", {"settings"}));
  run();
  EXPECT_EQ(transport.count(), 0u);
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Cache, CMS_13_WatchesTheOneObjectByItsName) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  EXPECT_TRUE(question->open());
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_THAT(transport.last().request.path,
              testing::AllOf(StartsWith("/api/v1/namespaces/prod/configmaps?watch=true"),
                             HasSubstr("fieldSelector=metadata.name%3Dsettings"), HasSubstr("timeoutSeconds=1800")));
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->object()->data().at("key"), "v1");
  EXPECT_THAT(changes, IsEmpty()) << "nobody had been told otherwise";
}

TEST_F(Cache, AllPodsShareOneWatch) {
  cache.use(podOf("u1", {"settings"}));
  cache.use(podOf("u2", {"settings"}));
  auto first = askFor("settings");
  auto second = askFor("settings");
  EXPECT_EQ(transport.count(), 1u);
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  EXPECT_EQ(first->object(), second->object());
  EXPECT_FALSE(askFor("settings")->open()) << "known from now on";
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(Cache, AConfigMapAndASecretOfOneNameAreTwoObjects) {
  cache.use(podOf("u1", {"a"}, {"a"}));
  auto config = askFor("a");
  auto hidden = put(cache.secret("prod", "a"));
  sync(open("/secrets?"), std::vector{secret("a")});
  EXPECT_TRUE(config->open());
  EXPECT_EQ(hidden->object()->data().at("key"), "hidden");
}

TEST_F(Cache, WatchEndsWithTheLastPod) {
  cache.use(podOf("u1", {"settings"}));
  cache.use(podOf("u2", {"settings"}));
  askFor("settings");
  auto watch = watchOf("settings");
  sync(watch, std::vector{configMap("settings", "v1")});
  cache.release("u1");
  run();
  EXPECT_FALSE(watch->over);
  cache.release("u2");
  run();
  EXPECT_TRUE(watch->over);
  EXPECT_EQ(cache.watching(), 0u);
  auto late = askFor("settings");
  EXPECT_EQ(late->error().code, Code::kInvalid);
  EXPECT_EQ(late->error().message, "object \"prod\"/\"settings\" not registered");
}

TEST_F(Cache, APodThatChangesLetsGoOfWhatItNoLongerNames) {
  cache.use(podOf("u1", {"a", "b"}));
  askFor("a");
  askFor("b");
  auto a = watchOf("a");
  auto b = watchOf("b");
  cache.use(podOf("u1", {"b", "c"}));
  run();
  EXPECT_TRUE(a->over);
  EXPECT_FALSE(b->over);
}

TEST_F(Cache, WhoeverWaitsWhenTheLastPodGoesIsAnswered) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  cache.release("u1");
  run();
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->error().code, Code::kInvalid);
}

TEST_F(Cache, AnObjectUsedAgainIsReadAgain) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  cache.release("u1");
  cache.use(podOf("u2", {"settings"}));
  auto question = askFor("settings");
  EXPECT_TRUE(question->open()) << "the old content may be out of date";
  sync(watchOf("settings"), std::vector{configMap("settings", "v2", 6)});
  EXPECT_EQ(question->object()->data().at("key"), "v2");
}

// A watch does not end at once: what it says until then is not about the one that follows.
TEST_F(Cache, TheLastWordOfAnOldWatchIsNoAnswer) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  auto old = watchOf("settings");
  sync(old, std::vector{configMap("settings", "v1")});
  cache.release("u1");
  cache.use(podOf("u2", {"settings"}));
  auto question = std::make_shared<Question<ConfigMapPtr>>();
  tasks.spawn("question", ask(cache.configMap("prod", "settings"), question));
  int version = 6;
  do {
    if (!old->over) old->data(frameOf("MODIFIED", configMap("settings", "late", version++)));
  } while (loop.context().poll_one() > 0);
  EXPECT_TRUE(old->over);
  ASSERT_TRUE(question->open());
  EXPECT_TRUE(askFor("settings")->open());
  sync(watchOf("settings"), std::vector{configMap("settings", "v2", 20)});
  EXPECT_EQ(question->object()->data().at("key"), "v2");
}

TEST_F(Cache, CMS_8_AnImmutableObjectIsReadOnce) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  core::ConfigMap object = configMap("settings", "v1");
  object.set_immutable(true);
  auto watch = watchOf("settings");
  sync(watch, std::vector{object});
  EXPECT_TRUE(watch->over);
  EXPECT_EQ(cache.watching(), 0u);
  EXPECT_EQ(question->object()->data().at("key"), "v1");
  run(std::chrono::hours(2));
  EXPECT_EQ(transport.count(), 1u);
  EXPECT_EQ(askFor("settings")->object()->data().at("key"), "v1");
}

// As CMS_8, for servers that answer with a list.
TEST_F(Cache, AnImmutableObjectFromAListIsReadOnce) {
  client.noteWatchListRefused();
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  core::ConfigMapList list;
  list.mutable_metadata()->set_resourceversion("5");
  *list.add_items() = configMap("settings", "v1");
  list.mutable_items(0)->set_immutable(true);
  transport.last().finish(answerOf(200, list));
  run();
  EXPECT_EQ(question->object()->data().at("key"), "v1");
  EXPECT_EQ(transport.count(), 1u);
}

// ---- Answers

TEST_F(Cache, CFG_6_AMissingObjectIsNotFound) {
  cache.use(podOf("u1", {"x"}, {"y"}));
  auto config = askFor("x");
  auto hidden = put(cache.secret("prod", "y"));
  sync<core::ConfigMap>(watchOf("x"), {});
  sync<core::Secret>(watchOf("y"), {});
  EXPECT_EQ(config->error().code, Code::kNotFound);
  EXPECT_EQ(config->error().message, "configmap \"x\" not found");
  EXPECT_EQ(hidden->error().message, "secret \"y\" not found");
  EXPECT_EQ(askFor("x")->error().code, Code::kNotFound);
}

TEST_F(Cache, TheFirstQuestionWaitsTenSeconds) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  run(seconds(5));
  auto second = askFor("settings");
  run(milliseconds(4999));
  EXPECT_TRUE(question->open());
  run(milliseconds(1));
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->error().code, Code::kTimedOut);
  EXPECT_EQ(question->error().message, "failed to sync configmap cache: timed out waiting for the condition");
  EXPECT_FALSE(second->open()) << "it waited with the first";
  EXPECT_FALSE(askFor("settings")->open()) << "later ones do not wait any more";
}

TEST_F(Cache, TheErrorSaysWhatTheServerSaid) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  while (question->open()) {
    if (transport.last().over)
      run(seconds(1));
    else
      transport.last().finish(failureOf(403, "Forbidden", "no relationship found"));
    run();
  }
  EXPECT_THAT(question->error().message, HasSubstr("no relationship found"));
}

TEST_F(Cache, AReadThatComesTooLateIsTold) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  run(seconds(10));
  ASSERT_FALSE(question->open());
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  EXPECT_THAT(changes, ElementsAre("prod/settings"));
  EXPECT_EQ(askFor("settings")->object()->data().at("key"), "v1");
}

// The pod can be here before the server's authorizer knows that it belongs to this node.
TEST_F(Cache, AFirstRefusalIsFollowedByAQuickTry) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  transport.last().finish(failureOf(403, "Forbidden"));
  run();
  transport.last().finish(failureOf(403, "Forbidden"));  // the list after the watch
  run();
  EXPECT_EQ(transport.count(), 2u);
  run(milliseconds(25));
  ASSERT_EQ(transport.count(), 3u);
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  EXPECT_FALSE(question->open());
}

TEST_F(Cache, QuickTriesEnd) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  for (int second = 0; second < 300; ++second) {
    if (!transport.last().over) transport.last().finish(failureOf(403, "Forbidden"));
    run();
    if (!transport.last().over) transport.last().finish(failureOf(403, "Forbidden"));
    run(seconds(1));
  }
  EXPECT_LT(transport.count(), 60u);
}

TEST_F(Cache, REC_12_DuringAnOutageTheLastKnownObjectStays) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  watchOf("settings")->fail(Code::kUnavailable);
  for (int second = 0; second < 60; ++second) {
    if (!transport.last().over) transport.last().fail(Code::kUnavailable);
    run(seconds(1));
  }
  auto question = askFor("settings");
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->object()->data().at("key"), "v1");
  EXPECT_THAT(changes, IsEmpty());
}

TEST_F(Cache, RetryNowEndsAPause) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  transport.last().fail(Code::kUnavailable);
  run();
  EXPECT_EQ(transport.count(), 1u);
  cache.retryNow();
  run();
  EXPECT_EQ(transport.count(), 2u);
}

// ---- Changes

TEST_F(Cache, TellsWhatChangedAppearedAndIsGone) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  auto watch = watchOf("settings");
  sync<core::ConfigMap>(watch, {});
  EXPECT_THAT(changes, IsEmpty());
  send(watch, "ADDED", configMap("settings", "v1", 6));
  EXPECT_EQ(changes.size(), 1u);
  EXPECT_EQ(askFor("settings")->object()->data().at("key"), "v1");
  send(watch, "MODIFIED", configMap("settings", "v2", 7));
  EXPECT_EQ(changes.size(), 2u);
  EXPECT_EQ(askFor("settings")->object()->data().at("key"), "v2");
  send(watch, "DELETED", configMap("settings", "v2", 8));
  EXPECT_EQ(changes.size(), 3u);
  EXPECT_EQ(askFor("settings")->error().code, Code::kNotFound);
}

TEST_F(Cache, AReadThatFindsNothingNewIsNotTold) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  transport.last().finish(failureOf(410, "Expired"));
  run(seconds(2));
  ASSERT_EQ(transport.count(), 2u);
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  EXPECT_THAT(changes, IsEmpty());
}

TEST_F(Cache, WhoeverHearsAChangeMayReleaseThePod) {
  cache.use(podOf("u1", {"settings"}));
  askFor("settings");
  auto watch = watchOf("settings");
  sync(watch, std::vector{configMap("settings", "v1")});
  inChange = [this] { cache.release("u1"); };
  send(watch, "MODIFIED", configMap("settings", "v2", 6));
  EXPECT_TRUE(watch->over);
}

// ---- Services

TEST_F(Cache, ServicesAreReadOnceForAll) {
  auto first = put(cache.services());
  auto second = put(cache.services());
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_THAT(transport.last().request.path, StartsWith("/api/v1/services?watch=true"));
  EXPECT_THAT(cache.knownServices(), IsEmpty());
  sync(open("/services?"), std::vector{service("default", "kubernetes"), service("prod", "db")});
  ASSERT_EQ(first->object().size(), 2u);
  EXPECT_EQ(second->object().size(), 2u);
  EXPECT_EQ(cache.knownServices().size(), 2u);
}

TEST_F(Cache, CFG_12_ServicesThatWereNeverReadAreAnError) {
  auto question = put(cache.services());
  run(seconds(10));
  ASSERT_FALSE(question->open());
  EXPECT_EQ(question->error().code, Code::kUnavailable);
  EXPECT_EQ(question->error().message, "services have not yet been read at least once, cannot construct envvars");
}

TEST_F(Cache, KnownServicesNeverWait) {
  EXPECT_THAT(cache.knownServices(), IsEmpty());
  run();
  EXPECT_EQ(transport.count(), 1u) << "but are watched from then on";
}

// ---- Tokens

TEST_F(Cache, TokensGoWithTheirPod) {
  core::Pod pod = podOf("u1", {});
  pod.mutable_spec()->set_serviceaccountname("builder");
  cache.use(pod);
  auto answer = [&] {
    k8s::authentication::v1::TokenRequest request;
    request.mutable_spec()->set_expirationseconds(3600);
    request.mutable_status()->set_token("t");
    transport.last().finish(answerOf(201, request));
    run();
  };
  put(cache.token(pod, "", seconds(3600)));
  answer();
  EXPECT_FALSE(put(cache.token(pod, "", seconds(3600)))->open());
  EXPECT_EQ(transport.count(), 1u);
  cache.release("u1");
  put(cache.token(pod, "", seconds(3600)));
  EXPECT_EQ(transport.count(), 2u);
}

// ---- The end

TEST_F(Cache, CloseAnswersWhoeverWaits) {
  cache.use(podOf("u1", {"settings"}));
  auto config = askFor("settings");
  auto all = put(cache.services());
  loop.runToEnd(cache.close());
  run();
  ASSERT_FALSE(config->open());
  ASSERT_FALSE(all->open());
  EXPECT_EQ(all->error().code, Code::kCancelled);
  EXPECT_EQ(askFor("settings")->error().code, Code::kCancelled);
  EXPECT_EQ(clock.pendingTimers(), 0u);
}

TEST_F(Cache, AQuestionCanBeGivenUp) {
  cache.use(podOf("u1", {"settings"}));
  auto question = askFor("settings");
  loop.runToEnd(tasks.drain());
  EXPECT_TRUE(question->open());
  sync(watchOf("settings"), std::vector{configMap("settings", "v1")});
  EXPECT_EQ(askFor("settings")->object()->data().at("key"), "v1");
}

}  // namespace
}  // namespace cubelet::objects
