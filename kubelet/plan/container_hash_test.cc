#include "kubelet/plan/container_hash.h"

#include <gtest/gtest.h>

namespace cubelet::plan {
namespace {

TEST(ContainerHash, RST5_EqualsUpstream) {
  EXPECT_EQ(containerHash("test_container", "foo/image:v1"), "8e45cbd0");
}

TEST(ContainerHash, RST5_CoversNameAndImage) {
  const std::string hash = containerHash("a", "img:1");
  EXPECT_EQ(containerHash("a", "img:1"), hash);
  EXPECT_NE(containerHash("b", "img:1"), hash);
  EXPECT_NE(containerHash("a", "img:2"), hash);
  EXPECT_NE(containerHash("img:1", "a"), hash);
}

// What Go's encoding/json writes for awkward bytes, hashed by an independent program.
TEST(ContainerHash, RST5_SpellsTextAsGoDoes) {
  struct Case {
    const char* image;
    const char* hash;
  };
  for (const Case& row :
       {Case{"a<b>&c", "9b688307"}, Case{"q\"\\", "50c06399"}, Case{"\b\f\n\r\t", "e92f03e5"},
        Case{"\x01\x1f\x7f", "7bf9e6ed"}, Case{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "3a156063"},
        Case{"\xe2\x80\xa8\xe2\x80\xa9", "1298e327"}, Case{"\xff\xc3", "836dfca2"}, Case{"\xc0\x80", "836dfca2"},
        Case{"\xed\xa0\x80", "1db0760e"}, Case{"\xe0\x80\x80", "1db0760e"}, Case{"\xf4\x90\x80\x80", "9999738a"}}) {
    EXPECT_EQ(containerHash("c", row.image), row.hash) << row.image;
  }
}

// "%x" of an hash with a leading zero digit has seven digits.
TEST(ContainerHash, RST5_HasNoPadding) {
  EXPECT_EQ(containerHash("c", "img:10"), "f2e788a");
}

}  // namespace
}  // namespace cubelet::plan
