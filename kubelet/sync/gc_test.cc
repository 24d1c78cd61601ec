// Garbage collection end to end on the fake runtime: dead containers, dead sandboxes, what pods leave on disk.
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/sync/left_on_disk.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct Gc : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;

  // Attempts of the containers that the runtime has, newest first.
  std::vector<std::uint32_t> attempts() {
    std::vector<std::uint32_t> out;
    for (const cri::FakeContainer* container : runtime.containers()) out.push_back(container->attempt());
    std::ranges::sort(out, std::greater<>());
    return out;
  }
  void crash(std::uint32_t restarts) {
    runtime.exitContainer("web", 1);
    ASSERT_TRUE(node.advanceUntil(
        [&] { return runtime.running() == std::vector<std::string>{"web#" + std::to_string(restarts)}; }, minutes(6)));
  }
  std::vector<std::string> namesIn(const std::string& path) {
    return listDirectory(path).value_or(std::vector<std::string>());
  }
  void makeFile(const std::string& path) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << "x";
  }
};

TEST_F(Gc, GC_1_OneDeadInstanceStays) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (std::uint32_t i = 1; i <= 3; ++i) crash(i);
  node.settle();
  EXPECT_EQ(attempts(), (std::vector<std::uint32_t>{3, 2}));
}

TEST_F(Gc, GC_1_ALogGoesWithItsContainerAndItsRotatedFiles) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  const std::string logs = node.temp / "logs/default_a_u1/web/";
  for (const char* name : {"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100", "1.log"})
    makeFile(logs + name);
  crash(1);
  crash(2);
  EXPECT_EQ(namesIn(logs), std::vector<std::string>{"1.log"});
}

TEST_F(Gc, GC_1_YoungOnesStayUntilTheirTime) {
  node.planOptions.minimumDeadAge = minutes(30);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  crash(1);
  crash(2);
  EXPECT_EQ(attempts(), (std::vector<std::uint32_t>{2, 1, 0}));
  node.advance(minutes(31));
  EXPECT_EQ(attempts(), (std::vector<std::uint32_t>{2, 1}));
}

TEST_F(Gc, GC_1_LimitOfTheNode) {
  node.planOptions.keepDead = 10;
  node.maximumDeadContainers = 2;
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (std::uint32_t i = 1; i <= 4; ++i) crash(i);
  node.settle();
  EXPECT_EQ(attempts(), (std::vector<std::uint32_t>{4, 3, 2}));
}

TEST_F(Gc, GC_2_ReplacedSandboxGoesWithItsLastContainer) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.killSandbox("a", true);
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == std::vector<std::string>{"web#1"}; }, minutes(1)));
  EXPECT_EQ(runtime.sandboxes().size(), 2u) << "the last dead container lies in it";
  crash(2);
  node.settle();
  EXPECT_EQ(runtime.sandboxes().size(), 1u);
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#2"});
}

TEST_F(Gc, GC_3_FailedRemovalIsAnEventAndTriedAgain) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.killSandbox("a", true);
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == std::vector<std::string>{"web#1"}; }, minutes(1)));
  runtime.failNext("RemovePodSandbox", Error(Code::kInternal, "", "busy"));
  crash(2);
  node.settle();
  EXPECT_TRUE(node.hasEvent("ContainerGCFailed", "busy"));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#2"});
  node.advance(seconds(11));
  EXPECT_EQ(runtime.sandboxes().size(), 1u);
}

// ---- On disk ----

TEST_F(Gc, GC_2_DirectoriesOfVanishedPodsGoOnceAllSourcesHaveDelivered) {
  makeFile(node.root("pods/gone/volumes/kubernetes.io~empty-dir/data/file"));
  makeFile(node.temp / "logs/default_old_gone/web/0.log");
  makeFile(node.temp / "logs/default_other_gone2/web/0.log");
  makeFile(node.temp / "logs/not-ours/file");
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")}, "file");
  EXPECT_TRUE(fs::exists(node.root("pods/gone"))) << "one source has not delivered";
  node.setPods({}, "http");
  node.advance(seconds(1));
  EXPECT_FALSE(fs::exists(node.root("pods/gone")));
  EXPECT_THAT(namesIn(node.temp / "logs"), UnorderedElementsAre("default_a_u1", "not-ours"));
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#0"});
  EXPECT_THAT(namesIn(node.root("terminations")), IsEmpty());
}

