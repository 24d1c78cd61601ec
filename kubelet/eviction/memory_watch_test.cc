#include "kubelet/eviction/memory_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/task_group.h"

namespace cubelet::eviction {
namespace {

TEST(MemoryWatch, EVI_4_TheKernelTakesTheTrigger) {
  if (!Fd(::open(kMemoryPressureFile, O_RDWR | O_NONBLOCK | O_CLOEXEC)))
    GTEST_SKIP() << "no " << kMemoryPressureFile << " here";
  Loop loop;
  TaskGroup tasks(loop);
  tasks.spawn("watch", watchMemoryPressure(&loop, kMemoryPressureFile, [] {}));
  loop.poll();
  EXPECT_EQ(tasks.size(), 1u) << "it ends at once when it has nothing to wait for";
  loop.runToEnd(tasks.close());
}

TEST(MemoryWatch, EVI_4_WithoutTheKernelsWordThereIsNothingToWaitFor) {
  Loop loop;
  TaskGroup tasks(loop);
  tasks.spawn("watch", watchMemoryPressure(&loop, "/proc/there/is/none", [] {}));
  loop.poll();
  EXPECT_EQ(tasks.size(), 0u);
  loop.runToEnd(tasks.close());
}

}  // namespace
}  // namespace cubelet::eviction
