#include "kubelet/objects/service_account_tokens.h"

#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "base/task_group.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "proto/k8s/authentication.pb.h"

namespace cubelet::objects {
namespace {

namespace authentication = ::k8s::authentication::v1;
using std::chrono::hours;
using std::chrono::seconds;

TEST(CMS_11_RenewAfter, IsEightyPercentOrADay) {
  EXPECT_EQ(renewAfter(seconds(1000), 0), Duration(seconds(800)));
  EXPECT_EQ(renewAfter(seconds(1000), 0.5), Duration(seconds(795)));
  EXPECT_EQ(renewAfter(hours(24 * 365), 0), Duration(hours(24)));
  EXPECT_EQ(renewAfter(seconds(5), 0.999), Duration(0));
}

Task<void> ask(Task<Result<Token>> question, std::optional<Result<Token>>* into) {
  Result<Token> answer = co_await std::move(question);
  *into = std::move(answer);
}

class CMS_11_Tokens : public AsyncTest {
 protected:
  CMS_11_Tokens() {
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("prod");
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_spec()->set_serviceaccountname("builder");
  }
  ~CMS_11_Tokens() override { loop.runToEnd(tasks.close()); }

  void put(const std::string& audience = "", seconds life = seconds(3600)) {
    answer.reset();
    tasks.spawn("question", ask(tokens.get(pod, audience, life), &answer));
    clock.advance(Duration(0));
  }
  authentication::TokenRequest sent() {
    authentication::TokenRequest request;
    EXPECT_TRUE(apiserver::decodeObject(transport.last().request.contentType, transport.last().request.body, request));
    return request;
  }
  void give(const std::string& text, std::optional<seconds> life = std::nullopt) {
    authentication::TokenRequest out = sent();
    if (life) out.mutable_spec()->set_expirationseconds(life->count());
    out.mutable_status()->set_token(text);
    const auto now = std::chrono::duration_cast<seconds>(clock.wallNow().time_since_epoch());
    out.mutable_status()->mutable_expirationtimestamp()->set_seconds(now.count() + skew.count() +
                                                                     out.spec().expirationseconds());
    transport.last().finish(apiserver::answerOf(201, out));
    clock.advance(Duration(0));
  }
  void refuse() {
    transport.last().finish(apiserver::failureOf(500, "InternalError"));
    clock.advance(Duration(0));
  }
  // Empty when it was not answered, or with an error.
  std::string text() { return answer && *answer ? (**answer).text : ""; }

  seconds skew{0};  // of the server's clock
  apiserver::ScriptedTransport transport;
  apiserver::ApiClient client{transport, clock, {.qps = 0}};
  ServiceAccountTokens tokens{client, [] { return 0.0; }};
  core::Pod pod;
  std::optional<Result<Token>> answer;
  TaskGroup tasks{loop};
};

TEST_F(CMS_11_Tokens, AreAskedForBoundToThePod) {
  put("vault", seconds(7200));
  ASSERT_EQ(transport.count(), 1u);
  EXPECT_EQ(transport.last().request.method, "POST");
  EXPECT_EQ(transport.last().request.path, "/api/v1/namespaces/prod/serviceaccounts/builder/token");
  const authentication::TokenRequestSpec spec = sent().spec();
  ASSERT_EQ(spec.audiences_size(), 1);
  EXPECT_EQ(spec.audiences(0), "vault");
  EXPECT_EQ(spec.expirationseconds(), 7200);
  EXPECT_EQ(spec.boundobjectref().kind(), "Pod");
  EXPECT_EQ(spec.boundobjectref().apiversion(), "v1");
  EXPECT_EQ(spec.boundobjectref().name(), "web");
  EXPECT_EQ(spec.boundobjectref().uid(), "u1");
  give("t1");
  EXPECT_EQ(text(), "t1");
  EXPECT_EQ((**answer).expires, clock.wallNow() + seconds(7200));
  EXPECT_EQ((**answer).renew, clock.wallNow() + seconds(5760));
}

TEST_F(CMS_11_Tokens, NoAudienceMeansTheServersOwn) {
  put();
  EXPECT_EQ(sent().spec().audiences_size(), 0);
}

TEST_F(CMS_11_Tokens, AreKeptUntilEightyPercentOfTheirLife) {
  put();
  give("t1");
  clock.advance(seconds(2879));
  put();
  EXPECT_EQ(text(), "t1");
  EXPECT_EQ(transport.count(), 1u);
  clock.advance(seconds(1));
  put();
  EXPECT_EQ(transport.count(), 2u);
  give("t2");
  EXPECT_EQ(text(), "t2");
}

TEST_F(CMS_11_Tokens, TheServersLifeCounts) {
  put("", seconds(3600));
  give("t1", seconds(600));
  clock.advance(seconds(480));
  put("", seconds(3600));
  EXPECT_EQ(transport.count(), 2u);
  refuse();
  EXPECT_EQ(text(), "t1");
  clock.advance(seconds(120));
  put("", seconds(3600));
  refuse();
  EXPECT_EQ(text(), "") << "it has expired";
}

TEST_F(CMS_11_Tokens, WhenRenewingFailsTheOldOneServesUntilItsEnd) {
  put();
  give("t1");
  clock.advance(seconds(3599));
  put();
  refuse();
  EXPECT_EQ(text(), "t1");
  clock.advance(seconds(1));
  put();
  refuse();
  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  EXPECT_NE(answer->error().message.find("expired and refresh failed"), std::string::npos);
  put();
  give("t2");
  EXPECT_EQ(text(), "t2");
}

TEST_F(CMS_11_Tokens, AFirstFailureIsAnError) {
  put();
  refuse();
  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  EXPECT_TRUE(answer->error().message.starts_with("failed to fetch token: ")) << answer->error().message;
}

TEST_F(CMS_11_Tokens, AnAnswerWithoutATokenIsAnError) {
  put();
  give("");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(*answer);
}

TEST_F(CMS_11_Tokens, AClockThatDiffersFromTheServersDoesNoHarm) {
  skew = -hours(3);
  put();
  give("t1");
  clock.advance(seconds(60));
  put();
  EXPECT_EQ(text(), "t1");
  EXPECT_EQ(transport.count(), 1u);
}

TEST_F(CMS_11_Tokens, EachPodAudienceAndLifeHasItsOwn) {
  put();
  give("t1");
  put("vault");
  give("t2");
  put("vault", seconds(600));
  give("t3");
  pod.mutable_metadata()->set_uid("u2");
  put();
  give("t4");
  EXPECT_EQ(transport.count(), 4u);
  EXPECT_EQ(tokens.kept(), 4u);
  tokens.forget("u1");
  EXPECT_EQ(tokens.kept(), 1u);
}

TEST_F(CMS_11_Tokens, ExpiredOnesAreDroppedWithTheNextFreshOne) {
  put("vault");
  give("t1");
  clock.advance(seconds(3601));
  put("other");
  give("t2");
  EXPECT_EQ(tokens.kept(), 1u);
}

TEST_F(CMS_11_Tokens, APodWithoutAServiceAccountHasNone) {
  pod.mutable_spec()->clear_serviceaccountname();
  put();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, Code::kInvalid);
  EXPECT_EQ(transport.count(), 0u);
}

}  // namespace
}  // namespace cubelet::objects
