#include "kubelet/sync/termination_message.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "kubelet/observe/from_cri.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string logLine(const std::string& text, char tag = 'F') {
  return "2027-01-15T08:00:00.000000000Z stdout " + std::string(1, tag) + " " + text + "\n";
}

// ---- Files ----

TEST(TerminationMessageFile, CFG_14_AnyUserMayWriteItWhateverTheUmask) {
  TempDir temp;
  const layout::Directories dirs{.root = temp.path()};
  const mode_t before = ::umask(077);
  Result<std::string> first = makeTerminationMessageFile(dirs, "u1", "web");
  Result<std::string> second = makeTerminationMessageFile(dirs, "u1", "web");
  ::umask(before);
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_TRUE(first->starts_with(temp / "pods/u1/containers/web/")) << *first;
  struct stat status{};
  ASSERT_EQ(::stat(first->c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0666u);
  observe::ObservedContainer container;
  container.name = "web";
  container.terminationMessageFile = *first;
  EXPECT_EQ(ownTerminationMessageFile(dirs, "u1", container), *first);
}

TEST(TerminationMessageFile, WhatAVolumeBringsIsNotOurs) {
  const layout::Directories dirs{.root = "/r"};
  observe::ObservedContainer container;
  container.name = "web";
  for (const char* path : {"", "/etc/shadow", "/r/pods/u1/containers/web", "/r/pods/u1/containers/web/",
                           "/r/pods/u1/containers/web/../../x", "/r/pods/u1/containers/web/0123abcd/x",
                           "/r/pods/u2/containers/web/0123abcd", "/r/pods/u1/containers/web/0123ABCD"}) {
    container.terminationMessageFile = path;
    EXPECT_EQ(ownTerminationMessageFile(dirs, "u1", container), "") << path;
  }
}

// ---- Logs ----

TEST(LastLogLines, CFG_15_EightyLines) {
  std::string log;
  for (int i = 0; i < 81; ++i) log += logLine(std::to_string(i));
  const std::string last = lastLogLines(log, false);
  EXPECT_TRUE(last.starts_with("1\n2\n")) << last.substr(0, 10);
  EXPECT_TRUE(last.ends_with("\n80\n"));
  EXPECT_EQ(lastLogLines(log.substr(log.find('\n') + 1), false), last) << "exactly eighty stay whole";
}

TEST(LastLogLines, CFG_15_2048Bytes) {
  const std::string last = lastLogLines(logLine(std::string(3000, 'a')) + logLine("end"), false);
  EXPECT_EQ(last.size(), 2048u);
  EXPECT_TRUE(last.ends_with("a\nend\n"));
}

TEST(LastLogLines, WhatBeginsInsideALineIsLeftOut) {
  EXPECT_EQ(lastLogLines("0Z stdout F half\n" + logLine("whole"), true), "whole\n");
  EXPECT_EQ(lastLogLines("no line at all", true), "");
  EXPECT_EQ(lastLogLines("", false), "");
}

TEST(LastLogLines, PartsOfALineAreJoined) {
  EXPECT_EQ(lastLogLines(logLine("a", 'P') + logLine("b"), false), "ab\n");
}

// ---- Messages ----

struct Messages : testing::Test {
  Messages() {
    pod.uid = "u1";
    pod.name = "a";
    pod.ns = "default";
    observe::ObservedContainer container;
    container.id = "c1";
    container.name = "web";
    container.state = observe::ContainerState::kExited;
    container.exitCode = 1;
    container.reason = "Error";
    container.annotations[observe::kMessagePolicyAnnotation] = "FallbackToLogsOnError";
    container.terminationMessageFile = *makeTerminationMessageFile(dirs, "u1", "web");
    pod.containers.push_back(container);
  }
  observe::ObservedContainer& container() { return pod.containers[0]; }
  std::string message(std::size_t containers = 1) {
    observe::ObservedPod copy = pod;
    messages.addTo(copy, containers);
    return copy.containers[0].message;
  }
  void writeLog(const std::string& text) { write(temp / "logs/default_a_u1/web/0.log", text); }

  TempDir temp;
  layout::Directories dirs{.root = temp / "root", .podLogs = temp / "logs"};
  observe::ObservedPod pod;
  TerminationMessages messages{dirs};
};

TEST_F(Messages, CFG_15_TheLast4096BytesOfTheFile) {
  write(container().terminationMessageFile, "x" + std::string(4095, 'a') + "b");
  EXPECT_EQ(message(), std::string(4095, 'a') + "b");
}

TEST_F(Messages, CFG_15_LogIsUsedAfterAnErrorWithoutAFile) {
  writeLog(logLine("from the log"));
  EXPECT_EQ(message(), "from the log\n");
}

TEST_F(Messages, CFG_15_FileComesBeforeTheLog) {
  writeLog(logLine("from the log"));
  write(container().terminationMessageFile, "from the file");
  EXPECT_EQ(message(), "from the file");
}

TEST_F(Messages, CFG_16_NoLogAfterSuccess) {
  writeLog(logLine("from the log"));
  container().exitCode = 0;
  EXPECT_EQ(message(), "");
}

TEST_F(Messages, CFG_15_PolicyFileNeverUsesTheLog) {
  writeLog(logLine("from the log"));
  container().annotations[observe::kMessagePolicyAnnotation] = "File";
  EXPECT_EQ(message(), "");
}

TEST_F(Messages, CFG_15_TwelveKibibytesAreShared) {
  write(container().terminationMessageFile, "b" + std::string(4095, 'a'));
  EXPECT_EQ(message(3).size(), 4096u);
  EXPECT_EQ(message(6), "b" + std::string(2047, 'a'));
}

TEST_F(Messages, RuntimesOwnMessageComesFirst) {
  container().message = "the runtime says";
  EXPECT_EQ(message(), "the runtime says");
  container().reason = "OOMKilled";
  write(container().terminationMessageFile, "the program says");
  EXPECT_EQ(message(), "the runtime says: the program says");
}

TEST_F(Messages, IsReadOnceForEachAccountOfTheEnd) {
  write(container().terminationMessageFile, "first");
  EXPECT_EQ(message(), "first");
  write(container().terminationMessageFile, "second");
  EXPECT_EQ(message(), "first");
  container().finishedAt += seconds(1);
  EXPECT_EQ(message(), "second");
}

TEST_F(Messages, LinkIsNotFollowed) {
  write(temp / "secret", "secret");
  std::filesystem::remove(container().terminationMessageFile);
  std::filesystem::create_symlink(temp / "secret", container().terminationMessageFile);
  EXPECT_TRUE(message().starts_with("Error on reading termination log ")) << message();
}

TEST_F(Messages, FifoDoesNotBlock) {
  std::filesystem::remove(container().terminationMessageFile);
  ASSERT_EQ(::mkfifo(container().terminationMessageFile.c_str(), 0666), 0);
  EXPECT_TRUE(message().ends_with(" is not a regular file")) << message();
}

TEST_F(Messages, MissingFileIsAnEmptyOne) {
  std::filesystem::remove(container().terminationMessageFile);
  EXPECT_EQ(message(), "");
}

TEST_F(Messages, RunningInstancesHaveNone) {
  write(container().terminationMessageFile, "not yet");
  container().state = observe::ContainerState::kRunning;
  EXPECT_EQ(message(), "");
}

// ---- With a runtime ----

struct TerminationMessageSync : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;

  // As the program in the newest instance would see it.
  std::string fileOf(const std::string& container) {
    for (const auto& mount : runtime.container(container)->config.mounts())
      if (mount.container_path() == "/dev/termination-log") return mount.host_path();
    return "";
  }
  std::size_t files() {
    const std::string directory = node.root("pods/u1/containers/web");
    if (!std::filesystem::exists(directory)) return 0;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
  }
};

