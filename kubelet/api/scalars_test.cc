#include "kubelet/api/scalars.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace cubelet::api {
namespace {

using Kind = Node::Kind;

struct PlainCase {
  const char* text;
  Kind kind;
  const char* value;
};

TEST(Scalars, PlainOnesFollowYaml11) {
  for (const PlainCase& c : {
           PlainCase{"y", Kind::kBool, "true"},
           PlainCase{"Yes", Kind::kBool, "true"},
           PlainCase{"ON", Kind::kBool, "true"},
           PlainCase{"true", Kind::kBool, "true"},
           PlainCase{"n", Kind::kBool, "false"},
           PlainCase{"off", Kind::kBool, "false"},
           PlainCase{"False", Kind::kBool, "false"},
           PlainCase{"yEs", Kind::kString, "yEs"},
           PlainCase{"tRUE", Kind::kString, "tRUE"},
           PlainCase{"~", Kind::kNull, ""},
           PlainCase{"null", Kind::kNull, ""},
           PlainCase{"NULL", Kind::kNull, ""},
           PlainCase{"nil", Kind::kString, "nil"},
           PlainCase{"0", Kind::kInteger, "0"},
           PlainCase{"-0", Kind::kInteger, "0"},
           PlainCase{"12", Kind::kInteger, "12"},
           PlainCase{"+12", Kind::kInteger, "12"},
           PlainCase{"-12", Kind::kInteger, "-12"},
           PlainCase{"0644", Kind::kInteger, "420"},
           PlainCase{"0o644", Kind::kInteger, "420"},
           PlainCase{"-0644", Kind::kInteger, "-420"},
           PlainCase{"0x1F", Kind::kInteger, "31"},
           PlainCase{"0b101", Kind::kInteger, "5"},
           PlainCase{"-0b11", Kind::kInteger, "-3"},
           PlainCase{"1_000", Kind::kInteger, "1000"},
           PlainCase{"08", Kind::kInteger, "8"},
           PlainCase{"0899", Kind::kInteger, "899"},
           PlainCase{"9223372036854775808", Kind::kInteger, "9223372036854775808"},
           PlainCase{"18446744073709551616", Kind::kInteger, "18446744073709552000"},
           PlainCase{"-9223372036854775808", Kind::kInteger, "-9223372036854775808"},
           PlainCase{"1.5", Kind::kNumber, "1.5"},
           PlainCase{".5", Kind::kNumber, "0.5"},
           PlainCase{"5.", Kind::kInteger, "5"},
           PlainCase{"1e3", Kind::kInteger, "1000"},
           PlainCase{"1E-7", Kind::kNumber, "1e-7"},
           PlainCase{"1e22", Kind::kNumber, "1e+22"},
           PlainCase{"-.5", Kind::kNumber, "-0.5"},
           PlainCase{".inf", Kind::kNumber, ".inf"},
           PlainCase{"-.INF", Kind::kNumber, "-.inf"},
           PlainCase{".NaN", Kind::kNumber, ".nan"},
           PlainCase{"1e400", Kind::kString, "1e400"},
           PlainCase{"2001-12-14", Kind::kString, "2001-12-14"},
           PlainCase{"2026-01-02T03:04:05Z", Kind::kString, "2026-01-02T03:04:05Z"},
           PlainCase{"12:30:45", Kind::kString, "12:30:45"},
           PlainCase{"1.2.3", Kind::kString, "1.2.3"},
           PlainCase{"-", Kind::kString, "-"},
           PlainCase{"0x", Kind::kString, "0x"},
           PlainCase{"0xg", Kind::kString, "0xg"},
           PlainCase{"1e", Kind::kString, "1e"},
           PlainCase{".", Kind::kString, "."},
           PlainCase{"_1", Kind::kString, "_1"},
           PlainCase{"64Mi", Kind::kString, "64Mi"},
           PlainCase{"-c", Kind::kString, "-c"},
           PlainCase{"1+1", Kind::kString, "1+1"},
           PlainCase{"+-1", Kind::kString, "+-1"},
       }) {
    Scalar scalar = resolvePlain(c.text);
    EXPECT_EQ(kindName(scalar.kind), kindName(c.kind)) << c.text;
    EXPECT_EQ(scalar.text, c.value) << c.text;
  }
}

TEST(Scalars, TagsDecideTheType) {
  auto tagged = [](std::string_view type, std::string_view text) {
    return resolveTagged("tag:yaml.org,2002:" + std::string(type), text);
  };
  EXPECT_EQ(tagged("str", "12")->kind, Kind::kString);
  EXPECT_EQ(tagged("int", "0x10")->text, "16");
  EXPECT_EQ(tagged("float", "3")->text, "3");
  EXPECT_EQ(tagged("bool", "on")->kind, Kind::kBool);
  EXPECT_EQ(tagged("null", "")->kind, Kind::kNull);
  EXPECT_EQ(tagged("timestamp", "2001-12-14")->kind, Kind::kString);
  EXPECT_EQ(tagged("binary", "Zm9v")->text, "foo");
  EXPECT_EQ(resolveTagged("!mine", "12")->kind, Kind::kString);
  EXPECT_EQ(tagged("int", "x").error().message, "\"x\" is not of type !!int");
  EXPECT_FALSE(tagged("binary", "%%"));
  EXPECT_FALSE(tagged("bool", "1"));
}

TEST(Scalars, NumbersArePrintedAsGoDoes) {
  EXPECT_EQ(numberText(0.1), "0.1");
  EXPECT_EQ(numberText(1000), "1000");
  EXPECT_EQ(numberText(1e20), "100000000000000000000");
  EXPECT_EQ(numberText(1e21), "1e+21");
  EXPECT_EQ(numberText(1e-6), "0.000001");
  EXPECT_EQ(numberText(1e-7), "1e-7");
  EXPECT_EQ(numberText(1.5e-10), "1.5e-10");
  EXPECT_EQ(numberText(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
}

TEST(Utf8, KnowsWellFormedText) {
  for (const char* text : {"", "abc", "\u00e4\u20ac", "\U0001f600", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"})
    EXPECT_TRUE(isUtf8(text)) << text;
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3", "a\xff", "\xc3("})
    EXPECT_FALSE(isUtf8(text)) << text;
}

}  // namespace
}  // namespace cubelet::api
