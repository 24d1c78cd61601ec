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
  ASSERT_TRUE(loop.runToEnd(host.writeFile(made + "/r.json", "{}")));
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

TEST(SystemHost, CSI_20_AddsRecordsToAFileThatThereIsAndReplacesOlderOnes) {
  Loop loop;
  SystemClock clock(loop);
  BlockingPool pool(loop, clock, 2);
  SystemHost host(pool);
  TempDir dir;
  const auto content = [&](const char* name) {
    std::ifstream file(dir / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(loop.runToEnd(host.appendRecords(dir / "j.1", "a\n", Flush::kYes)).error().code, Code::kNotFound);
  ASSERT_TRUE(loop.runToEnd(host.replaceRecords(dir / "j.1", "a\n", {})));
  ASSERT_TRUE(loop.runToEnd(host.appendRecords(dir / "j.1", "b\n", Flush::kYes)));
  ASSERT_TRUE(loop.runToEnd(host.appendRecords(dir / "j.1", "c\n", Flush::kNo)));
  EXPECT_EQ(content("j.1"), "a\nb\nc\n");
  ASSERT_TRUE(loop.runToEnd(host.replaceRecords(dir / "j.2", "c\n", {dir / "j.1", dir / "never"})));
  EXPECT_EQ(content("j.2"), "c\n");
  EXPECT_FALSE(fs::exists(dir / "j.1"));
}

}  // namespace
}  // namespace cubelet::csi
