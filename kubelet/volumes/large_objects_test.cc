// A pod with 500 ConfigMaps of 1 MiB each.
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet::volumes {
namespace {

constexpr int kVolumes = 500;
constexpr std::size_t kSize = std::size_t{1} << 20;
constexpr double kMiB = 1024;  // in KiB

// Every name is the same object: what is counted is what volumes need on top of what the watches hold anyway.
class OneLargeConfigMap final : public objects::FakeObjects {
 public:
  OneLargeConfigMap() { set('a'); }
  void set(char letter) {
    auto object = std::make_shared<core::ConfigMap>();
    (*object->mutable_data())["large"] = std::string(kSize, letter);
    object_ = std::move(object);
  }
  Task<Result<objects::ConfigMapPtr>> configMap(std::string, std::string) override { co_return object_; }

 private:
  objects::ConfigMapPtr object_;
};

// In KiB. The peak counts from resetPeak().
double residentPeak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr);
  return 0;
}
bool resetPeak() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;
  return refs.good();
}

// Of this thread: what other threads and other programs do does not count.
double cpuMilliseconds() {
  struct timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

template <class T>
Task<void> into(Task<Result<T>> task, int* left) {
  Result<T> done = co_await std::move(task);
  EXPECT_TRUE(done) << done.error().message;
  --*left;
}

struct LargeObjects : testing::Test {
  LargeObjects() {
    dirs.root = temp.path();
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_metadata()->set_namespace_("default");
    for (int i = 0; i < kVolumes; ++i) {
      core::Volume* volume = pod.mutable_spec()->add_volumes();
      volume->set_name("v" + std::to_string(i));
      volume->mutable_volumesource()->mutable_configmap()->mutable_localobjectreference()->set_name(volume->name());
    }
    sources.objects = &objects;
  }
  // Runs the loop until all is done; the longest that it was held up by one thing, in ms.
  double run(const int& left) {
    double longest = 0;
    while (left > 0) {
      const double begin = cpuMilliseconds();
      loop.context().run_one();
      longest = std::max(longest, cpuMilliseconds() - begin);
    }
    return longest;
  }
  bool allHold(char letter) {
    const std::string want(kSize, letter);
    for (const core::Volume& volume : pod.spec().volumes()) {
      Result<std::string> text =
          readFile(temp / "pods/u1/volumes/kubernetes.io~configmap/" + volume.name() + "/large", kSize);
      if (!text || *text != want) return false;
    }
    return true;
  }

  TempDir temp;
  Loop loop;
  SystemClock clock{loop};
  BlockingPool pool{loop, clock, 4};
  OneLargeConfigMap objects;
  layout::Directories dirs;
  Sources sources;
  core::Pod pod;
};

TEST_F(LargeObjects, CMS_2_AreWrittenBesideTheLoopAndWithoutCopies) {
  PodVolumes volumes(pool, clock, dirs, sources);
  TaskGroup tasks(loop);
  if (!resetPeak()) GTEST_SKIP() << "no figures of memory here";
  const double before = residentPeak();
  int left = kVolumes;
  for (const core::Volume& volume : pod.spec().volumes())
    tasks.spawn("set up", into<std::string>(volumes.setUp(pod, volume, std::make_shared<OwnershipWalk>()), &left));
  const double setUp = run(left);
  EXPECT_TRUE(allHold('a'));

  objects.set('b');
  left = 1;
  tasks.spawn("refresh", into<void>(volumes.refresh(pod), &left));
  const double refreshed = run(left);
  EXPECT_TRUE(allHold('b'));
  left = 1;
  tasks.spawn("tear down", into<void>(volumes.tearDown("u1"), &left));
  run(left);

  EXPECT_LT(setUp, 20) << "ms in which nothing else could happen";
  EXPECT_LT(refreshed, 20);
  // Each try has a copy of the pod, which is large with so many volumes; a copy of what they hold would be 500 MiB
  // more.
  EXPECT_LT(residentPeak() - before, 400 * kMiB) << "KiB";
  RecordProperty("peak_kib", static_cast<int>(residentPeak() - before));
  std::printf("held up %.2f and %.2f ms, peak %.0f MiB\n", setUp, refreshed, (residentPeak() - before) / kMiB);
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::volumes
