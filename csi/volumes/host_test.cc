#include "csi/volumes/host.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/temp_dir.h"

namespace cubelet::csi {
namespace {

namespace fs = std::filesystem;

TEST(MountInfo, IsReadWithEscapes) {
  const auto table = readMountInfo(
      "26 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "30 26 8:1 /data/a\\040b /mnt/a\\040b rw shared:1 - ext4 /dev/sda rw\n"
      "junk\n");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[1].device, "8:1");
  EXPECT_EQ(table[1].root, "/data/a b");
  EXPECT_EQ(table[1].target, "/mnt/a b");
}

TEST(SystemHost, WritesAndRemovesOnlyWhatIsEmpty) {
  Loop loop;
  SystemClock clock(loop);
  BlockingPool pool(loop, clock, 2);
  SystemHost host(pool);
  TempDir dir;
  const std::string made = dir / "a/b";
  ASSERT_TRUE(loop.runToEnd(host.makeDirectory(made)));
  struct stat info = {};
  ASSERT_EQ(::stat(made.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  ASSERT_TRUE(loop.runToEnd(host.saveRecord(made + "/r.json", "{}")));
  ASSERT_TRUE(loop.runToEnd(host.writeFile(made + "/w", "text")));
  ASSERT_TRUE(loop.runToEnd(host.removeIfEmpty(made)));
  EXPECT_TRUE(fs::exists(made + "/r.json"));
  ASSERT_TRUE(loop.runToEnd(host.removeFile(made + "/r.json")));
  ASSERT_TRUE(loop.runToEnd(host.removeFile(made + "/w")));
  ASSERT_TRUE(loop.runToEnd(host.removeIfEmpty(made)));
  ASSERT_TRUE(loop.runToEnd(host.removeIfEmpty(made))) << "missing is no error";
  EXPECT_FALSE(fs::exists(made));
  EXPECT_FALSE(loop.runToEnd(host.isMounted(dir.path())).value());
  EXPECT_TRUE(loop.runToEnd(host.isMounted("/proc")).value());
  EXPECT_TRUE(loop.runToEnd(host.otherMounts(dir.path())).value().empty());
}

}  // namespace
}  // namespace cubelet::csi