// The pod has a directory and nothing in the runtime, as after a reboot: it is wanted, so its log files must stay, they
// tell how often it has run.
TEST_F(Gc, GC_2_DirectoriesOfWantedPodsStay) {
  makeFile(node.temp / "logs/default_a_u1/web/4.log");
  makeFile(node.root("pods/u1/etc-hosts"));
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.running(), std::vector<std::string>{"web#5"});
  EXPECT_TRUE(fs::exists(node.temp / "logs/default_a_u1/web/4.log"));
}

TEST_F(Gc, GC_2_APodThatComesBackWhileItsLeftoversGoWaits) {
  makeFile(node.root("pods/u2/volumes/x/y"));
  node.startAgent();
  node.sync().setPods("file", std::vector<core::Pod>());
  node.sync().setPods("file", std::vector<core::Pod>{makePod("b", "u2")});
  node.settle();
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == std::vector<std::string>{"web#0"}; }, seconds(30)));
  EXPECT_FALSE(fs::exists(node.root("pods/u2/volumes/x/y")));
}

TEST_F(Gc, LOG_1_DanglingLinksAreSwept) {
  const std::string links = node.temp / "links";
  fs::create_directories(links);
  fs::create_symlink(node.temp / "logs/default_old_gone/web/0.log", links + "/old_default_web-dead1.log");
  fs::create_symlink("/nowhere/0.log", links + "/foreign_default_web-dead2.log");
  makeFile(node.temp / "logs/default_a_u1/web/9.log");
  fs::create_symlink(node.temp / "logs/default_a_u1/web/9.log", links + "/a_default_web-dead3.log");
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.settle();
  std::vector<std::string> left = namesIn(links);
  std::erase_if(left, [&](const std::string& name) { return name.find(runtime.container("web")->id) != name.npos; });
  EXPECT_THAT(left, UnorderedElementsAre("foreign_default_web-dead2.log", "a_default_web-dead3.log"));
}

TEST(LeftOnDisk, PodOfLogDirectory) {
  const auto text = [](std::string_view name) {
    const auto pod = podOfLogDirectory(name);
    return pod ? pod->first + " " + pod->second.ns + "/" + pod->second.name : "none";
  };
  EXPECT_EQ(text("kube-system_web-node1_0123-ab"), "0123-ab kube-system/web-node1");
  EXPECT_EQ(text("a.b_c.d_u"), "u a.b/c.d");
  for (const char* name : {"", "a", "a_b", "a_b_", "_b_c", "a__c", "a_b_c_d", "a_b_..", "lost+found"})
    EXPECT_EQ(text(name), "none") << name;
}

TEST(LeftOnDisk, LinksOfRunningContainersStayDuringARotation) {
  TempDir temp;
  layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs", .containerLogLinks = temp / "links"};
  fs::create_directories(dirs.containerLogLinks);
  for (const char* id : {"1a", "2b"})
    fs::create_symlink(temp / "logs/d_p_u/c/0.log", dirs.containerLogLinks + "/p_d_c-" + id + ".log");
  removeDanglingLinks(dirs, {"1a"});
  EXPECT_EQ(listDirectory(dirs.containerLogLinks).value(), std::vector<std::string>{"p_d_c-1a.log"});
}

TEST(LeftOnDisk, OnlyDirectoriesThatCouldBePods) {
  TempDir temp;
  layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs", .containerLogLinks = temp / "links"};
  EXPECT_THAT(podsOnDisk(dirs), IsEmpty());
  for (const char* name : {"root/pods/u1", "root/pods/lost+found", "logs/d_p_u1", "logs/d_q_u2"})
    fs::create_directories(temp / name);
  std::ofstream(temp / "root/pods/file") << "x";
  fs::create_directory_symlink(temp.path(), temp / "root/pods/link");
  std::vector<std::string> found;
  for (const auto& [uid, pod] : podsOnDisk(dirs)) found.push_back(uid + " " + pod.ns + "/" + pod.name);
  EXPECT_EQ(found, (std::vector<std::string>{"u1 d/p", "u2 d/q"}));
}

}  // namespace
}  // namespace cubelet::sync
