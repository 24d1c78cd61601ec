#include "kubelet/certificates/certificate_manager.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

#include "base/loop.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/certificates/signing_server.h"

namespace cubelet::apiserver {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Manager : public testing::Test {
 protected:
  ~Manager() override { loop.runToEnd(tasks.close()); }

  CertificateManager::Options options() {
    CertificateManager::Options options;
    options.subject = [this] { return subject; };
    options.random = [] { return 0.5; };
    return options;
  }
  void start(CertificateManager::Options options) {
    CertificateManager::Listener listener;
    listener.changed = [this](const KeyPair& pair) {
      ++changes;
      EXPECT_EQ(&pair, manager->current());
    };
    listener.failed = [this](const Error& error) { failures.push_back(error.reason + "|" + error.message); };
    manager = std::make_unique<CertificateManager>(loop, client, store, std::move(options), std::move(listener));
    tasks.spawn("certificates", manager->run());
    loop.poll();
  }
  // Valid for 1000 s, of which 100 are over: renewed at 800, in 700 s.
  void storePair() { ASSERT_TRUE(store.save(newPair(*subject, at(kStart - 100), at(kStart + 900)), at(kStart - 100))); }
  void issueFor(std::int64_t lifetime) {
    server.clock = &clock;
    server.lifetime = seconds(lifetime);
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir;
  CertificateStore store{dir.path(), kClientStore};
  SigningServer server;
  SigningServer bootstrapServer;
  ApiClient client{server, clock, {}};
  ApiClient bootstrapClient{bootstrapServer, clock, {}};
  std::optional<CertificateSubject> subject = nodeClientSubject("n1");
  std::unique_ptr<CertificateManager> manager;
  int changes = 0;
  std::vector<std::string> failures;
  TaskGroup tasks{loop};
};

TEST_F(Manager, RenewsAtItsMomentAndNotBefore) {
  storePair();
  server.autoApprove = true;
  start(options());
  clock.advance(seconds(699));
  EXPECT_THAT(server.calls, IsEmpty()) << "until then nothing goes to the server";
  issueFor(1000);
  const std::string before = manager->current()->certificates();
  clock.advance(seconds(1));
  EXPECT_EQ(changes, 1);
  EXPECT_NE(manager->current()->certificates(), before);
  auto stored = store.load(clock.wallNow());
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->certificates(), manager->current()->certificates());
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(Manager, EachRenewalHasItsOwnKeyAndGoesOnForEver) {
  storePair();
  server.autoApprove = true;
  start(options());
  std::string key = manager->current()->key().publicKey();
  for (int i = 1; i <= 5; ++i) {
    issueFor(1800);
    clock.advance(seconds(i == 1 ? 700 : 1440));
    EXPECT_EQ(changes, i);
    EXPECT_NE(manager->current()->key().publicKey(), key);
    key = manager->current()->key().publicKey();
  }
}

TEST_F(Manager, SleepsInOneTimer) {
  storePair();
  start(options());
  EXPECT_EQ(clock.pendingTimers(), 1U);
}

TEST_F(Manager, TriesAgainAfter2And4And8And16AndThenEvery32Seconds) {
  storePair();
  server.down = true;
  start(options());
  clock.advance(seconds(700));
  std::vector<std::int64_t> pauses;
  TimePoint last = clock.now();
  for (std::size_t tries = 1; tries < 8; ++tries) {
    ASSERT_THAT(failures, SizeIs(tries));
    while (failures.size() == tries) clock.advance(std::chrono::milliseconds(100));
    pauses.push_back(std::chrono::duration_cast<seconds>(clock.now() - last).count());
    last = clock.now();
  }
  EXPECT_THAT(pauses, testing::ElementsAre(2, 4, 8, 16, 33, 33, 33));  // half of the 10 % on top
  EXPECT_EQ(manager->renewErrors(), 8U);
  // The old pair is still in use, and the next try, once the server is there, ends it.
  EXPECT_EQ(changes, 0);
  server.down = false;
  server.autoApprove = true;
  issueFor(100'000);
  manager->lookAgain();
  loop.poll();
  EXPECT_EQ(changes, 1);
}

TEST_F(Manager, AfterASuccessThePausesBeginAnew) {
  storePair();
  server.down = true;
  start(options());
  clock.advance(seconds(700 + 30));
  ASSERT_THAT(failures, SizeIs(testing::Ge(4)));
  server.down = false;
  server.autoApprove = true;
  issueFor(1000);
  clock.advance(seconds(36));
  ASSERT_EQ(changes, 1);
  failures.clear();
  server.down = true;
  while (failures.empty()) clock.advance(std::chrono::milliseconds(100));
  clock.advance(std::chrono::milliseconds(2200));
  EXPECT_THAT(failures, SizeIs(2));
}

TEST_F(Manager, AnExpiredCertificateIsRenewedWithTheBootstrapCredentials) {
  // The machine was off for a year.
  ASSERT_TRUE(store.save(newPair(*subject, at(kStart - 400 * kDay), at(kStart - 35 * kDay)), at(kStart)));
  bootstrapServer.autoApprove = true;
  CertificateManager::Options with = options();
  with.fallback = &bootstrapClient;
  start(std::move(with));
  EXPECT_EQ(changes, 1);
  EXPECT_THAT(server.calls, IsEmpty()) << "it would only be refused there";
  EXPECT_FALSE(isExpired(manager->current()->facts(), clock.wallNow()));
  // From now on with its own.
  server.autoApprove = true;
  issueFor(10 * kDay);
  clock.advance(hours(24));
  EXPECT_EQ(changes, 2);
  EXPECT_THAT(server.names(), SizeIs(1));
}

TEST_F(Manager, AnExpiredCertificateWithoutBootstrapWaitsForHelpOnDisk) {
  ASSERT_TRUE(store.save(newPair(*subject, at(kStart - 9 * kDay), at(kStart - kDay)), at(kStart - 9 * kDay)));
  server.down = true;
  start(options());
  clock.advance(minutes(10));
  EXPECT_GT(failures.size(), 15U);
  // Somebody brings a new pair.
  KeyPair help = newPair(*subject, at(kStart), at(kStart + 30 * kDay));
  ASSERT_TRUE(store.save(help, at(kStart + 600)));
  clock.advance(seconds(36));
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(manager->current()->certificates(), help.certificates());
}

TEST_F(Manager, TheKubeconfigsOwnPairGoesIntoTheStore) {
  KeyPair inside = newPair(*subject, at(kStart - 100), at(kStart + 900));
  CertificateManager::Options with = options();
  with.initial = inside;
  start(std::move(with));
  EXPECT_TRUE(fs::is_symlink(store.currentPath()));
  ASSERT_NE(manager->current(), nullptr);
  EXPECT_EQ(manager->current()->certificates(), inside.certificates());
  EXPECT_THAT(server.calls, IsEmpty());
}

TEST_F(Manager, AStoredPairGoesBeforeTheKubeconfigsOwn) {
  storePair();
  CertificateManager::Options with = options();
  with.initial = newPair(nodeClientSubject("old"), at(kStart - 100), at(kStart + 900));
  start(std::move(with));
  EXPECT_EQ(manager->current()->facts().commonName, "system:node:n1");
}

TEST_F(Manager, ClearsAwayTheKeyOfABootstrapThatEnded) {
  storePair();
  ASSERT_TRUE(store.keepPendingKey(newKey()));
  start(options());
  EXPECT_FALSE(store.pendingKey());
}

TEST_F(Manager, AServingCertificateWaitsForAnAddressAndFollowsIt) {
  subject.reset();
  CertificateManager::Options serving = options();
  serving.use = CertificateUse::kServer;
  server.autoApprove = true;
  start(std::move(serving));
  clock.advance(hours(5));
  EXPECT_THAT(server.calls, IsEmpty());
  EXPECT_EQ(clock.pendingTimers(), 0U);

  issueFor(10 * kDay);
  subject = nodeServingSubject("n1", {"n1"}, {"10.0.0.1"});
  manager->lookAgain();
  loop.poll();
  ASSERT_EQ(changes, 1);
  EXPECT_THAT(manager->current()->facts().ipAddresses, testing::ElementsAre("10.0.0.1"));

  manager->lookAgain();
  loop.poll();
  EXPECT_EQ(changes, 1) << "nothing is new";
  subject = nodeServingSubject("n1", {"n1"}, {"10.0.0.1", "fd00::1"});
  manager->lookAgain();
  loop.poll();
  ASSERT_EQ(changes, 2);
  EXPECT_THAT(manager->current()->facts().ipAddresses, testing::ElementsAre("10.0.0.1", "fd00::1"));
}

TEST_F(Manager, ARequestThatNobodyApprovesIsAskedAnew) {
  subject = nodeServingSubject("n1", {}, {"10.0.0.1"});
  CertificateManager::Options serving = options();
  serving.use = CertificateUse::kServer;
  start(std::move(serving));
  clock.advance(minutes(14));
  EXPECT_THAT(server.names(), SizeIs(1));
  clock.advance(minutes(2));
  EXPECT_THAT(server.names(), SizeIs(2));
  EXPECT_THAT(failures, SizeIs(1));
}

TEST_F(Manager, ACertificateThatIsDueAtOnceDoesNotMakeItRace) {
  storePair();
  server.autoApprove = true;
  server.from = at(kStart - 10'000);
  server.to = at(kStart + 1000);  // 90 % of its life is over when it comes
  start(options());
  clock.advance(seconds(700));
  EXPECT_EQ(changes, 1);
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_THAT(failures[0], HasSubstr("due for renewal already"));
  EXPECT_THAT(server.names(), SizeIs(1));
}

TEST_F(Manager, AStoreThatCannotBeReadIsToldOnce) {
  std::ofstream(store.currentPath()) << "rubbish";
  server.autoApprove = true;
  start(options());
  EXPECT_THAT(failures, SizeIs(1));
  EXPECT_EQ(changes, 1) << "and replaced";
}

TEST_F(Manager, CancelledInTheMiddleOfARenewal) {
  storePair();
  start(options());
  clock.advance(seconds(700));
  EXPECT_EQ(server.watches(), 1U);
  loop.runToEnd(tasks.drain());
  EXPECT_EQ(server.watches(), 0U);
  EXPECT_EQ(clock.pendingTimers(), 0U);
}

}  // namespace
}  // namespace cubelet::apiserver
