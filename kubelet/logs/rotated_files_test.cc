#include "kubelet/logs/rotated_files.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <vector>
#include <zlib.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace cubelet::logs {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class RotatedFiles : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { std::ofstream(temp / name) << text; }
  Names names() { return listDirectory(temp.path()).value_or(Names()); }
  std::string text(const std::string& name) { return readFile(temp / name, 1 << 24).value_or("unreadable"); }
  std::string unzipped(const std::string& name) {
    gzFile file = ::gzopen((temp / name).c_str(), "rb");
    std::string out;
    char buffer[4096];
    for (int n; (n = ::gzread(file, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    EXPECT_EQ(::gzclose(file), Z_OK);
    return out;
  }

  TempDir temp;
  std::string path = temp / "0.log";
};

const WallTime kNow{std::chrono::seconds(1'800'000'000)};

TEST_F(RotatedFiles, LOG_3_TakenAsideAndPutBack) {
  write("0.log", "a");
  Result<std::string> rotated = takeAside(path, kNow);
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(*rotated, temp / "0.log.20270115-080000");
  EXPECT_EQ(names(), Names{"0.log.20270115-080000"});
  EXPECT_TRUE(putBack(*rotated, path));
  EXPECT_EQ(names(), Names{"0.log"});
}

TEST_F(RotatedFiles, LOG_3_PuttingBackNeverReplacesANewLog) {
  write("0.log", "old");
  Result<std::string> rotated = takeAside(path, kNow);
  write("0.log", "new");
  EXPECT_TRUE(putBack(*rotated, path));
  EXPECT_EQ(text("0.log"), "new");
  EXPECT_EQ(text("0.log.20270115-080000"), "old");
}

TEST_F(RotatedFiles, TakingAMissingLogAsideIsAnError) {
  Result<std::string> rotated = takeAside(path, kNow);
  ASSERT_FALSE(rotated);
  EXPECT_EQ(rotated.error().code, Code::kNotFound);
}

TEST_F(RotatedFiles, LOG_3_CompressesAllButTheNewest) {
  std::string big;
  for (int i = 0; i < 100'000; ++i) big += "2027-01-15T08:00:00Z stdout F line " + std::to_string(i) + "\n";
  write("0.log", "live");
  write("0.log.20270115-080000", big);
  write("0.log.20270115-080100", "");
  write("0.log.20270115-080200", "newest");
  ASSERT_EQ(::chmod((temp / "0.log.20270115-080000").c_str(), 0640), 0);
  Result<void> done = compressRotated(path, 5);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(names(), (Names{"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100.gz", "0.log.20270115-080200"}));
  EXPECT_EQ(unzipped("0.log.20270115-080000.gz"), big);
  EXPECT_EQ(unzipped("0.log.20270115-080100.gz"), "");
  EXPECT_LT(fs::file_size(temp / "0.log.20270115-080000.gz"), big.size() / 5);
  EXPECT_EQ(fs::status(temp / "0.log.20270115-080000.gz").permissions(), static_cast<fs::perms>(0640));
}

// A limit for the size of files stands in for a full disk: writing fails half-way.
TEST_F(RotatedFiles, LOG_3_AFullDiskLeavesThePlainFile) {
  std::string noise(1 << 20, '\0');
  unsigned value = 1;
  for (char& c : noise) c = static_cast<char>((value = value * 1103515245 + 12345) >> 16);
  write("0.log.20270115-080000", noise);
  write("0.log.20270115-080100", "newest");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 200'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<void> done = compressRotated(path, 5);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  EXPECT_FALSE(done);
  EXPECT_EQ(names(), (Names{"0.log.20270115-080000", "0.log.20270115-080100"}));
  EXPECT_EQ(text("0.log.20270115-080000"), noise);
}

TEST_F(RotatedFiles, LOG_3_RemovesTheOldestAndLeftovers) {
  for (const char* name : {"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100", "0.log.20270115-080100.tmp",
                           "0.log.20270115-080200", "1.log.20270115-080000"})
    write(name, name);
  Result<bool> more = removeExcess(path, 3);
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_TRUE(*more);
  EXPECT_EQ(names(), (Names{"0.log", "0.log.20270115-080100", "0.log.20270115-080200", "1.log.20270115-080000"}));
  more = removeExcess(path, 2);
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more) << "nothing to compress";
}

TEST_F(RotatedFiles, GC_1_AContainersLogGoesWithItsRotatedFiles) {
  for (const char* name : {"0.log", "0.log.20270115-080000.gz", "0.log.20270115-080100", "1.log"}) write(name, name);
  EXPECT_TRUE(removeLog(path));
  EXPECT_EQ(names(), Names{"1.log"});
  EXPECT_TRUE(removeLog(path)) << "nothing is there any more";
  EXPECT_TRUE(removeLog(temp / "no/such/0.log"));
}

TEST_F(RotatedFiles, NothingIsCompressedThroughALink) {
  write("secret", "s");
  fs::create_symlink(temp / "secret", temp / "0.log.20270115-080000");
  write("0.log.20270115-080100", "newest");
  EXPECT_FALSE(compressRotated(path, 5));
  EXPECT_EQ(text("secret"), "s");
  EXPECT_EQ(names(), (Names{"0.log.20270115-080000", "0.log.20270115-080100", "secret"}));
}

}  // namespace
}  // namespace cubelet::logs
