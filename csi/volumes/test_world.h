// A machine with a driver on which agents come and go, for the tests of this folder.
#pragma once

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/park.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "base/wake.h"
#include "csi/fake/fake_driver.h"
#include "csi/volumes/volumes.h"

namespace cubelet::csi {

// Kills the agent at one of its effects: before it, or after it with the answer lost. The agent's tasks sleep from then
// on; whoever made them cancels them.
struct Crash {
  int at = 0;  // the effect's number; two per call: before and after. 0: never
  int count = 0;
  bool dead = false;

  Task<void> point() {
    if (++count == at) dead = true;
    Park never;
    while (dead) {
      co_await never.wait();
      co_await throwIfCancelled();
    }
  }
};

// What a power cut leaves of the journal: files by path.
using Disk = std::map<std::string, std::string>;

// Real directories, the mount table of the fake driver.
class TestHost : public Host {
 public:
  TestHost(Crash& crash, FakeMounts& mounts, Disk& disk) : crash_(crash), mounts_(mounts), disk_(disk) {}

  Task<Result<void>> appendRecords(std::string path, std::string lines, Flush flush) override {
    co_await crash_.point();
    if (!std::filesystem::exists(path)) co_return fail(Code::kNotFound, "", "no file " + path);
    // Killed in the middle of it, too.
    std::ofstream file(path, std::ios::app);
    file << lines.substr(0, lines.size() / 2) << std::flush;
    co_await crash_.point();
    file << lines.substr(lines.size() / 2) << std::flush;
    if (flush == Flush::kYes) {
      ++flushes;
      disk_[path] = readFile(path, 1 << 20).value();
    }
    co_await crash_.point();
    co_return Result<void>();
  }
  Task<Result<void>> replaceRecords(std::string path, std::string content, std::vector<std::string> obsolete) override {
    co_await crash_.point();
    ++flushes;
    Result<void> done = writeFileAtomic(path, content, 0600, Flush::kNo);
    disk_[path] = content;
    co_await crash_.point();
    for (const std::string& file : obsolete) {
      if (done) done = cubelet::removeFile(file);
      disk_.erase(file);
      co_await crash_.point();
    }
    co_return done;
  }
  Task<Result<void>> prepare(std::vector<std::string> directories, std::string file, std::string content) override {
    co_await crash_.point();
    for (const std::string& directory : directories) {
      if (Result<void> made = makeDirectories(directory, 0750); !made) co_return made;
      co_await crash_.point();
    }
    Result<void> done = writeFileAtomic(file, content, 0600, Flush::kNo);
    co_await crash_.point();
    co_return done;
  }
  Task<Result<bool>> clear(std::string target, std::vector<std::string> rest) override {
    co_await crash_.point();
    if (mounts_.contains(target)) co_return true;
    ::rmdir(target.c_str());
    co_await crash_.point();
    for (const std::string& path : rest) {
      std::error_code notEmpty;
      std::filesystem::remove(path, notEmpty);
      co_await crash_.point();
    }
    co_return false;
  }
  Task<Result<bool>> isMounted(std::string path) override { co_return mounts_.contains(path); }
  Task<Result<std::vector<std::string>>> otherMounts(std::string) override { co_return others; }

  Task<Result<std::vector<std::string>>> mountsBelow(std::string directory) override {
    std::vector<std::string> targets;
    for (const auto& [path, what] : mounts_)
      if (path.starts_with(directory + "/")) targets.push_back(path);
    co_return targets;
  }
  Task<Result<void>> unmount(std::string path) override {
    co_await crash_.point();
    mounts_.erase(path);
    co_return Result<void>();
  }
  Task<Result<void>> mapDevice(DeviceMap map) override {
    co_await crash_.point();
    Result<void> made = makeDirectories(map.link.substr(0, map.link.rfind('/')), 0750);
    if (made) std::filesystem::remove(map.link);
    if (made) std::filesystem::create_symlink(map.device, map.link);
    mounts_[map.bound] = map.device;
    co_await crash_.point();
    co_return made;
  }
  Task<Result<void>> unmapDevice(DeviceMap map) override {
    co_await crash_.point();
    std::filesystem::remove(map.link);
    mounts_.erase(map.bound);
    co_await crash_.point();
    co_return Result<void>();
  }

  std::vector<std::string> others;
  int flushes = 0;

 private:
  Crash& crash_;
  FakeMounts& mounts_;
  Disk& disk_;
};

// The way to the driver: a kill may come before the request leaves, or while its answer is under way.
class CrashingNode final : public NodeService {
 public:
  CrashingNode(Crash& crash, NodeService& driver) : crash_(crash), driver_(driver) {}

