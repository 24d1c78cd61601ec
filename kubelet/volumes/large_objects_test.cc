// A pod with 500 large ConfigMaps.
#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>

#include "base/files.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet::volumes {
namespace {

constexpr int kVolumes = 500;
// A quarter of what an object may have: what is counted does not depend on it, and the disk has less to do.
constexpr std::size_t kSize = std::size_t{1} << 18;
constexpr int kThreads = 4;

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

// Memory for the bytes of a whole object, as the program asks for it: a copy of one cannot be made without.
struct Copies {
  std::atomic<int> held = 0;
  std::atomic<int> mostHeld = 0;
  std::atomic<int> madeByLoop = 0;
  std::atomic<bool> counts = false;
};
Copies copies;
thread_local bool isLoopThread = false;

void noteAllocation(void* memory) {
  if (!copies.counts || ::malloc_usable_size(memory) < kSize) return;
  const int held = ++copies.held;
  for (int most = copies.mostHeld; held > most && !copies.mostHeld.compare_exchange_weak(most, held);) continue;
  if (isLoopThread) ++copies.madeByLoop;
}
void noteRelease(void* memory) {
  if (copies.counts && ::malloc_usable_size(memory) >= kSize) --copies.held;
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
  // Runs the loop until all is done, and counts.
  void run(const int& left) {
    isLoopThread = true;
    copies.held = copies.mostHeld = copies.madeByLoop = 0;
    copies.counts = true;
    while (left > 0) loop.context().run_one();
    copies.counts = false;
    EXPECT_EQ(copies.madeByLoop, 0) << "nothing else happens while the loop moves that many bytes";
    EXPECT_LE(copies.mostHeld, kThreads) << "a buffer for what a thread reads, and no more";
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
  BlockingPool pool{loop, clock, kThreads};
  OneLargeConfigMap objects;
  layout::Directories dirs;
  Sources sources;
  core::Pod pod;
};

TEST_F(LargeObjects, CMS_2_AreWrittenBesideTheLoopAndWithoutCopies) {
  PodVolumes volumes(pool, clock, dirs, sources);
  TaskGroup tasks(loop);
  int left = kVolumes;
  for (const core::Volume& volume : pod.spec().volumes())
    tasks.spawn("set up", into<std::string>(volumes.setUp(pod, volume, std::make_shared<OwnershipWalk>()), &left));
  run(left);
  EXPECT_TRUE(allHold('a'));

  objects.set('b');
  left = 1;
  tasks.spawn("refresh", into<void>(volumes.refresh(pod), &left));
  run(left);
  EXPECT_TRUE(allHold('b'));
  left = 1;
  tasks.spawn("tear down", into<void>(volumes.tearDown("u1"), &left));
  run(left);
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::volumes

// Of this program as a whole.
void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  cubelet::volumes::noteAllocation(memory);
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  void* memory = std::malloc(size);
  if (memory != nullptr) cubelet::volumes::noteAllocation(memory);
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  cubelet::volumes::noteRelease(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  operator delete(memory);
}
