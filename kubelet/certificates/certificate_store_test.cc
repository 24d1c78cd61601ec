#include "kubelet/certificates/certificate_store.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/certificates/kill_everywhere.h"
#include "kubelet/certificates/test_authority.h"

namespace cubelet::apiserver {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const WallTime kNow = at(kStart);

void put(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

mode_t modeOf(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

// A client's pair, from a day before `kNow` until `days` after it.
KeyPair clientPair(const std::string& node, int days = 1) {
  return newPair(nodeClientSubject(node), kNow - std::chrono::hours(24), at(kStart + days * kDay));
}

std::string nodeOf(const Result<KeyPair>& pair) {
  return pair ? pair->facts().commonName : "error: " + pair.error().message;
}

class CertificateStoreTest : public testing::Test {
 protected:
  std::vector<std::string> names() const {
    auto all = listDirectory(dir.path());
    return all ? *all : std::vector<std::string>{"error: " + all.error().message};
  }

  TempDir dir;
  CertificateStore store{dir.path(), kClientStore};
};

TEST_F(CertificateStoreTest, SRV_10_LaysFilesOutAsUpstreamDoes) {
  ASSERT_TRUE(store.save(clientPair("n1"), kNow));
  EXPECT_THAT(names(), ElementsAre("kubelet-client-2027-01-15-08-00-00.pem", "kubelet-client-current.pem"));
  EXPECT_EQ(fs::read_symlink(store.currentPath()), "kubelet-client-2027-01-15-08-00-00.pem");
  EXPECT_EQ(modeOf(store.currentPath()), 0600U);
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:n1");
}

TEST_F(CertificateStoreTest, MakesItsDirectory) {
  CertificateStore deep(dir / "a/pki", kClientStore);
  ASSERT_TRUE(deep.save(clientPair("n1"), kNow));
  EXPECT_EQ(modeOf(dir / "a/pki"), 0755U);
}

TEST_F(CertificateStoreTest, NamesItsFileAbsolutely) {
  EXPECT_TRUE(fs::path(CertificateStore("pki", kClientStore).currentPath()).is_absolute());
}

TEST_F(CertificateStoreTest, TheUmaskChangesNoMode) {
  const mode_t before = ::umask(0);
  ASSERT_TRUE(store.save(clientPair("n1"), kNow));
  ASSERT_TRUE(store.keepPendingKey(newKey()));
  ::umask(before);
  EXPECT_EQ(modeOf(store.currentPath()), 0600U);
  EXPECT_EQ(modeOf(dir / "kubelet-client.key.tmp"), 0600U);
}

TEST_F(CertificateStoreTest, SRV_10_SwitchesToTheNextPairAndKeepsTheOldFile) {
  ASSERT_TRUE(store.save(clientPair("old"), kNow));
  ASSERT_TRUE(store.save(clientPair("new"), kNow + std::chrono::hours(1)));
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:new");
  EXPECT_TRUE(fs::exists(dir / "kubelet-client-2027-01-15-08-00-00.pem"));
}

TEST_F(CertificateStoreTest, TwoPairsInOneSecond) {
  ASSERT_TRUE(store.save(clientPair("old"), kNow));
  ASSERT_TRUE(store.save(clientPair("new"), kNow));
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:new");
}

TEST_F(CertificateStoreTest, ReadsUpstreamsAbsoluteLink) {
  put(dir / "kubelet-client-2020-01-01-00-00-00.pem", *clientPair("n1").secretPem());
  fs::create_symlink(dir / "kubelet-client-2020-01-01-00-00-00.pem", store.currentPath());
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:n1");
  ASSERT_TRUE(store.save(clientPair("n2"), kNow));
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:n2");
}

TEST_F(CertificateStoreTest, APlainFileInPlaceOfTheLinkIsReadAndReplaced) {
  put(store.currentPath(), *clientPair("n1").secretPem());
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:n1");
  ASSERT_TRUE(store.save(clientPair("n2"), kNow));
  EXPECT_TRUE(fs::is_symlink(store.currentPath()));
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:n2");
}

TEST_F(CertificateStoreTest, LooksInUpstreamsOrder) {
  KeyPair plain = clientPair("plain");
  put(dir / "kubelet-client.crt", plain.certificates());
  put(dir / "kubelet-client.key", *plain.key().secretPem());
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:plain");

  KeyPair configured = clientPair("configured");
  put(dir / "my.crt", configured.certificates());
  put(dir / "my.key", *configured.key().secretPem());
  CertificateStore both(dir.path(), kClientStore, dir / "my.crt", dir / "my.key");
  EXPECT_EQ(nodeOf(both.load(kNow)), "system:node:configured");

  ASSERT_TRUE(both.save(clientPair("current"), kNow));
  EXPECT_EQ(nodeOf(both.load(kNow)), "system:node:current");
}

TEST_F(CertificateStoreTest, APairThatIsValidGoesBeforeAnExpiredOne) {
  ASSERT_TRUE(store.save(clientPair("current", 1), kNow));
  KeyPair configured = clientPair("configured", 10);
  put(dir / "my.pem", *configured.secretPem());
  CertificateStore both(dir.path(), kClientStore, dir / "my.pem", dir / "my.pem");
  EXPECT_EQ(nodeOf(both.load(at(kStart + 5 * kDay))), "system:node:configured");
  // When all have expired, the usual order counts: the caller sees that it has.
  EXPECT_EQ(nodeOf(both.load(at(kStart + 50 * kDay))), "system:node:current");
}

TEST_F(CertificateStoreTest, NothingThereIsNotFoundAndRubbishIsNot) {
  auto none = store.load(kNow);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  put(store.currentPath(), "rubbish");
  auto bad = store.load(kNow);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kInvalid);
  EXPECT_THAT(bad.error().message, HasSubstr("kubelet-client-current.pem"));
}

TEST_F(CertificateStoreTest, ADirectoryInPlaceOfTheLinkIsAnErrorThatChangesNothing) {
  fs::create_directories(store.currentPath() + "/x");
  EXPECT_FALSE(store.save(clientPair("n1"), kNow));
  EXPECT_TRUE(fs::exists(store.currentPath() + "/x"));
}

TEST_F(CertificateStoreTest, ClientAndServerDoNotMeet) {
  CertificateStore server(dir.path(), kServerStore);
  ASSERT_TRUE(store.save(clientPair("client"), kNow));
  EXPECT_FALSE(server.load(kNow));
  ASSERT_TRUE(server.save(clientPair("server"), kNow));
  EXPECT_EQ(nodeOf(store.load(kNow)), "system:node:client");
  EXPECT_EQ(nodeOf(server.load(kNow)), "system:node:server");
}

TEST_F(CertificateStoreTest, KeepsThePendingKeyUntilItIsDropped) {
  EXPECT_FALSE(store.pendingKey());
  PrivateKey key = newKey();
  ASSERT_TRUE(store.keepPendingKey(key));
  EXPECT_THAT(names(), ElementsAre("kubelet-client.key.tmp"));
  ASSERT_TRUE(store.pendingKey());
  EXPECT_EQ(store.pendingKey()->publicKey(), key.publicKey());
  ASSERT_TRUE(store.dropPendingKey());
  ASSERT_TRUE(store.dropPendingKey());
  EXPECT_FALSE(store.pendingKey());
}

TEST_F(CertificateStoreTest, APendingKeyThatCannotBeReadIsNone) {
  put(dir / "kubelet-client.key.tmp", "-----BEGIN EC PRIVATE KEY-----\n");
  EXPECT_FALSE(store.pendingKey());
}

// mkdir, chmod, unlink -updated, list, unlink leftovers, create temporary, write, chmod, fsync, rename, fsync
// directory, symlink, rename, fsync directory: a kill between any two of them.
TEST_F(CertificateStoreTest, SavingSurvivesAKillBetweenAnyTwoSteps) {
  const KeyPair old = clientPair("old");
  const KeyPair next = clientPair("new");
  const KeyPair later = clientPair("later");
  const WallTime then = kNow + std::chrono::seconds(1);
  bool sawOld = false;
  bool sawNew = false;
  auto prepare = [&] {
    for (const std::string& name : names()) fs::remove_all(dir / name);
    ASSERT_TRUE(store.save(old, kNow));
  };
  auto work = [&] { return store.save(next, then).has_value(); };
  auto check = [&](const std::string& state) {
    SCOPED_TRACE(state);
    const std::string node = nodeOf(store.load(then));
    sawOld |= node == "system:node:old";
    sawNew |= node == "system:node:new";
    EXPECT_THAT(node, testing::AnyOf("system:node:old", "system:node:new"));
    if (state == "finished") {
      EXPECT_EQ(node, "system:node:new");
    }
    for (const std::string& name : names()) EXPECT_EQ(modeOf(dir / name) & 077, 0U) << name;
    // And the next one goes through, and clears away what was left.
    ASSERT_TRUE(store.save(later, then + std::chrono::seconds(1)));
    EXPECT_EQ(nodeOf(store.load(then)), "system:node:later");
    for (const std::string& name : names()) {
      EXPECT_FALSE(name.starts_with(".")) << name;
      EXPECT_NE(name, "kubelet-client-updated.pem");
    }
  };
  auto kills = killBeforeEachSystemCall(prepare, work, check);
  if (!kills) GTEST_SKIP() << "processes may not be traced here";
  EXPECT_GT(*kills, 15);
  EXPECT_TRUE(sawOld);
  EXPECT_TRUE(sawNew);
}

TEST_F(CertificateStoreTest, KeepingAPendingKeySurvivesAKillBetweenAnyTwoSteps) {
  const PrivateKey key = newKey();
  bool sawNone = false;
  auto prepare = [&] {
    for (const std::string& name : names()) fs::remove_all(dir / name);
  };
  auto work = [&] { return store.keepPendingKey(key).has_value(); };
  auto check = [&](const std::string& state) {
    SCOPED_TRACE(state);
    auto kept = store.pendingKey();
    sawNone |= !kept;
    if (kept) {
      EXPECT_EQ(kept->publicKey(), key.publicKey());
    }
    if (state == "finished") {
      EXPECT_TRUE(kept);
    }
    ASSERT_TRUE(store.keepPendingKey(key));
    EXPECT_THAT(names(), ElementsAre("kubelet-client.key.tmp"));
  };
  auto kills = killBeforeEachSystemCall(prepare, work, check);
  if (!kills) GTEST_SKIP() << "processes may not be traced here";
  EXPECT_GT(*kills, 8);
  EXPECT_TRUE(sawNone);
}

// ---- the serving pair that signs itself

class ServingPair : public testing::Test {
 protected:
  Result<KeyPair> make(WallTime now) { return loadOrMakeServingPair(dir / "pki", subject, now); }

  TempDir dir;
  CertificateSubject subject{"n1@1800000000", {}, {"n1"}, {"10.0.0.1"}};
};

TEST_F(ServingPair, SRV_10_IsMadeOnceAndKept) {
  auto first = make(kNow);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->facts().notBefore, kNow - std::chrono::hours(1));
  EXPECT_EQ(first->facts().notAfter - first->facts().notBefore, std::chrono::hours(365 * 24));
  EXPECT_EQ(modeOf(dir / "pki/kubelet.key"), 0600U);
  EXPECT_EQ(modeOf(dir / "pki/kubelet.crt"), 0644U);
  auto second = make(at(kStart + 300 * kDay));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->certificates(), first->certificates());
}

