#include "kubelet/web/target.h"

#include <gtest/gtest.h>

namespace cubelet::web {
namespace {

TEST(Target, TakesPathAndQueryApart) {
  auto target = parseTarget("/explain?pod=shop%2Fweb-1&follow=true&text=a+b%20c&bare&=x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/explain");
  EXPECT_EQ(target->get("pod"), "shop/web-1");
  EXPECT_EQ(target->get("text"), "a b c");
  EXPECT_EQ(target->get("none"), "");
  EXPECT_TRUE(target->flag("follow"));
  EXPECT_TRUE(target->flag("bare"));
  EXPECT_FALSE(target->flag("none"));
}

TEST(Target, KeepsAPlusInThePath) {
  EXPECT_EQ(parseTarget("/a+b")->path, "/a+b");
}

TEST(Target, ReadsBooleansAsGoDoes) {
  EXPECT_TRUE(parseTarget("/e?follow=1")->flag("follow"));
  EXPECT_FALSE(parseTarget("/e?follow=0")->flag("follow"));
  EXPECT_FALSE(parseTarget("/e?follow=false")->flag("follow"));
}

TEST(Target, TheFirstOfTwoValuesCounts) {
  EXPECT_EQ(parseTarget("/e?a=1&a=2")->get("a"), "1");
}

TEST(Target, RefusesWhatItCannotRead) {
  for (const char* text : {"", "pods", "*", "http://host/pods", "/a%", "/a%2", "/a%zz", "/a?b=%", "/a?%x=1"})
    EXPECT_FALSE(parseTarget(text)) << text;
}

TEST(Target, KeepsAllValuesOfAName) {
  EXPECT_EQ(parseTarget("/e?command=ls&tty=1&command=-l%20a")->all("command"),
            (std::vector<std::string>{"ls", "-l a"}));
}

TEST(Target, APlainPathHasOneMeaning) {
  for (const char* path : {"/", "/pods", "/pods/", "/logs/a..b/c", "/logs/..."}) EXPECT_TRUE(isPlainPath(path)) << path;
  for (const char* path : {"", "pods", "/..", "/logs/../pods", "/./pods", "//pods", "/pods//", "/logs/.."})
    EXPECT_FALSE(isPlainPath(path)) << path;
  EXPECT_FALSE(isPlainPath(std::string_view("/logs/a\0b", 9)));
}

}  // namespace
}  // namespace cubelet::web