TEST_F(TerminationMessageSync, CFG_14_MessageIsShownAlsoAfterARestartOfTheAgent) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_restartpolicy("Never");
  node.setPods({pod});
  ASSERT_TRUE(std::filesystem::exists(fileOf("web")));
  write(fileOf("web"), "disk full");
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(node.status("a").containerstatuses(0).state().terminated().message(), "disk full");
  node.stopAgent();
  node.startAgent();
  node.setPods({pod});
  EXPECT_EQ(node.status("a").containerstatuses(0).state().terminated().message(), "disk full");
}

TEST_F(TerminationMessageSync, CFG_14_EachInstanceHasItsOwnFileAndTakesItAlong) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (int round = 0; round < 4; ++round) {
    const std::string file = fileOf("web");
    write(file, "round " + std::to_string(round));
    runtime.exitContainer("web", 1);
    ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(100)));
    EXPECT_NE(fileOf("web"), file);
    EXPECT_EQ(node.status("a").containerstatuses(0).laststate().terminated().message(),
              "round " + std::to_string(round));
  }
  EXPECT_EQ(files(), 2u) << "of the running instance and of the one before";
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(60)));
  EXPECT_FALSE(std::filesystem::exists(node.root("pods/u1")));
}

TEST_F(TerminationMessageSync, FailedCreateLeavesNoFileBehind) {
  node.startAgent();
  runtime.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(files(), 0u);
  node.advance(seconds(11));
  EXPECT_EQ(files(), 1u);
}

TEST_F(TerminationMessageSync, NET_8_MissingClusterDnsIsTold) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.hasEvent("MissingClusterDNS", "pod: \"a_default(u1)\". "));
  EXPECT_TRUE(node.hasEvent("MissingClusterDNS", "Falling back to \"Default\" policy."));
}

}  // namespace
}  // namespace cubelet::sync
