#include "kubelet/plan/dead_containers.h"

#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

using Beyond = std::map<std::string, std::set<std::string>>;

// Two pods: web has three dead ones of a and one that runs, db two dead ones of b, the newest of them a dead one. The
// instances of web were made 60, 59, 58 and 57 minutes ago, those of db 60 and 59.
struct TwoPods {
  TwoPods() {
    web.pod().uid = "web";
    db.pod().uid = "db";
  }
  Beyond beyond(std::size_t most) const { return beyondNodeLimit({&web.pod(), &db.pod()}, most); }

  Have web = Have().sandbox().exited("a", 1).exited("a", 1).exited("a", 1).running("a");
  Have db = Have().sandbox().exited("b", 1).exited("b", 1);
};

TEST(DeadContainers, GC_1_RoomForAll) {
  EXPECT_EQ(TwoPods().beyond(5), Beyond());
}

TEST(DeadContainers, GC_1_TheOldestGoFirst) {
  EXPECT_EQ(TwoPods().beyond(4), (Beyond{{"web", {"a/0"}}}));
  EXPECT_EQ(TwoPods().beyond(3), (Beyond{{"web", {"a/0"}}, {"db", {"b/0"}}}));
}

TEST(DeadContainers, GC_1_TheNewestOfAContainerStays) {
  EXPECT_EQ(TwoPods().beyond(0), (Beyond{{"web", {"a/0", "a/1", "a/2"}}, {"db", {"b/0"}}}));
}

}  // namespace
}  // namespace cubelet::plan::test
