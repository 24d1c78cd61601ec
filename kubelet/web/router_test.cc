#include "kubelet/web/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/web/response.h"

namespace cubelet::web {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Case {
  std::string name;
  std::string method;
  std::string path;
  std::string want;  // "pattern name=value ...", or the status
};

class Routes : public testing::TestWithParam<Case> {};

TEST_P(Routes, FindTheirHandler) {
  Router router;
  for (const char* pattern : {"/pods", "/run/{ns}/{pod}/{container}", "/run/{ns}/{pod}/{uid}/{container}"})
    router.add({.methods = {"GET"}, .pattern = pattern, .handler = {}});
  router.add({.methods = {"POST"}, .pattern = "/pods", .handler = {}});
  router.add({.methods = {"GET"}, .pattern = "/logs/{path...}", .handler = {}});
  const Router::Match match = router.find(GetParam().method, GetParam().path);
  std::string have = std::to_string(match.status);
  if (match.route != nullptr) {
    have = match.route->pattern;
    for (const auto& [name, value] : match.parameters) have += " " + name + "=" + value;
  }
  EXPECT_EQ(have, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Routes,
    testing::Values(Case{"Plain", "GET", "/pods", "/pods"}, Case{"SlashAtTheEnd", "GET", "/pods/", "/pods"},
                    Case{"OtherMethod", "POST", "/pods", "/pods"}, Case{"NotThisMethod", "DELETE", "/pods", "405"},
                    Case{"Unknown", "GET", "/podsX", "404"}, Case{"Longer", "GET", "/pods/x", "404"},
                    Case{"Root", "GET", "/", "404"},
                    Case{"Names", "GET", "/run/a/b/c", "/run/{ns}/{pod}/{container} container=c ns=a pod=b"},
                    Case{"MoreNames", "GET", "/run/a/b/u/c",
                         "/run/{ns}/{pod}/{uid}/{container} container=c ns=a pod=b uid=u"},
                    Case{"TooFewNames", "GET", "/run/a/b", "404"}, Case{"EmptyName", "GET", "/run/a//c", "404"},
                    Case{"Rest", "GET", "/logs/a/b.log", "/logs/{path...} path=a/b.log"},
                    Case{"EmptyRest", "GET", "/logs/", "/logs/{path...} path="},
                    Case{"NoRest", "GET", "/logs", "/logs/{path...} path="}),
    [](const auto& test) { return test.param.name; });

TEST(Response, SaysHowLongItsBodyIs) {
  const std::string head = responseHead(textReply(404, "gone"), BodyFraming::kLength, true, false);
  EXPECT_THAT(head, testing::StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Connection")));
}

TEST(Response, AHeaderCannotMakeAnotherOne) {
  Reply reply = textReply(200, "");
  reply.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
  EXPECT_THAT(responseHead(reply, BodyFraming::kLength, true, false), HasSubstr("X-Name: a  Set-Cookie: b\r\n"));
}

TEST(Response, ChunksSayTheirLength) {
  EXPECT_EQ(chunkHead(17), "11\r\n");
}

TEST(Headers, AreFoundWithoutRegardToCase) {
  EXPECT_EQ(headerOf({{"Accept", "a"}, {"UPGRADE", "b"}}, "upgrade"), "b");
  EXPECT_EQ(headerOf({{"Accept", "a"}}, "Accep"), "");
}

}  // namespace
}  // namespace cubelet::web
