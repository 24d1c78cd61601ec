#include "kubelet/certificates/bootstrap.h"

#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/certificates/certificate_manager.h"
#include "kubelet/certificates/kill_everywhere.h"
#include "kubelet/certificates/signing_server.h"

namespace cubelet::apiserver {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ClientConfig bootstrapConfig() {
  ClientConfig config;
  config.server.host = "10.0.0.1";
  config.server.port = 6443;
  config.certificateAuthority.text = "the authority";
  config.token = "abcdef.0123456789abcdef";
  return config;
}

std::string textOf(const std::string& path) {
  auto text = readFile(path, 1 << 20);
  return text ? *text : "error: " + text.error().message;
}

// One process' life: everything that a kill takes away.
struct Life {
  Life(const std::string& directory, const std::string& node = "n1")
      : store(directory + "/pki", kClientStore), bootstrap(loop, client, store, options(directory, node)) {}
  ~Life() { loop.runToEnd(tasks.close()); }

  Bootstrap::Options options(const std::string& directory, const std::string& node) {
    Bootstrap::Options options;
    options.nodeName = node;
    options.kubeconfigPath = directory + "/etc/kubelet.conf";
    options.bootstrap = bootstrapConfig();
    options.random = [] { return 0.0; };
    options.failed = [this](const Error& error) { failures.push_back(error.reason + "|" + error.message); };
    return options;
  }
  void start() {
    tasks.spawn("bootstrap", keep(bootstrap.run(), &outcome));
    loop.poll();
  }
  static Task<void> keep(Task<KeyPair> task, std::optional<KeyPair>* into) {
    KeyPair pair = co_await std::move(task);
    into->emplace(std::move(pair));
  }

