#include "kubelet/sync/termination_record.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace {

int flushes = 0;

}  // namespace

// In the place of the C library's in this program: counted, and done.
extern "C" int fsync(int file) {
  ++flushes;
  return static_cast<int>(::syscall(SYS_fsync, file));
}

namespace cubelet::sync {
namespace {

struct TerminationsOnDisk : testing::Test {
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(makeDirectories(temp / "t", 0700));
    ASSERT_TRUE(writeFileAtomic(temp / ("t/" + name), text, 0600));
  }

  TempDir temp;
  TerminationRecords records{temp / "t"};
  TerminationRecord record{"u1", "a", "default", WallTime(std::chrono::seconds(1234)), {"c1", "c2"}};
};

TEST_F(TerminationsOnDisk, REC_2_ComeBackAsTheyWereSaved) {
  EXPECT_TRUE(records.load().empty());
  ASSERT_TRUE(records.save(record));
  record.deadline -= std::chrono::seconds(4);
  ASSERT_TRUE(records.save(record));
  const std::vector<TerminationRecord> found = TerminationRecords(temp / "t").load();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].uid, "u1");
  EXPECT_EQ(found[0].name, "a");
  EXPECT_EQ(found[0].ns, "default");
  EXPECT_EQ(found[0].deadline, WallTime(std::chrono::seconds(1230)));
  EXPECT_EQ(found[0].preStopsEnded, (std::vector<std::string>{"c1", "c2"}));
  ASSERT_TRUE(records.remove("u1"));
  EXPECT_TRUE(records.load().empty());
}

// A flush takes milliseconds, in which the loop would do nothing else.
TEST_F(TerminationsOnDisk, REC_2_AreNotFlushed) {
  ASSERT_TRUE(writeFileAtomic(temp / "other", "", 0600));
  ASSERT_GT(flushes, 0) << "they are counted";
  flushes = 0;
  ASSERT_TRUE(records.save(record));
  ASSERT_TRUE(records.remove("u1"));
  EXPECT_EQ(flushes, 0);
}

TEST_F(TerminationsOnDisk, WhatIsNoRecordIsSkippedAndRemoved) {
  const std::string rest = R"("deadline": 1, "uid": )";
  write("empty.json", "");
  write("zeros.json", std::string(100, '\0'));
  write("list.json", "[]");
  write("old.json", R"({"schema": 0, )" + rest + R"("u2"})");
  write("schema.json", R"({"schema": "1", )" + rest + R"("u2"})");
  write("uid.json", R"({"schema": 1, )" + rest + "7}");
  write("deadline.json", R"({"schema": 1, "deadline": "soon", "uid": "u2"})");
  ASSERT_TRUE(records.save(record));
  const std::vector<TerminationRecord> found = records.load();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].uid, "u1");
  EXPECT_EQ(*listDirectory(temp / "t"), std::vector<std::string>{"u1.json"});
}

TEST_F(TerminationsOnDisk, PartsOfTheWrongTypeAreLeftOut) {
  write("u3.json", R"({"schema": 1, "deadline": 5, "uid": "u3", "name": 1, "namespace": [], "preStopsEnded": "c1"})");
  const std::vector<TerminationRecord> found = records.load();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "");
  EXPECT_TRUE(found[0].preStopsEnded.empty());
}

}  // namespace
}  // namespace cubelet::sync