TEST_F(ServingPair, AnExpiredOrBrokenOneIsMadeAnew) {
  auto first = make(kNow);
  ASSERT_TRUE(first);
  auto second = make(at(kStart + 366 * kDay));
  ASSERT_TRUE(second);
  EXPECT_NE(second->certificates(), first->certificates());
  put(dir / "pki/kubelet.crt", first->certificates());  // no longer belongs to the key
  auto third = make(at(kStart + 366 * kDay));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->facts().commonName, "n1@1800000000");
  fs::remove(dir / "pki/kubelet.key");
  EXPECT_TRUE(make(kNow));
}

TEST_F(ServingPair, SurvivesAKillBetweenAnyTwoSteps) {
  auto prepare = [&] {
    fs::remove_all(dir / "pki");
    ASSERT_TRUE(make(at(kStart - 400 * kDay)));  // expired by now
  };
  auto work = [&] { return make(kNow).has_value(); };
  auto check = [&](const std::string& state) {
    SCOPED_TRACE(state);
    auto pair = make(kNow);
    ASSERT_TRUE(pair) << pair.error().message;
    EXPECT_GT(pair->facts().notAfter, kNow);
    auto again = make(kNow);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->certificates(), pair->certificates());
  };
  auto kills = killBeforeEachSystemCall(prepare, work, check);
  if (!kills) GTEST_SKIP() << "processes may not be traced here";
  EXPECT_GT(*kills, 15);
}

}  // namespace
}  // namespace cubelet::apiserver
