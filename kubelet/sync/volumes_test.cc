// Pods whose volumes are late, fail or hang.
#include <condition_variable>
#include <filesystem>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "kubelet/sync/test_node.h"
#include "kubelet/volumes/attachments.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

// Stands for a network file system: nfs volumes fail, hang or work, by the name of the server.
class FakeNfs final : public volumes::VolumeType {
 public:
  ~FakeNfs() override { answer(); }
  bool handles(const core::VolumeSource& source) const override { return source.has_nfs(); }
  Result<std::string> setUp(const volumes::VolumeRequest& request) const override {
    std::unique_lock lock(mutex_);
    ++tries_;
    const std::string server = request.volume.volumesource().nfs().server();
    if (server == "hangs") changed_.wait(lock, [this] { return answering_; });
    if (server == "fails" && !answering_) return fail(Code::kInternal, "", "mount.nfs: access denied");
    if (server == "full")
      return fail(Code::kUnavailable, volumes::kAttachLimitExceeded, "the storage has no room on this node");
    if (server == "unbound" && !answering_)
      return fail(Code::kNotFound, volumes::kNotProcessed, "claim \"c\" not found");
    return std::string("/mnt/nfs");
  }
  // From now on whatever is asked works.
  void answer() {
    const std::scoped_lock lock(mutex_);
    answering_ = true;
    changed_.notify_all();
  }
  int tries() const {
    const std::scoped_lock lock(mutex_);
    return tries_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int tries_ = 0;
  bool answering_ = false;
};

struct PodVolumesSync : testing::Test {
  PodVolumesSync() {
    types = {&nfs};  // before the one that really mounts
    types.insert(types.end(), volumes::builtInTypes().begin(), volumes::builtInTypes().end());
    node.volumeTypes = types;
    node.startAgent();
  }
  ~PodVolumesSync() override {
    nfs.answer();
    node.settle();
  }
  static void addNfs(core::Pod& pod, const std::string& name, const std::string& server) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    volume->mutable_volumesource()->mutable_nfs()->set_server(server);
  }
  static void addEmptyDir(core::Pod& pod, const std::string& name) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    volume->mutable_volumesource()->mutable_emptydir();
  }
  // As setPods, but for calls that hang.
  void want(std::vector<core::Pod> pods, const std::function<bool()>& until) {
    node.sync().setPods("file", std::move(pods));
    await(until);
  }
  // Threads make no news on the loop while they hang.
  void await(const std::function<bool()>& until) {
    const auto end = std::chrono::steady_clock::now() + seconds(10);
    while (!until() && std::chrono::steady_clock::now() < end) {
      node.loop.poll();
      std::this_thread::yield();
    }
    EXPECT_TRUE(until());
  }

  FakeNfs nfs;
  std::vector<const volumes::VolumeType*> types;
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
};

TEST_F(PodVolumesSync, VOL_1_NothingStartsBeforeAllVolumesAreReady) {
  core::Pod pod = makePod("a", "u1");
  addEmptyDir(pod, "cache");
  addNfs(pod, "data", "fails");
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_EQ(node.status("a").phase(), "Pending");
  EXPECT_EQ(node.waitingReason("a"), "ContainerCreating");
  EXPECT_EQ(node.status("a").containerstatuses(0).state().waiting().message(),
            "unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: "
            "MountVolume.SetUp failed for volume \"data\" : mount.nfs: access denied");
  nfs.answer();
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

TEST_F(PodVolumesSync, VOL_2_AFailingSetUpIsTold) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "fails");
  node.setPods({pod});
  EXPECT_TRUE(node.hasEvent("FailedMount", "MountVolume.SetUp failed for volume \"data\" : mount.nfs: access denied"));
}

TEST_F(PodVolumesSync, VOL_2_WhatCannotBePlannedIsToldOfAllThatIsMissing) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "unbound");
  node.setPods({pod});
  EXPECT_TRUE(node.hasEvent("FailedMount",
                            "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], "
                            "failed to process volumes=[data]: claim \"c\" not found"));
}

TEST_F(PodVolumesSync, CSI_19_APodWhoseVolumeTheNodeCannotHaveIsRejected) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "full");
  node.setPods({pod});
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("a").reason(), "VolumeAttachmentLimitExceeded");
  EXPECT_EQ(node.status("a").message(),
            "Pod was rejected: MountVolume.SetUp failed for volume \"data\" : the storage has no room on this node");
  node.advance(seconds(200));
  EXPECT_EQ(nfs.tries(), 1);
}

