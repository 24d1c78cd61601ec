#include "kubelet/certificates/signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/certificates/signing_server.h"

namespace cubelet::apiserver {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kPath[] = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

class Signing : public testing::Test {
 protected:
  ~Signing() override { loop.runToEnd(tasks.close()); }

  void order(bool resumable = false, CertificateSubject subject = nodeClientSubject("n1"),
             CertificateUse use = CertificateUse::kClient) {
    outcome = std::make_shared<std::optional<Result<KeyPair>>>();
    CertificateSigner::Order order{.use = use, .subject = std::move(subject), .resumable = resumable};
    tasks.spawn("order", keep(signer.obtain(key, std::move(order)), outcome));
    loop.poll();
  }
  static Task<void> keep(Task<Result<KeyPair>> task, std::shared_ptr<std::optional<Result<KeyPair>>> into) {
    Result<KeyPair> result = co_await std::move(task);
    into->emplace(std::move(result));
  }
  bool waits() const { return !*outcome; }
  std::string reason() const {
    if (!*outcome) return "waits";
    return **outcome ? "ok" : (**outcome).error().reason;
  }
  std::string only() const { return server.names().at(0); }
  void poll() { loop.poll(); }

  Loop loop;
  ManualClock clock{loop};
  SigningServer server;
  ApiClient client{server, clock, {}};
  CertificateSigner signer{loop, client, [] { return 0.5; }};
  PrivateKey key = newKey();
  std::shared_ptr<std::optional<Result<KeyPair>>> outcome;
  TaskGroup tasks{loop};
};

TEST_F(Signing, WaitsForApprovalAndThenForTheCertificate) {
  order();
  EXPECT_TRUE(waits());
  EXPECT_THAT(server.calls, ElementsAre("GET /version", std::string("POST ") + kPath, std::string("WATCH ") + kPath));
  server.condition(only(), "Approved");
  poll();
  EXPECT_TRUE(waits());
  server.sign(only());
  poll();
  ASSERT_EQ(reason(), "ok");
  EXPECT_EQ((**outcome)->facts().commonName, "system:node:n1");
  EXPECT_EQ((**outcome)->key().publicKey(), key.publicKey());
  EXPECT_EQ(server.watches(), 0U) << "nobody needs the watch any more";
}

TEST_F(Signing, ACertificateWithoutApprovalIsNotTaken) {
  order();
  server.sign(only());
  poll();
  EXPECT_TRUE(waits());
}

TEST_F(Signing, AsksForWhatTheSignerWants) {
  order();
  const auto& spec = server.object(only()).spec();
  EXPECT_EQ(spec.signername(), "kubernetes.io/kube-apiserver-client-kubelet");
  EXPECT_THAT(spec.usages(), ElementsAre("client auth", "digital signature"));
  EXPECT_THAT(only(), StartsWith("csr-"));
  EXPECT_FALSE(spec.has_expirationseconds());
}

TEST_F(Signing, AsksOldServersForKeyEnciphermentToo) {
  server.minor = "20+";
  order();
  EXPECT_THAT(server.object(only()).spec().usages(),
              ElementsAre("client auth", "digital signature", "key encipherment"));
}

TEST_F(Signing, OfAServerNamesItsAddresses) {
  order(false, nodeServingSubject("n1", {"n1"}, {"10.0.0.1"}), CertificateUse::kServer);
  EXPECT_EQ(server.object(only()).spec().signername(), "kubernetes.io/kubelet-serving");
  EXPECT_THAT(server.object(only()).spec().usages(), ElementsAre("digital signature", "server auth"));
  server.approveAll();
  poll();
  ASSERT_EQ(reason(), "ok");
  EXPECT_THAT((**outcome)->facts().ipAddresses, ElementsAre("10.0.0.1"));
}

TEST_F(Signing, DeniedAndFailedAreErrorsThatSayWhy) {
  order();
  server.condition(only(), "Denied", "Policy");
  poll();
  ASSERT_EQ(reason(), kDenied);
  EXPECT_THAT((**outcome).error().message, HasSubstr("Policy: because"));
  EXPECT_EQ((**outcome).error().code, Code::kInvalid);

  order();
  server.condition(server.names().at(1), "Approved");
  server.condition(server.names().at(1), "Failed");
  poll();
  EXPECT_EQ(reason(), kFailed);
}

TEST_F(Signing, ARemovedRequestIsNotWaitedForAnyLonger) {
  order();
  server.remove(only());
  poll();
  EXPECT_EQ(reason(), kRequestGone);
}

TEST_F(Signing, ACacheThatDoesNotKnowTheRequestYetIsNoRemoval) {
  server.hideFromWatch = true;
  order();
  EXPECT_TRUE(waits());
  server.approveAll();
  poll();
  EXPECT_EQ(reason(), "ok");
}

TEST_F(Signing, GivesUpAfterItsPatienceAndLeavesTheRequest) {
  order();
  clock.advance(minutes(15) - seconds(1));
  EXPECT_TRUE(waits());
  clock.advance(seconds(1));
  ASSERT_FALSE(waits());
  EXPECT_EQ((**outcome).error().code, Code::kTimedOut);
  EXPECT_THAT(server.names(), SizeIs(1));
  EXPECT_EQ(server.watches(), 0U);
}

TEST_F(Signing, CancelledWhileItWaitsLeavesNothingBehind) {
  order();
  EXPECT_EQ(server.watches(), 1U);
  loop.runToEnd(tasks.drain());
  EXPECT_EQ(server.watches(), 0U);
  EXPECT_TRUE(waits());
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

TEST_F(Signing, AResumableOrderFindsItsRequestAgain) {
  order(true);
  EXPECT_EQ(only(), requestName(key, nodeClientSubject("n1"), CertificateUse::kClient));
  loop.runToEnd(tasks.drain());  // killed
  order(true);
  EXPECT_THAT(server.names(), SizeIs(1));
  server.approveAll();
  poll();
  EXPECT_EQ(reason(), "ok");
  order(true);
  EXPECT_EQ(reason(), "ok") << "the certificate was there already";
}

TEST_F(Signing, WhoTookTheNameDoesNotPutItsKeyIntoOurHands) {
  const std::string name = requestName(key, nodeClientSubject("n1"), CertificateUse::kClient);
  SigningServer::List list;
  auto& other = *list.add_items();
  other.mutable_metadata()->set_name(name);
  other.mutable_metadata()->set_uid("x");
  other.mutable_spec()->set_signername(std::string(signerOf(CertificateUse::kClient)));
  other.mutable_spec()->set_request(*makeCertificateRequest(newKey(), nodeClientSubject("n1")));
  server.restore(list);
  order(true);
  ASSERT_EQ(reason(), kUnusable);
  EXPECT_THAT((**outcome).error().message, HasSubstr("another key"));

  server.object(name).mutable_spec()->set_request("rubbish");
  order(true);
  EXPECT_EQ(reason(), kUnusable);
  server.object(name).mutable_spec()->set_signername("kubernetes.io/kubelet-serving");
  order(true);
  EXPECT_EQ(reason(), kUnusable);
}

TEST_F(Signing, ACertificateThatIsNotTheOneOrderedIsRefused) {
  struct Case {
    const char* name;
    std::string certificate;
  };
  const TestAuthority authority;
  const Case cases[] = {
      {"rubbish", "rubbish"},
      {"another key",
       authority.issue(*makeCertificateRequest(newKey(), nodeClientSubject("n1")), server.from, server.to)},
      {"another node", authority.issue(*makeCertificateRequest(key, nodeClientSubject("n2")), server.from, server.to)},
      {"expired", authority.issue(*makeCertificateRequest(key, nodeClientSubject("n1")), at(0), at(kStart - 1))},
  };
  for (const Case& c : cases) {
    order();
    const std::string name = server.all().items(server.all().items_size() - 1).metadata().name();
    server.object(name).mutable_status()->set_certificate(c.certificate);
    server.condition(name, "Approved");
    poll();
    EXPECT_EQ(reason(), kUnusable) << c.name;
    server.remove(name);
  }
}

TEST_F(Signing, NoServerIsAnErrorToTryAgain) {
  server.down = true;
  order();
  ASSERT_FALSE(waits());
  EXPECT_EQ((**outcome).error().code, Code::kUnavailable);
}

TEST(RequestName, DiffersWheneverAnythingDoes) {
  PrivateKey key = newKey();
  const std::string name = requestName(key, nodeClientSubject("n1"), CertificateUse::kClient);
  EXPECT_EQ(name, requestName(key, nodeClientSubject("n1"), CertificateUse::kClient));
  EXPECT_EQ(name.size(), 9U + 43U);
  EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
            std::string::npos);
  EXPECT_NE(name, requestName(newKey(), nodeClientSubject("n1"), CertificateUse::kClient));
  EXPECT_NE(name, requestName(key, nodeClientSubject("n2"), CertificateUse::kClient));
  EXPECT_NE(name, requestName(key, nodeClientSubject("n1"), CertificateUse::kServer));
  EXPECT_NE(requestName(key, {"a", {"b"}, {}, {}}, CertificateUse::kClient),
            requestName(key, {"a", {}, {"b"}, {}}, CertificateUse::kClient));
}

TEST(IsBefore127, Table) {
  EXPECT_TRUE(isBefore127(R"({"major":"1","minor":"20+"})"));
  EXPECT_TRUE(isBefore127(R"({"major":"1","minor":"26"})"));
  EXPECT_FALSE(isBefore127(R"({"major":"1","minor":"27"})"));
  EXPECT_FALSE(isBefore127(R"({"major":"1","minor":"36"})"));
  EXPECT_FALSE(isBefore127(R"({"major":"2","minor":"0"})"));
  for (const char* odd : {"", "[]", "{}", R"({"major":1,"minor":20})", R"({"major":"1","minor":"x"})",
                          R"({"major":"1","minor":"99999999999999999999"})", "\xff"})
    EXPECT_FALSE(isBefore127(odd)) << odd;
}

}  // namespace
}  // namespace cubelet::apiserver
