#include "kubelet/objects/trust_bundle_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/async_test.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/certificates.pb.h"
#include "proto/k8s/certificates_v1alpha1.pb.h"
#include "proto/k8s/certificates_v1beta1.pb.h"

namespace cubelet::objects {
namespace {

namespace certificates = ::k8s::certificates;
using testing::HasSubstr;
using testing::StartsWith;

Task<void> ask(TrustBundleSet* set, std::optional<Result<TrustBundles>>* answer) {
  Result<TrustBundles> bundles = co_await set->get();
  *answer = std::move(bundles);
}

template <class T>
T bundle(const std::string& name, const std::string& pem, const std::string& version = "5") {
  T object;
  object.mutable_metadata()->set_name(name);
  object.mutable_metadata()->set_resourceversion(version);
  (*object.mutable_metadata()->mutable_labels())["l"] = "v";
  object.mutable_spec()->set_signername("example.com/ca");
  object.mutable_spec()->set_trustbundle(pem);
  return object;
}

class CMS_10_TrustBundles : public AsyncTest {
 protected:
  CMS_10_TrustBundles() { set.addUser("u1"); }
  ~CMS_10_TrustBundles() override {
    loop.runToEnd(tasks.close());
    loop.runToEnd(set.close());
  }
  void run() { clock.advance(Duration(0)); }
  void begin() {
    answer.reset();
    tasks.spawn("question", ask(&set, &answer));
    run();
  }
  // As a server without the group's version answers.
  void refuse(const std::string& version) {
    ASSERT_THAT(transport.last().request.path,
                StartsWith("/apis/certificates.k8s.io/" + version + "/clustertrustbundles?limit=1"));
    apiserver::Response response;
    response.status = 404;
    response.contentType = "text/plain";
    response.body = "404 page not found\n";
    transport.last().finish(response);
    run();
  }
  template <class T>
  void sync(const std::vector<T>& objects) {
    ASSERT_THAT(transport.last().request.path, HasSubstr("watch=true"));
    T end;
    end.mutable_metadata()->set_resourceversion("5");
    (*end.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
    std::string bytes;
    for (const T& object : objects) bytes += apiserver::frameOf("ADDED", object);
    transport.last().data(bytes + apiserver::frameOf("BOOKMARK", end));
    run();
  }
  template <class List, class T>
  void serve(const std::vector<T>& objects) {
    transport.last().finish(apiserver::answerOf(200, List()));
    run();
    sync(objects);
  }

  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  int changes = 0;
  TrustBundleSet set{loop, client, [] { return 0.0; }, [this] { ++changes; }};
  std::optional<Result<TrustBundles>> answer;
  TaskGroup tasks{loop};
};

TEST_F(CMS_10_TrustBundles, AreReadInTheVersionThatTheServerHas) {
  begin();
  refuse("v1");
  serve<certificates::v1beta1::ClusterTrustBundleList>(
      std::vector{bundle<certificates::v1beta1::ClusterTrustBundle>("a", "PEM")});
  ASSERT_TRUE(answer && *answer) << answer->error().message;
  ASSERT_EQ((*answer)->size(), 1u);
  const TrustBundle& one = (**answer)[0];
  EXPECT_EQ(one.name + " " + one.signer + " " + one.labels.at("l") + " " + one.pem, "a example.com/ca v PEM");
  const std::size_t asked = transport.count();
  begin();
  EXPECT_TRUE(answer) << "known from now on";
  EXPECT_EQ(transport.count(), asked);
}

TEST_F(CMS_10_TrustBundles, OfOldServersAreAlpha) {
  begin();
  refuse("v1");
  refuse("v1beta1");
  serve<certificates::v1alpha1::ClusterTrustBundleList>(
      std::vector{bundle<certificates::v1alpha1::ClusterTrustBundle>("a", "PEM")});
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->size(), 1u);
}

TEST_F(CMS_10_TrustBundles, AServerWithoutThemIsToldAndAskedAgainNextTime) {
  begin();
  refuse("v1");
  refuse("v1beta1");
  refuse("v1alpha1");
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::kUnimplemented);
  EXPECT_THAT(answer->error().message, HasSubstr("the API server has no ClusterTrustBundles"));
  EXPECT_FALSE(set.watching());
  begin();
  serve<certificates::v1::ClusterTrustBundleList>(std::vector{bundle<certificates::v1::ClusterTrustBundle>("a", "x")});
  EXPECT_TRUE(answer && *answer) << "it has been upgraded";
}

TEST_F(CMS_10_TrustBundles, AnErrorOfTheServerIsTold) {
  begin();
  transport.last().finish(apiserver::failureOf(403, "Forbidden", "nodes may not"));
  run();
  ASSERT_TRUE(answer && !*answer);
  EXPECT_THAT(answer->error().message, HasSubstr("look for ClusterTrustBundles"));
  EXPECT_THAT(answer->error().message, HasSubstr("nodes may not"));
}

TEST_F(CMS_10_TrustBundles, ChangesAreToldAtOnce) {
  using Bundle = certificates::v1::ClusterTrustBundle;
  begin();
  serve<certificates::v1::ClusterTrustBundleList>(std::vector{bundle<Bundle>("a", "old")});
  EXPECT_EQ(changes, 0) << "nobody has been told otherwise";
  transport.last().data(apiserver::frameOf("MODIFIED", bundle<Bundle>("a", "new", "6")));
  run();
  EXPECT_EQ(changes, 1);
  begin();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((**answer)[0].pem, "new");
}

TEST_F(CMS_10_TrustBundles, AreWatchedWhileAPodUsesThem) {
  using Bundle = certificates::v1::ClusterTrustBundle;
  begin();
  serve<certificates::v1::ClusterTrustBundleList>(std::vector<Bundle>());
  set.addUser("u2");
  set.dropUser("u1");
  run();
  EXPECT_TRUE(set.watching());
  set.dropUser("u2");
  run();
  EXPECT_FALSE(set.watching());
  EXPECT_TRUE(transport.last().over);
  begin();
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::kInvalid);
}

TEST_F(CMS_10_TrustBundles, WhoeverWaitsWhenTheLastPodGoesIsAnswered) {
  begin();
  set.dropUser("u1");
  refuse("v1");
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::kInvalid);
}

}  // namespace
}  // namespace cubelet::objects