  Loop loop;
  ManualClock clock{loop};
  SigningServer server;
  ApiClient client{server, clock, {}};
  CertificateStore store;
  Bootstrap bootstrap;
  std::vector<std::string> failures;
  std::optional<KeyPair> outcome;
  TaskGroup tasks{loop};
};

class BootstrapTest : public testing::Test {
 protected:
  std::string config() const { return dir / "etc/kubelet.conf"; }
  std::string pending() const { return dir / "pki/kubelet-client.key.tmp"; }
  TempDir dir;
};

TEST_F(BootstrapTest, EndsWithACertificateAndAKubeconfig) {
  Life life(dir.path());
  life.start();
  EXPECT_FALSE(life.outcome);
  EXPECT_TRUE(fs::exists(pending())) << "the key is on disk before the request is known";
  EXPECT_THAT(life.server.names(), SizeIs(1));
  EXPECT_FALSE(fs::exists(config()));
  life.server.approveAll();
  life.loop.poll();
  ASSERT_TRUE(life.outcome);
  EXPECT_EQ(life.outcome->facts().commonName, "system:node:n1");
  EXPECT_FALSE(fs::exists(pending()));
  struct stat status{};
  ASSERT_EQ(::stat(config().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(textOf(config()), kubeconfigWithCertificate(bootstrapConfig(), dir / "pki/kubelet-client-current.pem"));
  auto stored = life.store.load(life.clock.wallNow());
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->certificates(), life.outcome->certificates());
}

TEST_F(BootstrapTest, WaitsForAServerThatComesUpLater) {
  Life life(dir.path());
  life.server.down = true;
  life.server.autoApprove = true;
  life.start();
  life.clock.advance(seconds(31));
  EXPECT_THAT(life.failures, IsEmpty());
  life.server.down = false;
  life.clock.advance(seconds(2));
  EXPECT_TRUE(life.outcome);
}

TEST_F(BootstrapTest, AServerThatStaysAwayIsToldAndTriedAgain) {
  Life life(dir.path());
  life.server.down = true;
  life.start();
  life.clock.advance(seconds(60));
  ASSERT_THAT(life.failures, SizeIs(1));
  EXPECT_THAT(life.failures[0], HasSubstr("connection refused"));
  life.server.down = false;
  life.server.autoApprove = true;
  life.clock.advance(seconds(2));
  EXPECT_TRUE(life.outcome);
}

TEST_F(BootstrapTest, ADeniedNodeAsksAgainButDoesNotFloodTheCluster) {
  Life life(dir.path());
  life.start();
  const std::string name = life.server.names().at(0);
  life.server.condition(name, "Denied");
  life.clock.advance(minutes(10));
  EXPECT_THAT(life.server.names(), SizeIs(1));
  EXPECT_THAT(life.failures, SizeIs(testing::Gt(15)));
  // The administrator removes the denied request: the node's next one is a new chance.
  life.server.remove(name);
  life.clock.advance(seconds(32));
  ASSERT_THAT(life.server.names(), SizeIs(1));
  life.server.approveAll();
  life.loop.poll();
  EXPECT_TRUE(life.outcome);
}

TEST_F(BootstrapTest, ARequestThatNobodyApprovesStaysTheSame) {
  Life life(dir.path());
  life.start();
  const std::string name = life.server.names().at(0);
  life.clock.advance(minutes(46));
  EXPECT_THAT(life.failures, SizeIs(testing::Ge(2)));
  EXPECT_THAT(life.server.names(), ElementsAre(name));
  life.server.approveAll();
  life.clock.advance(seconds(32));
  EXPECT_TRUE(life.outcome);
}

TEST_F(BootstrapTest, AfterAnUnusableCertificateItBeginsWithANewKey) {
  Life life(dir.path());
  life.server.from = at(kStart - 20);
  life.server.to = at(kStart - 10);
  life.start();
  const std::string first = life.server.names().at(0);
  life.server.approveAll();
  life.loop.poll();
  EXPECT_FALSE(life.outcome);
  EXPECT_FALSE(fs::exists(pending()));
  life.server.to = at(kStart + kDay);
  life.clock.advance(seconds(2));
  ASSERT_THAT(life.server.names(), SizeIs(2));
  life.server.approveAll();
  life.loop.poll();
  ASSERT_TRUE(life.outcome);
}

TEST_F(BootstrapTest, APairOfAnEarlierClusterIsNotUsed) {
  Life life(dir.path());
  KeyPair old = newPair(nodeClientSubject("n1"), at(kStart - kDay), at(kStart + kDay));
  ASSERT_TRUE(life.store.save(old, at(kStart - kDay)));
  life.server.autoApprove = true;
  life.start();
  ASSERT_TRUE(life.outcome);
  EXPECT_NE(life.outcome->certificates(), old.certificates());
}

TEST_F(BootstrapTest, AnEarlierPairIsNotTakenForTheResultOfTheRequestUnderWay) {
  Life life(dir.path());
  KeyPair old = newPair(nodeClientSubject("n1"), at(kStart - kDay), at(kStart + kDay));
  ASSERT_TRUE(life.store.save(old, at(kStart - kDay)));
  ASSERT_TRUE(life.store.keepPendingKey(newKey()));
  life.start();
  EXPECT_FALSE(life.outcome);
  EXPECT_THAT(life.server.names(), SizeIs(1));
}

TEST_F(BootstrapTest, APairOfAnotherNodeIsNotUsed) {
  {
    Life life(dir.path(), "n2");
    PrivateKey key = newKey();
    ASSERT_TRUE(life.store.keepPendingKey(key));
    auto pair = selfSign(key, nodeClientSubject("n2"), at(kStart - kDay), at(kStart + kDay));
    ASSERT_TRUE(life.store.save(*pair, at(kStart)));
  }
  Life life(dir.path(), "n1");
  life.server.autoApprove = true;
  life.start();
  ASSERT_TRUE(life.outcome);
  EXPECT_EQ(life.outcome->facts().commonName, "system:node:n1");
}

TEST_F(BootstrapTest, CancelledWhileItWaitsIsTakenUpByTheNextLife) {
  SigningServer::List list;
  {
    Life life(dir.path());
    life.start();
    list = life.server.all();
  }
  Life life(dir.path());
  life.server.restore(list);
  life.server.autoApprove = true;
  life.start();
  EXPECT_TRUE(life.outcome);
  EXPECT_THAT(life.server.names(), SizeIs(1));
}

// The memory of a server that outlives the process: one request list, changed without a system call.
class SharedList {
 public:
  SharedList() : memory_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  SharedList(const SharedList&) = delete;
  SharedList& operator=(const SharedList&) = delete;
  ~SharedList() { ::munmap(memory_, kSize); }

  void put(const SigningServer::List& list) {
    const std::string bytes = list.SerializeAsString();
    auto* at = static_cast<char*>(memory_);
    const std::size_t size = bytes.size();
    std::memcpy(at, &size, sizeof size);
    std::memcpy(at + sizeof size, bytes.data(), size);
  }
  SigningServer::List get() const {
    const auto* at = static_cast<const char*>(memory_);
    std::size_t size = 0;
    std::memcpy(&size, at, sizeof size);
    SigningServer::List list;
    list.ParseFromString(std::string(at + sizeof size, size));
    return list;
  }

 private:
  static constexpr std::size_t kSize = 1 << 20;
  void* memory_;
};

TEST_F(BootstrapTest, SurvivesAKillBetweenAnyTwoSteps) {
  SharedList shared;
  auto live = [&] {
    auto life = std::make_unique<Life>(dir.path());
    life->server.autoApprove = true;
    life->server.restore(shared.get());
    life->server.changed = [&](const SigningServer::List& list) { shared.put(list); };
    life->start();
    return life;
  };
  int keptOn = 0;
  auto prepare = [&] {
    fs::remove_all(dir / "pki");
    fs::remove_all(dir / "etc");
    shared.put({});
  };
  auto work = [&] { return live()->outcome.has_value(); };
  auto check = [&](const std::string& state) {
    SCOPED_TRACE(state);
    keptOn += shared.get().items_size();
    if (fs::exists(config())) {
      // The next start needs no bootstrap: all that the kubeconfig names must be there.
      Life next(dir.path());
      ASSERT_TRUE(next.store.load(at(kStart)));
      CertificateManager::Options options;
      options.random = [] { return 0.5; };
      const CertificateManager manager(next.loop, next.client, next.store, std::move(options), {});
    } else {
      auto next = live();
      ASSERT_TRUE(next->outcome) << testing::PrintToString(next->failures);
      EXPECT_THAT(next->failures, IsEmpty());
    }
    EXPECT_EQ(textOf(config()), kubeconfigWithCertificate(bootstrapConfig(), dir / "pki/kubelet-client-current.pem"));
    EXPECT_EQ(shared.get().items_size(), 1) << "a kill must not cost a second request";
    EXPECT_FALSE(fs::exists(pending()));
  };
  auto kills = killBeforeEachSystemCall(prepare, work, check);
  if (!kills) GTEST_SKIP() << "processes may not be traced here";
  EXPECT_GT(*kills, 40);
  EXPECT_GT(keptOn, 10) << "no kill came after the request was sent";
}

TEST(CertificatesUsable, OnlyWhenThereAreSomeAndNoneHasExpired) {
  CertificateFacts good;
  good.notAfter = at(kStart + 10);
  CertificateFacts old;
  old.notAfter = at(kStart - 10);
  EXPECT_FALSE(certificatesUsable({}, at(kStart)));
  EXPECT_TRUE(certificatesUsable({good}, at(kStart)));
  EXPECT_FALSE(certificatesUsable({good, old}, at(kStart)));
}

}  // namespace
}  // namespace cubelet::apiserver
