#include "kubelet/access/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/access/test_clients.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/authentication.pb.h"
#include "proto/k8s/authorization.pb.h"

namespace cubelet::access {
namespace {

using apiserver::answerOf;
using k8s::authentication::v1::TokenReview;
using k8s::authorization::v1::SubjectAccessReview;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

Task<void> keep(Task<Guard::Admitted> task, std::optional<Guard::Admitted>* into) {
  into->emplace(co_await std::move(task));
}

class GuardTest : public testing::Test {
 protected:
  ~GuardTest() override { loop.runToEnd(tasks.close()); }

  void make() {
    authorization.nodeName = "n1";
    auto ask = [this] { return reachable ? &client : nullptr; };
    authenticator = std::make_unique<Authenticator>(clock, authentication, ask);
    authorizer = std::make_unique<Authorizer>(clock, authorization, ask);
    guard = std::make_unique<Guard>(*authenticator, *authorizer);
  }
  std::shared_ptr<std::optional<Guard::Admitted>> start(web::Request request, const std::string& path = "/pods") {
    if (!guard) make();
    request.method = "GET";
    request.target.path = path;
    auto result = std::make_shared<std::optional<Guard::Admitted>>();
    kept.push_back(result);
    tasks.spawn("admit", keep(guard->admit(std::make_shared<web::Request>(std::move(request))), result.get()));
    loop.poll();
    return result;
  }
  static web::Request withToken(const std::string& token) {
    web::Request request;
    request.headers.emplace_back("Authorization", "Bearer " + token);
    return request;
  }
  // "200 user", or status and text of the refusal; "waits"
  static std::string outcome(const std::optional<Guard::Admitted>& result) {
    if (!result) return "waits";
    if (!result->refusal) return "200 " + result->identity.user;
    return std::to_string(result->refusal->status) + " " + result->refusal->body;
  }
  void answerToken(const std::string& user) {
    TokenReview review;
    review.mutable_status()->set_authenticated(!user.empty());
    review.mutable_status()->mutable_user()->set_username(user);
    review.mutable_status()->mutable_user()->add_groups("g");
    finish(answerOf(201, review));
  }
  void answerAccess(bool allowed) {
    SubjectAccessReview review;
    review.mutable_status()->set_allowed(allowed);
    finish(answerOf(201, review));
  }
  void finish(Result<apiserver::Response> response) {
    transport.last().finish(std::move(response));
    loop.poll();
  }
  template <class T>
  T asked() {
    T object;
    EXPECT_TRUE(apiserver::decodeObject(apiserver::kProtobufType, transport.last().request.body, object));
    return object;
  }