TEST_F(PodVolumesSync, CSI_17_NewsOfADriverEndTheBackOff) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "fails");
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{});
  nfs.answer();
  node.sync().retryVolumes();
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#0"}) << "at once";
}

TEST_F(PodVolumesSync, CSI_20_WhoHasVolumesIsKnownOnceAllPodsAre) {
  node.stopAgent();
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")});
  EXPECT_FALSE(node.sync().uids()) << "a source is silent";
  node.setPods({}, "http");
  ASSERT_TRUE(node.sync().uids());
  EXPECT_TRUE(node.sync().uids()->contains("u1"));
}

TEST_F(PodVolumesSync, VOL_3_EachVolumeBacksOffFromHalfASecondToTwoMinutes) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "fails");
  node.setPods({pod});
  std::vector<milliseconds> pauses;
  milliseconds since{0};
  for (int seen = nfs.tries(); pauses.size() < 10; since += milliseconds(500)) {
    if (nfs.tries() != seen) {
      pauses.push_back(since);
      since = milliseconds(0);
      seen = nfs.tries();
    }
    node.advance(milliseconds(500));
  }
  std::vector<milliseconds> want;
  for (int ms : {500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 122000, 122000}) want.emplace_back(ms);
  EXPECT_EQ(pauses, want);
}

TEST_F(PodVolumesSync, VOL_1_AVolumeThatHangsHoldsUpNoOther) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "hung", "hangs");
  addNfs(pod, "fails", "fails");
  addEmptyDir(pod, "cache");
  const std::string cache = node.root("pods/u1/volumes/kubernetes.io~empty-dir/cache");
  want({pod}, [&] { return std::filesystem::exists(cache) && node.hasEvent("FailedMount", "\"fails\""); });
  const int tries = nfs.tries();
  // The next try of the one is not held up by the other.
  node.clock.advance(milliseconds(500));
  await([&] { return nfs.tries() > tries; });
}

TEST_F(PodVolumesSync, VOL_1_AVolumeThatHangsHoldsUpNoOtherPod) {
  core::Pod hung = makePod("a", "u1");
  addNfs(hung, "hung", "hangs");
  core::Pod other = makePod("b", "u2");
  addEmptyDir(other, "cache");
  want({hung, other}, [&] { return runtime.running() == Names{"web#0"}; });
  EXPECT_EQ(node.status("b").phase(), "Running");
}

TEST_F(PodVolumesSync, VOL_1_AHungCallIsGivenUpAndNotRepeatedWhileItHangs) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "hung", "hangs");
  want({pod}, [&] { return nfs.tries() == 1; });
  node.clock.advance(seconds(123));
  EXPECT_TRUE(node.hasEvent("FailedMount", "no answer within 2m3s"));
  node.advance(seconds(1));
  EXPECT_EQ(nfs.tries(), 1);
  nfs.answer();
  // The thread that hung needs its own time to end, whatever the clock says.
  await([&] {
    node.advance(seconds(1));
    return runtime.running() == Names{"web#0"};
  });
}

TEST_F(PodVolumesSync, VOL_5_AVolumeThatNobodyMountsIsSetUpAllTheSame) {
  core::Pod pod = makePod("a", "u1");
  addEmptyDir(pod, "unused");
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_TRUE(std::filesystem::exists(node.root("pods/u1/volumes/kubernetes.io~empty-dir/unused")));
}

TEST_F(PodVolumesSync, TRM_9_APodWhoseVolumesNeverMountedIsGoneWithinSeconds) {
  core::Pod pod = makePod("a", "u1");
  addNfs(pod, "data", "fails");
  addEmptyDir(pod, "cache");
  node.setPods({pod});
  node.advance(seconds(300));
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return !std::filesystem::exists(node.root("pods/u1")); }, seconds(3)));
  EXPECT_EQ(node.sync().find("default/a"), nullptr);
}

TEST_F(PodVolumesSync, VOL_9_AnUnsetVariableKeepsTheContainerWaiting) {
  core::Pod pod = makePod("a", "u1");
  addEmptyDir(pod, "data");
  auto* mount = pod.mutable_spec()->mutable_containers(0)->add_volumemounts();
  mount->set_name("data");
  mount->set_mountpath("/data");
  mount->set_subpathexpr("$(WHO)/x");
  node.setPods({pod});
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_TRUE(node.hasEvent("Failed", "Error: missing value for WHO"));
  EXPECT_EQ(node.countCalls("CreateContainer"), 0u);
}

}  // namespace
}  // namespace cubelet::sync
