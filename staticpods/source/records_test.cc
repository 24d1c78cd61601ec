#include "staticpods/source/records.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>

#include "base/files.h"
#include "base/temp_dir.h"

namespace cubelet::staticpods {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Record sample() {
  return {"/m/a \"quoted\".yaml",
          "kind: Pod\n\ttab \\ \"x\" \x7f gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\n",
          {{"u1", "2027-01-15T08:00:00Z"}}};
}

TEST(Records, AnyTextComesBackAsItWas) {
  std::string all;
  for (char c = 1; c < 127; ++c) all += c;
  for (const std::string& text : {std::string(), all, sample().text, std::string(3'000'000, 'x')}) {
    Record record = sample();
    record.text = text;
    auto back = decodeRecord(encodeRecord(record));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->file, record.file);
    EXPECT_EQ(back->text, text);
    EXPECT_EQ(back->seen, record.seen);
  }
}

TEST(Records, HaveAStableForm) {
  EXPECT_EQ(encodeRecord({"/m/a", "x\n", {{"u", "t"}}}),
            "{\"version\":1,\"file\":\"/m/a\",\"checksum\":\"d9f00a8e02ec653006067fe07b6ed71d\",\"seen\":{\"u\":\"t\"},"
            "\"text\":\"x\\u000a\"}\n");
}

TEST(Records, TornOrChangedOnesAreRefused) {
  const std::string json = encodeRecord(sample());
  for (std::size_t size = 0; size + 2 < json.size(); ++size) EXPECT_FALSE(decodeRecord(json.substr(0, size))) << size;
  std::string changed = json;
  changed.replace(changed.find("Pod"), 3, "Qod");
  EXPECT_THAT(decodeRecord(changed).error().message, HasSubstr("checksum"));
  EXPECT_FALSE(decodeRecord(std::string(json.size(), '\0')));
}

TEST(Records, ThoseOfALaterVersionAreRefused) {
  std::string json = encodeRecord(sample());
  json.replace(json.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_THAT(decodeRecord(json).error().message, HasSubstr("schema version"));
}

class RecordStoreTest : public testing::Test {
 protected:
  TempDir dir;
  RecordStore store{dir / "state/manifests"};
};

TEST_F(RecordStoreTest, AMissingDirectoryHoldsNone) {
  auto loaded = store.load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->records, IsEmpty());
  EXPECT_TRUE(store.remove("/m/a"));
}

TEST_F(RecordStoreTest, SavesReplacesAndRemovesPrivately) {
  ASSERT_TRUE(store.save({"/m/b", "old", {}}));
  ASSERT_TRUE(store.save({"/m/b", "new", {}}));
  ASSERT_TRUE(store.save({"/m/a", "a", {}}));
  auto loaded = store.load();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->records.size(), 2U);
  EXPECT_EQ(loaded->records[0].file, "/m/a");
  EXPECT_EQ(loaded->records[1].text, "new");
  const std::vector<std::string> names = *listDirectory(dir / "state/manifests");
  ASSERT_EQ(names.size(), 2U);
  struct stat status{};
  ASSERT_EQ(::stat((dir / "state/manifests/" + names[0]).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((dir / "state/manifests").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ASSERT_TRUE(store.remove("/m/b"));
  EXPECT_EQ(store.load()->records.size(), 1U);
}

TEST_F(RecordStoreTest, SkipsWhatItCannotUseAndSaysSo) {
  ASSERT_TRUE(store.save({"/m/a", "a", {}}));
  std::ofstream(dir / "state/manifests/0123.json") << "{\"version\":1";
  std::ofstream(dir / "state/manifests/.temporary") << "half";
  std::filesystem::copy(dir / "state/manifests/" + listDirectory(dir / "state/manifests")->back(),
                        dir / "state/manifests/copied.json");
  auto loaded = store.load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->records.size(), 1U);
  EXPECT_EQ(loaded->warnings.size(), 2U);
}

}  // namespace
}  // namespace cubelet::staticpods
