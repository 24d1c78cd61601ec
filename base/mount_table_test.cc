#include "base/mount_table.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_dir.h"

namespace cubelet {
namespace {

TEST(MountTable, IsReadWithEscapesAndWithoutWhatIsNoLine) {
  const std::vector<MountEntry> table = readMountInfo(
      "26 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "30 26 8:1 /data/a\\040b /mnt/a\\040b rw,nosuid shared:1 master:2 - ext4 /dev/sda rw\n"
      "junk\n"
      "31 26 0:4 / /proc rw");
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0].type, "ext4");
  EXPECT_FALSE(table[0].shared);
  EXPECT_EQ(table[1].device, "8:1");
  EXPECT_EQ(table[1].root, "/data/a b");
  EXPECT_EQ(table[1].target, "/mnt/a b");
  EXPECT_EQ(table[1].type, "ext4");
  EXPECT_TRUE(table[1].shared);
  EXPECT_EQ(table[2].target, "/proc");
  EXPECT_EQ(table[2].type, "");
}

TEST(MountTable, NamesTargetsWithoutTheLinksAboveThem) {
  TempDir dir;
  std::filesystem::create_directories(dir / "real/x");
  std::filesystem::create_symlink(dir / "real", dir / "link");
  std::filesystem::create_symlink(dir / "real", dir / "real/last");
  const std::string real = std::filesystem::canonical(dir / "real");
  EXPECT_EQ(asMounted(dir / "link/x"), real + "/x");
  EXPECT_EQ(asMounted(dir / "link/last"), real + "/last") << "what is mounted there is not looked at";
  EXPECT_EQ(asMounted(dir / "missing/x"), dir / "missing/x");
  EXPECT_EQ(asMounted("/proc"), "/proc");
}

TEST(MountTable, TellsOfThisMachine) {
  const Result<std::vector<MountEntry>> table = mountTable();
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(
      std::ranges::any_of(*table, [](const MountEntry& one) { return one.target == "/proc" && one.type == "proc"; }));
}

}  // namespace
}  // namespace cubelet
