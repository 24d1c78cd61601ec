#include "kubelet/client/text_table.h"

#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

TEST(TextTable, AlignsColumnsWithoutTrailingSpaces) {
  EXPECT_EQ(formatTable({{"NAME", "AGE"}, {"a-long-name", "5s"}, {"b", "12m"}}),
            "NAME          AGE\n"
            "a-long-name   5s\n"
            "b             12m\n");
}

TEST(TextTable, KeepsMinimumWidths) {
  EXPECT_EQ(formatTable({{"a", "b"}}, {5}), "a       b\n");
}

TEST(TextTable, CountsCharactersAndNotBytes) {
  EXPECT_EQ(formatTable({{"\u00e9\u00e9", "x"}, {"ab", "y"}}), "\u00e9\u00e9   x\nab   y\n");
}

TEST(TextTable, LetsNoTextMoveTheCursor) {
  EXPECT_EQ(formatTable({{"a\x1b[2Jb", "c\nd"}}), "a [2Jb   c d\n");
}

TEST(TextTable, TakesRowsOfDifferentLength) {
  EXPECT_EQ(formatTable({{"a"}, {"b", "c"}}), "a\nb   c\n");
}

}  // namespace
}  // namespace cubelet::client
