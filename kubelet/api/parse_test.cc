#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"
#include "kubelet/api/writers.h"

namespace cubelet::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Parsed {
  std::vector<std::string> documents;  // as compact JSON
  std::vector<std::string> problems;
};

Parsed parse(std::string_view text, const ParseLimits& limits = {}) {
  std::vector<Problem> problems;
  Parsed out;
  for (const Document& document : parseDocuments(text, limits, problems))
    out.documents.push_back(jsonText(*document.root, false));
  for (const Problem& problem : problems) {
    out.problems.push_back(problem.text("f"));
    EXPECT_TRUE(problem.fatal);
  }
  return out;
}

struct TreeCase {
  std::string name;
  std::string text;
  std::string json;
};
void PrintTo(const TreeCase& c, std::ostream* out) {
  *out << c.name;
}

class ReadsTree : public testing::TestWithParam<TreeCase> {};

TEST_P(ReadsTree, AsJsonHasIt) {
  Parsed parsed = parse(GetParam().text);
  EXPECT_THAT(parsed.problems, IsEmpty());
  EXPECT_THAT(parsed.documents, ElementsAre(GetParam().json));
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, ReadsTree,
    testing::Values(
        TreeCase{"Scalars", "a: x\nb: 1\nc: 1.50\nd: yes\ne: ~\nf:\ng: 'yes'\nh: \"1\"\ni: 0644\n",
                 R"({"a":"x","b":1,"c":1.5,"d":true,"e":null,"f":null,"g":"yes","h":"1","i":420})"},
        TreeCase{"Nested", "a:\n  b:\n  - c: 1\n    d: 2\n  - e\n  -\n  - - f\n    - g\n",
                 R"({"a":{"b":[{"c":1,"d":2},"e",null,["f","g"]]}})"},
        TreeCase{"Flow", "a: {b: [1, x, 'y'], \"c\": {}}\nd: [\n\t1,\n\t2\n]\n",
                 R"({"a":{"b":[1,"x","y"],"c":{}},"d":[1,2]})"},
        TreeCase{"BlockScalars", "a: |\n  x\n   y\n\n  z\nb: >-\n  x\n  y\nc: |+\n  x\n\nd: |-\n  x\n",
                 R"({"a":"x\n y\n\nz\n","b":"x y","c":"x\n\n","d":"x"})"},
        TreeCase{"TabInsideBlockScalar", "a: |\n  x\n  \ty\n", R"({"a":"x\n\ty\n"})"},
        TreeCase{"QuotedLines", "a: \"x\n  y\\\n  z\\t\\u00e4\"\nb: 'it''s'\n", R"({"a":"x yz\tä","b":"it's"})"},
        TreeCase{"Anchors", "a: &x {k: [1, 2]}\nb: *x\nc: [*x]\n",
                 R"({"a":{"k":[1,2]},"b":{"k":[1,2]},"c":[{"k":[1,2]}]})"},
        TreeCase{"AnchoredScalarAndKey", "a: &x b\n*x : 2\n", R"({"a":"b","b":2})"},
        TreeCase{"MergeKeys", "a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc:\n  r: 5\n  <<: [*x, *y]\n  q: 6\n",
                 R"({"a":{"p":1,"q":2},"b":{"q":3,"r":4},"c":{"r":5,"q":6,"p":1}})"},
        TreeCase{"QuotedMergeKeyIsAKey", "\"<<\": {a: 1}\n", R"({"<<":{"a":1}})"},
        TreeCase{"Keys", "1: a\nyes: b\n0x10: c\n1.5: d\n\"null\": e\n",
                 R"({"1":"a","true":"b","16":"c","1.5":"d","null":"e"})"},
        TreeCase{"ComplexKeyForm", "? a\n: 1\n? b\n", R"({"a":1,"b":null})"},
        TreeCase{"Tags", "a: !!str 1\nb: !!int \"5\"\nc: !mine x\nd: !!binary Zm9v\n",
                 R"({"a":"1","b":5,"c":"x","d":"foo"})"},
        TreeCase{"Comments", "# c\na: 1 # d\n\n  # e\nb: x#y\n", R"({"a":1,"b":"x#y"})"},
        TreeCase{"WindowsLines", "a: 1\r\nb:\r\n- x\r\n", R"({"a":1,"b":["x"]})"},
        TreeCase{"ByteOrderMark",
                 "\xef\xbb\xbf"
                 "a: 1\n",
                 R"({"a":1})"},
        TreeCase{"Directive", "%YAML 1.1\n# c\n---\na: 1\n", R"({"a":1})"},
        TreeCase{"ContentBehindMarker", "--- {a: 1}\n", R"({"a":1})"},
        TreeCase{"TabsBehindText", "a:\t1\t# comment\nb: 2\t\n", R"({"a":1,"b":2})"},
        TreeCase{"NoLineEnd", "a: b", R"({"a":"b"})"}, TreeCase{"NoLineEndInBlockScalar", "a: |\n  x", R"({"a":"x"})"},
        TreeCase{"BlanksAtTheEnd", "a: b\n  \t", R"({"a":"b"})"},
        TreeCase{"BracesWithoutQuotesAreYaml", "{a: b, c: [d]}", R"({"a":"b","c":["d"]})"},
        TreeCase{"OneMebibyteScalar", "a: " + std::string(1 << 20, 'x') + "\n",
                 "{\"a\":\"" + std::string(1 << 20, 'x') + "\"}"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Json, ReadsTree,
    testing::Values(TreeCase{"Everything", R"( {"a": [1, -2.5e+3, true, false, null, {}, []], "b": {"c": "d"}} )",
                             R"({"a":[1,-2.5e+3,true,false,null,{},[]],"b":{"c":"d"}})"},
                    TreeCase{"TabsAsSpace", "{\t\"a\":\t{\n\t\t\"b\":\t1\n\t}\n}\n", R"({"a":{"b":1}})"},
                    TreeCase{"Escapes", R"({"a": "\"\\\/\b\f\n\r\t\u0041\u00e4\ud83d\ude00"})",
                             "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\tA\u00e4\U0001f600\"}"},
                    TreeCase{"LoneSurrogates", R"({"a": "\ud800", "b": "\udc00x", "c": "\ud800\u0041"})",
                             "{\"a\":\"\ufffd\",\"b\":\"\ufffdx\",\"c\":\"\ufffdA\"}"},
                    TreeCase{"LargeNumbers", R"({"a": 123456789012345678901234567890, "b": 1e400})",
                             R"({"a":123456789012345678901234567890,"b":"1e400"})"},
                    TreeCase{"WordsAreStrings", R"({"a": "yes", "b": "0644", "c": "<<"})",
                             R"({"a":"yes","b":"0644","c":"<<"})"},
                    TreeCase{"DelIsAllowedInStrings", "{\"a\": \"\x7f\"}", "{\"a\":\"\x7f\"}"},
                    TreeCase{"BehindMarker", "---\n{\"a\": 1}\n", R"({"a":1})"}, TreeCase{"Empty", "{}", "{}"}),
    [](const auto& test) { return test.param.name; });

TEST(ParseDocuments, AnswersAllDocuments) {
  Parsed parsed =
      parse("---\n# only a comment\n---\na: 1\n---\n---\n{\"b\":\t2}\n...\n# c\n---\nc: 3\n...\nd: 4\n---\n~\n");
  EXPECT_THAT(parsed.problems, IsEmpty());
  EXPECT_THAT(parsed.documents, ElementsAre(R"({"a":1})", R"({"b":2})", R"({"c":3})", R"({"d":4})"));
}

TEST(ParseDocuments, ReadsJsonObjectsInARow) {
  EXPECT_THAT(parse("{\"a\":1}\n{\"b\":2} {\"c\":3}").documents, ElementsAre(R"({"a":1})", R"({"b":2})", R"({"c":3})"));
}

TEST(ParseDocuments, NothingComesFromEmptyTexts) {
  for (const char* text : {"", "\n\n", "# c\n", "---\n", "---\n---\n", "...\n", "~\n", "  \t\n", "\xef\xbb\xbf"}) {
    Parsed parsed = parse(text);
    EXPECT_THAT(parsed.documents, IsEmpty()) << text;
    EXPECT_THAT(parsed.problems, IsEmpty()) << text;
  }
}

TEST(ParseDocuments, KnowsKindAndLine) {
  std::vector<Problem> problems;
  auto documents = parseDocuments("# c\n\nkind: Pod\napiVersion: v1\n---\n\nkind: 7\n", {}, problems);
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].kind, "Pod");
  EXPECT_EQ(documents[0].apiVersion, "v1");
  EXPECT_EQ(documents[0].line, 3);
  EXPECT_EQ(documents[1].kind, "");
  EXPECT_EQ(documents[1].line, 7);
}

