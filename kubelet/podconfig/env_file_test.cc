// Files of environment variables. Behaviour CFG-10.
#include "kubelet/podconfig/env_file.h"

#include <gtest/gtest.h>
#include <string>

namespace cubelet::podconfig {
namespace {

struct Case {
  std::string name;
  std::string text;
  std::string want;  // the value of KEY; "-": none; "!...": an error with that text
};
void PrintTo(const Case& row, std::ostream* out) {
  *out << row.name;
}

class CFG_10_EnvFile : public testing::TestWithParam<Case> {};

TEST_P(CFG_10_EnvFile, ValueOfKey) {
  const auto value = envFileValue(GetParam().text, "KEY");
  const std::string seen = !value ? "!" + value.error().message : value->value_or("-");
  EXPECT_EQ(seen, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CFG_10_EnvFile,
    testing::Values(Case{"Plain", "KEY='value'\n", "value"}, Case{"NoLineEndAtTheEnd", "KEY='value'", "value"},
                    Case{"FirstOneWins", "KEY='one'\nKEY='two'\n", "one"}, Case{"Absent", "OTHER='value'\n", "-"},
                    Case{"EmptyFile", "", "-"}, Case{"EmptyValue", "KEY=''\n", ""},
                    Case{"IndentedName", " \tKEY='value'\n", "value"},
                    Case{"BlankLines", "\n  \n\nKEY='value'\n", "value"},
                    Case{"Comments", "# KEY='no'\n  # more\nA='x' # KEY='no'\nKEY='value'#end\n", "value"},
                    Case{"SeveralLines", "A='x\nKEY=y'\nKEY='one\n# two\n\nthree'\n", "one\n# two\n\nthree"},
                    Case{"NothingIsExpanded", R"(KEY='$HOME \n "x" #y')", R"($HOME \n "x" #y)"},
                    Case{"EqualsSignsInTheValue", "KEY='a=b=c'\n", "a=b=c"},
                    Case{"CarriageReturns", "A='x'\r\nKEY='v'\r\n", "v"},
                    Case{"BlankBeforeTheValueMeansEmpty", "KEY= 'value'\n", ""},
                    Case{"OfAnotherOneToo", "A= 'value'\nKEY='v'\n", "v"},
                    Case{"NoQuotes", "A='x'\nKEY=value\n",
                         "!invalid environment variable format at line 2: value must be enclosed in single quotes"},
                    Case{"DoubleQuotes", "KEY=\"value\"\n",
                         "!invalid environment variable format at line 1: value must be enclosed in single quotes"},
                    Case{"BlankBeforeTheEqualsSign", "KEY ='value'\n",
                         "!invalid environment variable format at line 1: whitespace before '=' is not allowed"},
                    Case{"NoEqualsSign", "KEY\n", "!invalid environment variable format at line 1: missing '='"},
                    Case{"NoName", "='value'\n", "!invalid environment variable format at line 1: empty variable name"},
                    Case{"Unclosed", "A='x'\nKEY='value\nmore\n",
                         "!invalid environment variable format at line 2: unclosed single quote"},
                    Case{"MoreAfterTheValue", "A='x\ny' z\nKEY='v'\n",
                         "!invalid environment variable format at line 2: unexpected content after closing quote"},
                    Case{"WhatComesLaterDoesNotMatter", "KEY='value'\nnonsense\n", "value"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::podconfig