  Loop loop;
  ManualClock clock{loop};
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {}};
  bool reachable = true;
  Authenticator::Options authentication;
  Authorizer::Options authorization;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<Authorizer> authorizer;
  std::unique_ptr<Guard> guard;
  std::vector<std::shared_ptr<std::optional<Guard::Admitted>>> kept;
  TaskGroup tasks{loop};
};

TEST_F(GuardTest, SRV_7_WhoShowsNothingIsUnauthorized) {
  EXPECT_EQ(outcome(*start({})), "401 Unauthorized");
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(GuardTest, SRV_7_ATokenIsShownToTheServerAndTheAnswerIsKept) {
  authorization.mode = Authorizer::Mode::kAlwaysAllow;
  const auto first = start(withToken("t"));
  const auto second = start(withToken("t"));
  EXPECT_EQ(transport.count(), 1u) << "one question for both";
  EXPECT_EQ(asked<TokenReview>().spec().token(), "t");
  answerToken("alice");
  EXPECT_EQ(outcome(*first), "200 alice");
  EXPECT_EQ(outcome(*second), "200 alice");
  EXPECT_THAT((*first)->identity.groups, ElementsAre("g", "system:authenticated"));
  clock.advance(seconds(119));
  EXPECT_EQ(outcome(*start(withToken("t"))), "200 alice");
  EXPECT_EQ(transport.count(), 1u);
  clock.advance(seconds(1));
  EXPECT_EQ(outcome(*start(withToken("t"))), "waits");
  EXPECT_EQ(transport.count(), 2u);
}

TEST_F(GuardTest, SRV_7_AnUnknownTokenIsUnauthorizedEvenWhereAnonymousMayEnter) {
  authentication.anonymous = true;
  authorization.mode = Authorizer::Mode::kAlwaysAllow;
  const auto result = start(withToken("bad"));
  answerToken("");
  EXPECT_EQ(outcome(*result), "401 Unauthorized");
  EXPECT_EQ(outcome(*start(withToken("bad"))), "401 Unauthorized");
  EXPECT_EQ(transport.count(), 1u) << "that answer is kept, too";
}

TEST_F(GuardTest, SRV_7_AnonymousIsOffUnlessConfigured) {
  authentication.anonymous = true;
  authorization.mode = Authorizer::Mode::kAlwaysAllow;
  const auto result = start({});
  EXPECT_EQ(outcome(*result), "200 system:anonymous");
  EXPECT_THAT((*result)->identity.groups, ElementsAre("system:unauthenticated"));
}

TEST_F(GuardTest, SRV_7_WithoutTheWebhookATokenIsNotLookedAt) {
  authentication.webhook = false;
  EXPECT_EQ(outcome(*start(withToken("t"))), "401 Unauthorized");
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(GuardTest, SRV_7_ACertificateNeedsNoServer) {
  TempDir dir;
  TestAuthority authority;
  authentication.clientCaFile = dir.path() + "/ca.crt";
  ASSERT_TRUE(writeFileAtomic(authentication.clientCaFile, authority.pem(), 0644));
  authorization.mode = Authorizer::Mode::kAlwaysAllow;
  const WallTime now = clock.wallNow();
  web::Request request;
  request.certificates.push_back(authority.issue({"bob", {"g"}}, now - hours(1), now + hours(1)).der);
  EXPECT_EQ(outcome(*start(request)), "200 bob");
  request.certificates[0] = TestAuthority().issue({"bob", {}}, now - hours(1), now + hours(1)).der;
  EXPECT_EQ(outcome(*start(request)), "401 Unauthorized");
  EXPECT_EQ(transport.count(), 0u);
}

TEST_F(GuardTest, WithoutAServerOnlyMastersMay) {
  TempDir dir;
  TestAuthority authority;
  authentication.clientCaFile = dir.path() + "/ca.crt";
  ASSERT_TRUE(writeFileAtomic(authentication.clientCaFile, authority.pem(), 0644));
  authorization.mode = Authorizer::Mode::kMastersOnly;
  reachable = false;
  const WallTime now = clock.wallNow();
  web::Request request;
  request.certificates.push_back(authority.issue({"root", {"system:masters"}}, now - hours(1), now + hours(1)).der);
  EXPECT_EQ(outcome(*start(request)), "200 root");
  request.certificates[0] = authority.issue({"bob", {"g"}}, now - hours(1), now + hours(1)).der;
  EXPECT_THAT(outcome(*start(request)), HasSubstr("403 Forbidden (user=bob, "));
}

TEST_F(GuardTest, SRV_8_TheServerIsAskedForEachSubresourceInTurn) {
  authentication.anonymous = true;
  const auto result = start({});
  const SubjectAccessReview first = asked<SubjectAccessReview>();
  EXPECT_EQ(first.spec().user(), "system:anonymous");
  EXPECT_EQ(first.spec().groups(0), "system:unauthenticated");
  EXPECT_EQ(first.spec().resourceattributes().verb(), "get");
  EXPECT_EQ(first.spec().resourceattributes().resource(), "nodes");
  EXPECT_EQ(first.spec().resourceattributes().name(), "n1");
  EXPECT_EQ(first.spec().resourceattributes().version(), "v1");
  EXPECT_EQ(first.spec().resourceattributes().subresource(), "pods");
  answerAccess(false);
  EXPECT_EQ(asked<SubjectAccessReview>().spec().resourceattributes().subresource(), "proxy");
  answerAccess(true);
  EXPECT_EQ(outcome(*result), "200 system:anonymous");
}

TEST_F(GuardTest, SRV_8_DeniedIsForbidden) {
  authentication.anonymous = true;
  const auto result = start({});
  answerAccess(false);
  answerAccess(false);
  EXPECT_EQ(outcome(*result),
            "403 Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[pods proxy])");
}

TEST_F(GuardTest, SRV_8_AnswersAreKeptAsLongAsConfigured) {
  authentication.anonymous = true;
  start({}, "/metrics");
  answerAccess(true);
  clock.advance(minutes(4));
  EXPECT_EQ(outcome(*start({}, "/metrics")), "200 system:anonymous");
  EXPECT_EQ(transport.count(), 1u);
  clock.advance(minutes(1));
  const auto denied = start({}, "/metrics");
  answerAccess(false);
  EXPECT_THAT(outcome(*denied), HasSubstr("403"));
  clock.advance(seconds(29));
  EXPECT_THAT(outcome(*start({}, "/metrics")), HasSubstr("403"));
  EXPECT_EQ(transport.count(), 2u);
  clock.advance(seconds(1));
  start({}, "/metrics");
  EXPECT_EQ(transport.count(), 3u);
}

TEST_F(GuardTest, SRV_8_AServerThatIsAwayIsAskedFiveTimes) {
  authentication.anonymous = true;
  const auto result = start({}, "/stats/summary");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(outcome(*result), "waits") << i;
    transport.last().fail(Code::kUnavailable);
    loop.poll();
    clock.advance(seconds(2));
  }
  EXPECT_EQ(outcome(*result),
            "500 Authorization error (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[stats])");
  EXPECT_EQ(transport.count(), 5u);
}

TEST(BearerToken, IsFoundInItsHeaders) {
  web::Request request;
  EXPECT_EQ(bearerToken(request), "");
  request.headers = {{"authorization", "bearer  abc "}};
  EXPECT_EQ(bearerToken(request), "abc");
  request.headers = {{"Authorization", "Basic abc"}};
  EXPECT_EQ(bearerToken(request), "");
  request.headers = {{"Sec-WebSocket-Protocol", "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.YS1i"}};
  EXPECT_EQ(bearerToken(request), "a-b");
}

}  // namespace
}  // namespace cubelet::access