TEST(ParseDocuments, ABrokenDocumentCostsOnlyItself) {
  Parsed parsed = parse("a: 1\n---\nb: [\n---\nc: 3\n---\nd: 'x\n");
  EXPECT_THAT(parsed.documents, ElementsAre(R"({"a":1})", R"({"c":3})"));
  EXPECT_THAT(parsed.problems,
              ElementsAre("f:3: invalid YAML: expected ',' or ']'",
                          "f:7: invalid YAML: quotes are not closed (the last value before them is on line 7)"));
}

struct BadCase {
  std::string name;
  std::string text;
  std::string problem;
};
void PrintTo(const BadCase& c, std::ostream* out) {
  *out << c.name;
}

class Refuses : public testing::TestWithParam<BadCase> {};

TEST_P(Refuses, WithLineAndReason) {
  Parsed parsed = parse(GetParam().text);
  EXPECT_THAT(parsed.documents, IsEmpty());
  EXPECT_THAT(parsed.problems, ElementsAre(GetParam().problem));
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, Refuses,
    testing::Values(
        BadCase{"TabAsIndentation", "a:\n  b: 1\n\tc: 2\n", "f:3: tab in the indentation: use spaces"},
        BadCase{"TabBeforeFirstKey", "spec:\n\tcontainers: []\n", "f:2: tab in the indentation: use spaces"},
        BadCase{"TabAfterSpaces", "a:\n  - x\n  \t- y\n", "f:3: tab in the indentation: use spaces"},
        BadCase{"TabBeforeValue", "a:\n\tx\n", "f:2: tab in the indentation: use spaces"},
        BadCase{"TabInBlockScalarIndentation", "a: |\n\tx\n", "f:2: tab in the indentation: use spaces"},
        // As upstream has it: also on lines without content, where they continue a plain value.
        BadCase{"TabBeforeComment", "a: 1\n\t# comment\nb: 2\n", "f:2: tab in the indentation: use spaces"},
        BadCase{"TabOnEmptyLine", "a: 1\n\t\nb: 2\n", "f:2: tab in the indentation: use spaces"},
        BadCase{"ValueInTheColumnOfItsKey", "a:\n  b:\n  c\n",
                "f:3: expected a key, or a value that is indented deeper than its key"},
        BadCase{"TwoCommas", "a: [b,\n,c]\n", "f:2: a comma without a value before it"},
        BadCase{"CommaFirst", "a: [,b]\n", "f:1: a comma without a value before it"},
        BadCase{"TextBehindEndMarker", "a: 1\n...  b: 2\n",
                "f:2: does not belong to what stands before it (check the indentation)"},
        BadCase{"WrongIndentation", "a:\n    b: 1\n  c: 2\n",
                "f:3: invalid YAML: expected another key or the end of the object: check the indentation"},
        BadCase{"ListThenKey", "a:\n- x\n  b: 1\n- y\nc\n",
                "f:3: invalid YAML: unexpected ':': check the indentation, and put text that holds \": \" in quotes"},
        BadCase{"RootListThenKey", "- a\nb: 1\n",
                "f:2: does not belong to what stands before it (check the indentation)"},
        BadCase{"ColonInValue", "a: b: c\n",
                "f:1: invalid YAML: unexpected ':': check the indentation, and put text that holds \": \" in quotes"},
        BadCase{"OpenList", "a: [1, 2\nb: 3\n", "f:2: invalid YAML: expected ',' or ']'"},
        BadCase{"OpenListAtEnd", "a: [1,\n  2\n", "f:2: invalid YAML: expected ',' or ']'"},
        BadCase{"OpenObject", "a: {b: 1\n", "f:1: invalid YAML: expected ',' or '}'"},
        BadCase{"OpenQuotes", "a: 1\nb: \"x\nc: y\n",
                "f:3: invalid YAML: quotes are not closed (the last value before them is on line 2)"},
        BadCase{"OpenQuotesWithoutLineEnd", "a: 'x",
                "f:1: invalid YAML: quotes are not closed (the last value before them is on line 1)"},
        BadCase{"OpenQuotesBeforeBlanks", "a: \"x\n  ",
                "f:2: invalid YAML: quotes are not closed (the last value before them is on line 1)"},
        BadCase{"HalfAKey", "a: 1\nspe",
                "f:2: invalid YAML: expected another key or the end of the object: check the indentation"},
        BadCase{"StrayBracket", "a: 1\n]\n", "f:2: invalid YAML: ']' or '}' without its opening bracket"},
        BadCase{"ReservedCharacter", "a: `x`\n",
                "f:1: invalid YAML: a value starts with a character that needs quotes"},
        BadCase{"TwoQuoted", "a: \"x\" \"y\"\n",
                "f:1: invalid YAML: expected another key or the end of the object: check the indentation"},
        BadCase{"UnknownAlias", "a: *x\n",
                "f:1: invalid YAML: the anchor that an alias refers to is not defined before it"},
        BadCase{"AliasInsideItself", "a: &x [1, *x]\n", "f:1: an alias stands inside the value it refers to"},
        BadCase{"NullKey", "a: 1\n~: 2\n", "f:2: a key is empty or null: put it in quotes"},
        BadCase{"ListAsKey", "? [a]\n: 1\n", "f:1: expected a name as key, got list (or a bracket is not closed)"},
        BadCase{"ObjectAsKey", "{a: 1}: 1\n", "f:1: expected a name as key, got object (or a bracket is not closed)"},
        BadCase{"MergeOfScalar", "a:\n  <<: 3\n", "f:2: a merge key takes an object or a list of objects, got integer"},
        BadCase{"MergeOfScalars", "<<: [{}, 3]\n", "f:1: a merge key takes objects, got integer"},
        BadCase{"BadTag", "a: !!int x\n", "f:1: \"x\" is not of type !!int"},
        BadCase{"BadEscape", "a: \"\\q\"\n", "f:1: invalid YAML: unknown escape character: q"},
        BadCase{"EscapeThatIsNoUtf8", "a: \"\\N\"\n",
                "f:1: a value is not valid UTF-8 (write \\u0085 and \\u00a0 for \\N and \\_)"},
        BadCase{"Text", "just some words\nin a file\n", "f:1: expected an object, got string"},
        BadCase{"List", "\n- a\n- b\n", "f:2: expected an object, got list"},
        BadCase{"Number", "42\n", "f:1: expected an object, got integer"},
        BadCase{"Del", "a: 1\nb: x\x7f\n", "f:2: control character: write it as an escape in double quotes"},
        BadCase{"C1Control", "a: \xc2\x80\n", "f:1: control character: write it as an escape in double quotes"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Json, Refuses,
    testing::Values(
        BadCase{"Truncated", "{\"a\": 1,\n\"b\": [1,\n",
                "f:3: invalid JSON: the text ends where a value should follow"},
        BadCase{"TruncatedString", "{\"a\": \"x", "f:1: invalid JSON: the text ends inside a string"},
        BadCase{"OnlyABrace", "{", "f:1: invalid JSON: the text ends where a key in double quotes should follow"},
        BadCase{"TrailingComma", "{\"a\": 1,\n}", "f:2: invalid JSON: expected a key in double quotes, got '}'"},
        BadCase{"TrailingCommaInList", "{\"a\": [1,]}", "f:1: invalid JSON: expected a value, got ']'"},
        BadCase{"MissingComma", "{\"a\": 1\n\"b\": 2}", "f:2: invalid JSON: expected ',' or '}', got '\"'"},
        BadCase{"MissingColon", "{\"a\" 1}", "f:1: invalid JSON: expected ':', got '1'"},
        BadCase{"BareWord", "{\"a\": yes}", "f:1: invalid JSON: expected a value, got 'y'"},
        BadCase{"LeadingZero", "{\"a\": 0644}", "f:1: invalid JSON: a number starts with 0"},
        BadCase{"BareFraction", "{\"a\": .5}", "f:1: invalid JSON: expected a value, got '.'"},
        BadCase{"NoDigits", "{\"a\": 1.}", "f:1: invalid JSON: expected a digit, got '}'"},
        BadCase{"LineInString", "{\"a\": \"x\ny\"}",
                "f:1: invalid JSON: a string is not closed before the end of its line"},
        BadCase{"BadEscape", R"({"a": "\x41"})",
                "f:1: invalid JSON: expected an escape such as \\n or \\u0041, got 'x'"},
        BadCase{"BadUnicode", R"({"a": "\u00g0"})", "f:1: invalid JSON: expected four hexadecimal digits, got 'g'"},
        BadCase{"Unicode", "{\"a\": \u00e4}", "f:1: invalid JSON: expected a value, got '\u00e4'"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Junk, Refuses,
    testing::Values(BadCase{"Nul", std::string("a: 1\nb: \0\n", 10), "f:2: not a text file: it holds the byte 0x00"},
                    BadCase{"Elf",
                            std::string("\x7f"
                                        "ELF\x02\x01\x01\0\0",
                                        9),
                            "f:1: not a text file: it holds the byte 0x02"},
                    BadCase{"EndOfTransmission", "a: 1\nb: \x04\nc: 2\n",
                            "f:2: not a text file: it holds the byte 0x04"},
                    BadCase{"InvalidUtf8", "a: 1\n\nb: \xff\xc0\n", "f:3: not a text file: invalid UTF-8"},
                    BadCase{"Latin1", "a: caf\xe9\n", "f:1: not a text file: invalid UTF-8"},
                    BadCase{"Utf16",
                            std::string("\xff\xfe"
                                        "a\0:\0",
                                        6),
                            "f:1: the text is UTF-16: save it as UTF-8"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Limits, Refuses,
    testing::Values(
        BadCase{"TooLarge", std::string(10 * 1024 * 1024 + 1, '#'), "f: larger than 10 MiB"},
        BadCase{"DeepFlow", "a:\n  " + repeat("[", 64) + repeat("]", 64), "f:2: nested deeper than 64 levels"},
        BadCase{"DeepOpenFlow", "a:\n  " + repeat("[\n", 100'000),
                "f:2: expected a name as key, got list (or a bracket is not closed)"},
        BadCase{"DeepBlockList", "a:\n" + repeat("- ", 64) + "x", "f:2: nested deeper than 64 levels"},
        BadCase{"DeepJson", "{\"a\":\n" + repeat("[", 64), "f:2: nested deeper than 64 levels"},
        BadCase{"DeepJsonObjects", repeat("{\"a\":", 65), "f:1: nested deeper than 64 levels"},
        BadCase{"DeepComplexKeys", repeat("? ", 100) + "x",
                "f:1: expected a name as key, got object (or a bracket is not closed)"},
        BadCase{"DeepAlias",
                "a: &x " + repeat("[", 40) + repeat("]", 40) + "\nb: " + repeat("[", 30) + "*x" + repeat("]", 30),
                "f:2: nested deeper than 64 levels"},
        BadCase{"ManyNodes", "a: [" + repeat("1,", 100'000) + repeat("1,\n", 100'000) + "]",
                "f:99999: more than 200000 values (those of an alias count each time it is used)"}),
    [](const auto& test) { return test.param.name; });

TEST(Limits, AllowExactlyTheDepth) {
  EXPECT_THAT(parse("a: " + repeat("[", 63) + "x" + repeat("]", 63)).problems, IsEmpty());
  EXPECT_THAT(parse("{\"a\": " + repeat("[", 63) + "1" + repeat("]", 63) + "}").problems, IsEmpty());
  EXPECT_THAT(parse("a: &x [[y]]\nb: " + repeat("[", 61) + "*x" + repeat("]", 61)).problems, IsEmpty());
}

TEST(Limits, ABillionLaughsEndEarly) {
  std::string text = "a0: &a0 lol\n";
  for (int i = 1; i < 40; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    std::string name = "a" + std::to_string(i);
    text += name + ": &" + name + " [" + repeat(before + ",", 10) + "]\n";
  }
  auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(parse(text).problems,
              ElementsAre("f:7: more than 200000 values (those of an alias count each time it is used)"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(Limits, MergedKeysCount) {
  std::string text = "m0: &m0 {" + repeat("k: 1, ", 1) + "}\n";
  for (int i = 0; i < 300; ++i) text += "k" + std::to_string(i) + ": &v" + std::to_string(i) + " [1,2,3,4,5,6,7,8,9]\n";
  std::string big = "big: &big {";
  for (int i = 0; i < 300; ++i) big += "k" + std::to_string(i) + ": *v" + std::to_string(i) + ", ";
  text += big + "}\n";
  for (int i = 0; i < 100; ++i) text += "u" + std::to_string(i) + ": {<<: *big}\n";
  EXPECT_THAT(parse(text).problems, ElementsAre(HasSubstr("more than 200000 values")));
}

// yaml-cpp holds a whole flow collection, and a whole line, as tokens before it reports anything.
TEST(Limits, FloodsOfTokensEndEarly) {
  for (std::string_view piece :
       {"[", "{", "{a: ", ",", "a,", "\"\"", "&a ", "!a ", "*a ", "? ", ": ", "a: ", "- ", "'a',\n", "[],", "a: {"}) {
    for (std::string_view start : {"", "a: ", "a: ["}) {
      std::string text = std::string(start) + repeat(piece, (2 << 20) / piece.size());
      auto began = std::chrono::steady_clock::now();
      Parsed parsed = parse(text);
      EXPECT_THAT(parsed.documents, IsEmpty()) << start << piece;
      EXPECT_EQ(parsed.problems.size(), 1u) << start << piece;
      EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << start << piece;
    }
  }
}

TEST(Limits, TheNumberOfBrokenDocumentsReportedIsBounded) {
  EXPECT_EQ(parse(repeat("---\n[\n", 10'000)).problems.size(), 20u);
}

TEST(ExpandLists, AnswersItemsWithTheirOwnKinds) {
  std::vector<Problem> problems;
  auto documents = parseDocuments(
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- kind: List\n  items:\n  - kind: ConfigMap\n"
      "    apiVersion: v1\n- nokind: 1\n",
      {}, problems);
  ASSERT_EQ(documents.size(), 1u);
  auto items = expandLists(documents[0], problems);
  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].kind, "Pod");
  EXPECT_EQ(items[0].line, 4);
  EXPECT_EQ(items[1].kind, "ConfigMap");
  EXPECT_EQ(items[1].apiVersion, "v1");
  EXPECT_EQ(items[1].line, 7);
  EXPECT_EQ(items[2].kind, "");
}

TEST(ExpandLists, ItemsOfATypedListMayLeaveOutTheirKind) {
  std::vector<Problem> problems;
  auto documents = parseDocuments("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n", {}, problems);
  auto items = expandLists(documents.at(0), problems);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].kind, "Pod");
  EXPECT_EQ(items[0].apiVersion, "v1");
}

TEST(ExpandLists, OtherDocumentsComeBackAlone) {
  std::vector<Problem> problems;
  auto documents = parseDocuments("kind: Pod\nitems: []\n---\nkind: AllowList\n", {}, problems);
  for (Document& document : documents) EXPECT_EQ(expandLists(document, problems).size(), 1u);
}

TEST(ExpandLists, ReportsWhatIsNoObject) {
  std::vector<Problem> problems;
  auto documents = parseDocuments(
      "kind: List\nitems:\n- 7\n- kind: Pod\n---\nkind: List\nitems: x\n---\nkind: List\nitems:\n", {}, problems);
  EXPECT_EQ(expandLists(documents.at(0), problems).size(), 1u);
  EXPECT_EQ(expandLists(documents.at(1), problems).size(), 0u);
  EXPECT_EQ(expandLists(documents.at(2), problems).size(), 0u);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].text("f"), "f:3: items[0]: expected object, got integer");
  EXPECT_EQ(problems[1].text("f"), "f:7: items: expected list, got string");
}

TEST(LineOf, FindsKeysElementsAndNearestParents) {
  std::vector<Problem> problems;
  auto documents = parseDocuments(
      "metadata:\n  labels:\n    app.kubernetes.io/name: x\nspec:\n  containers:\n  - name: a\n    image: b\n  -\n    "
      "name: c\n",
      {}, problems);
  const Document& document = documents.at(0);
  EXPECT_EQ(lineOf(document, ""), 1);
  EXPECT_EQ(lineOf(document, "spec"), 4);
  EXPECT_EQ(lineOf(document, "spec.containers"), 5);
  EXPECT_EQ(lineOf(document, "spec.containers[0]"), 6);
  EXPECT_EQ(lineOf(document, "spec.containers[0].image"), 7);
  EXPECT_EQ(lineOf(document, "spec.containers[0].ports[3].name"), 6);
  EXPECT_EQ(lineOf(document, "spec.containers[1].name"), 9);
  EXPECT_EQ(lineOf(document, "spec.containers[7].name"), 5);
  EXPECT_EQ(lineOf(document, "spec.containers[x]"), 5);
  EXPECT_EQ(lineOf(document, "spec.nodeName"), 4);
  EXPECT_EQ(lineOf(document, "metadata.labels[app.kubernetes.io/name]"), 3);
  EXPECT_EQ(lineOf(document, "metadata.name"), 1);
  EXPECT_EQ(lineOf(Document{}, "spec"), 0);
}

TEST(ProblemText, NamesFileLineAndPath) {
  EXPECT_EQ((Problem{14, "spec.containers[0].imagee", "unknown field", true}.text("web.yaml")),
            "web.yaml:14: spec.containers[0].imagee: unknown field");
  EXPECT_EQ((Problem{0, "", "larger than 10 MiB", true}.text("web.yaml")), "web.yaml: larger than 10 MiB");
  EXPECT_EQ((Problem{0, "spec", "x", true}.text("")), "spec: x");
}

}  // namespace
}  // namespace cubelet::api
