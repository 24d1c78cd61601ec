// What the tests of ManifestDirectory share: the source on real directories. Nothing here sleeps: each step runs the
// loop until what must come has come.
#pragma once

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "staticpods/source/manifest_directory.h"
#include "staticpods/source/test_pods.h"

namespace cubelet::staticpods {

namespace fs = std::filesystem;

using Pods = std::map<std::string, std::string>;  // "file: pod" -> image

// Open, write and close, as an editor or cp does.
inline void put(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

inline void putAtomically(const std::string& path, const std::string& text) {
  const std::string temporary = fs::path(path).parent_path() / ".temporary";
  put(temporary, text);
  fs::rename(temporary, path);
}

// A file that stays open for writing.
class Writer {
 public:
  explicit Writer(const std::string& path, int flags = O_CREAT | O_TRUNC)
      : file_(::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0600)) {}
  void write(std::string_view text) { ASSERT_EQ(::write(file_.get(), text.data(), text.size()), ssize_t(text.size())); }
  void close() { file_.reset(); }

 private:
  Fd file_;
};

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() { fs::create_directory(manifests); }
  ~DirectoryTest() override { stop(); }

  void start(const std::string& path) {
    sets = 0;
    source = std::make_unique<ManifestDirectory>(
        loop, clock, pool,
        ManifestDirectory::Options{
            .path = path, .stateDirectory = dir / "state", .nodeName = "n1", .removalGrace = grace},
        [this](PodSet set) {
          ++sets;
          last = std::move(set);
        });
    group = std::make_unique<TaskGroup>(loop);
    group->spawn("source", source->run());
    ASSERT_TRUE(loop.runUntil([&] { return sets > 0; }, std::chrono::seconds(60)));
  }
  void start() { start(manifests); }
  void stop() {
    if (group) loop.runToEnd(group->close());
    group.reset();
    source.reset();
  }
  void restart() {
    awaitQuiet();
    stop();
    start();
  }

  Pods pods() const {
    Pods all;
    for (const StaticPod& pod : last.pods)
      all[fs::path(pod.file).filename().string() + ": " + pod.pod.metadata().name()] =
          pod.pod.spec().containers(0).image();
    return all;
  }
  std::string uid() const { return last.pods.size() == 1 ? last.pods[0].pod.metadata().uid() : ""; }
  // "file: problem | kept pods" of all problems.
  std::vector<std::string> problems() const {
    std::vector<std::string> lines;
    for (const FileProblem& problem : last.problems) {
      std::string line = fs::path(problem.file).filename().string() + ": " + problem.problems.at(0) + " |";
      for (const std::string& kept : problem.kept) line += " " + kept;
      lines.push_back(line);
    }
    return lines;
  }
  testing::AssertionResult await(const Pods& want) {
    if (loop.runUntil([&] { return pods() == want; }, std::chrono::seconds(60))) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "pods are " << testing::PrintToString(pods());
  }
  testing::AssertionResult awaitProblems(const testing::Matcher<std::vector<std::string>>& want) {
    if (loop.runUntil([&] { return want.Matches(problems()); }, std::chrono::seconds(60)))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "problems are " << testing::PrintToString(problems());
  }
  // Until all that has happened so far has been looked at: a file that is written now is seen, and its removal, too.
  void awaitQuiet() {
    const Pods before = pods();
    if (!fs::exists(manifests) || !fs::is_directory(manifests)) return;
    put(manifests + "/zz-probe", podText("probe"));
    ASSERT_TRUE(loop.runUntil([&] { return pods().contains("zz-probe: probe-n1"); }, std::chrono::seconds(60)));
    fs::remove(manifests + "/zz-probe");
    ASSERT_TRUE(loop.runUntil([&] { return !pods().contains("zz-probe: probe-n1"); }, std::chrono::seconds(60)));
    awaitIdle();
  }
  // Until no blocking call runs any more (each has a timer).
  void awaitIdle() {
    ASSERT_TRUE(loop.runUntil([&] { return clock.pendingTimers() == 0; }, std::chrono::seconds(60)));
    loop.poll();
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 4};
  TempDir dir;
  std::string manifests = dir / "manifests";
  Duration grace{0};  // most tests care for the end and not for the moment
  PodSet last;
  int sets = 0;
  std::unique_ptr<ManifestDirectory> source;
  std::unique_ptr<TaskGroup> group;
};

}  // namespace cubelet::staticpods