  Task<Result<v1::GetPluginInfoResponse>> pluginInfo() override { return driver_.pluginInfo(); }
  Task<Result<bool>> probe() override { return driver_.probe(); }
  Task<Result<v1::NodeGetInfoResponse>> nodeInfo() override { return driver_.nodeInfo(); }
  Task<Result<NodeCapabilities>> capabilities() override { return driver_.capabilities(); }
  Task<Result<void>> stage(v1::NodeStageVolumeRequest request) override {
    return around<void>(driver_.stage(std::move(request)));
  }
  Task<Result<void>> unstage(v1::NodeUnstageVolumeRequest request) override {
    return around<void>(driver_.unstage(std::move(request)));
  }
  Task<Result<void>> publish(v1::NodePublishVolumeRequest request) override {
    return around<void>(driver_.publish(std::move(request)));
  }
  Task<Result<void>> unpublish(v1::NodeUnpublishVolumeRequest request) override {
    return around<void>(driver_.unpublish(std::move(request)));
  }
  Task<Result<v1::NodeGetVolumeStatsResponse>> volumeStats(v1::NodeGetVolumeStatsRequest request) override {
    return around<v1::NodeGetVolumeStatsResponse>(driver_.volumeStats(std::move(request)));
  }
  Task<Result<v1::NodeExpandVolumeResponse>> expand(v1::NodeExpandVolumeRequest request) override {
    return around<v1::NodeExpandVolumeResponse>(driver_.expand(std::move(request)));
  }

 private:
  template <class T>
  Task<Result<T>> around(Task<Result<T>> call) {
    co_await crash_.point();
    Result<T> answer = co_await std::move(call);
    co_await crash_.point();
    co_return answer;
  }
  Crash& crash_;
  NodeService& driver_;
};

struct OneDriver final : Drivers {
  explicit OneDriver(std::shared_ptr<NodeService> n) : node(std::move(n)) {}
  Task<Result<std::shared_ptr<NodeService>>> find(std::string driver) override {
    if (missing) co_return fail(Code::kUnavailable, "", "driver name " + driver + " not found");
    co_return node;
  }
  void askAgain(const std::string& driver) override { askedAgain.push_back(driver); }
  std::shared_ptr<NodeService> node;
  std::vector<std::string> askedAgain;
  bool missing = false;
};

struct World {
  World() { driver.can.volumeCondition = false; }
  ~World() { stop(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // A new agent on the same machine.
  void start() {
    stop();
    crash = Crash();
    drivers = std::make_unique<OneDriver>(std::make_shared<CrashingNode>(crash, driver));
    host = std::make_unique<TestHost>(crash, mounts, disk);
    volumes = std::make_unique<Volumes>(
        *host, *drivers,
        Volumes::Options{.root = dir.path(), .nodeName = "n1", .bootId = "boot-" + std::to_string(boot)});
    tasks = std::make_unique<TaskGroup>(loop);
    problems = volumes->load();
  }
  void stop() {
    if (tasks) loop.runToEnd(tasks->close());
    tasks.reset();
  }
  // By a power cut.
  void reboot() {
    stop();
    driver.reboot();
    for (const std::string& name : listDirectory(dir / "cubelet/volumes").value_or(std::vector<std::string>()))
      if (name.starts_with("journal.")) std::filesystem::remove(dir / ("cubelet/volumes/" + name));
    for (const auto& [path, content] : disk) std::ofstream(path) << content;
    ++boot;
  }

  template <class T>
  static Task<void> into(Task<Result<T>> task, std::shared_ptr<std::optional<Result<T>>> answer) {
    Result<T> done = co_await std::move(task);
    answer->emplace(std::move(done));
  }
  // Nothing: the agent has died.
  template <class T>
  std::optional<Result<T>> run(Task<Result<T>> task) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    tasks->spawn("call", into<T>(std::move(task), answer));
    while (!*answer && !crash.dead) loop.context().run_one();
    return *answer;
  }

  VolumeSpec spec(const std::string& handle) {
    VolumeSpec spec;
    spec.driver = "fake.csi";
    spec.handle = handle;
    spec.name = "pv-" + handle;
    spec.attachable = true;
    return spec;
  }
  PodUse pod(const std::string& uid) {
    PodUse use;
    use.uid = uid;
    use.name = "pod-" + uid;
    use.ns = "default";
    return use;
  }
  // Files but the journal, and directories of volumes: what must not be left.
  std::vector<std::string> leftovers() const {
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
      const std::string name = entry.path().filename();
      if (name.starts_with("journal.")) continue;
      if (entry.is_regular_file() || name == "mount" || name == "globalmount") left.push_back(entry.path());
    }
    return left;
  }

  Loop loop;
  ManualClock clock{loop};
  TempDir dir{memoryDirectory()};
  FakeMounts mounts;
  Disk disk;
  FakeDriver driver{clock, mounts};
  int boot = 1;
  Crash crash;
  std::unique_ptr<OneDriver> drivers;
  std::unique_ptr<TestHost> host;
  std::unique_ptr<Volumes> volumes;
  std::unique_ptr<TaskGroup> tasks;
  std::vector<Error> problems;
};

}  // namespace cubelet::csi
