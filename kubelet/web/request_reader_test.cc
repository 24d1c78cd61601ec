#include "kubelet/web/request_reader.h"

#include <gtest/gtest.h>
#include <random>

#include "kubelet/web/request_check.h"

namespace cubelet::web {
namespace {

struct Case {
  std::string name;
  std::string bytes;
  std::string want;
};

class Requests : public testing::TestWithParam<Case> {};

TEST_P(Requests, AreReadOrRefused) {
  EXPECT_EQ(readRequest(GetParam().bytes).text, GetParam().want);
  EXPECT_EQ(readRequest(GetParam().bytes, 1).text, GetParam().want) << "byte by byte";
}

std::string request(const std::string& line, const std::string& headers = "") {
  return line + " HTTP/1.1\r\nHost: n\r\n" + headers + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Requests,
    testing::Values(
        Case{"Plain", request("GET /pods"), "GET /pods"},
        Case{"Body", request("POST /run", "Content-Length: 2\r\n") + "ab", "POST /run"},
        Case{"Chunked", request("POST /run", "Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n0\r\n\r\n", "POST /run"},
        Case{"NotYet", "GET /pods HTTP/1.1\r\nHost: n\r\n", "more"}, Case{"Nonsense", "\x16\x03\x01\r\n\r\n", "400"},
        Case{"NoPath", request("GET pods"), "400"}, Case{"WholeUrl", request("GET http://n/pods"), "400"},
        Case{"Up", request("GET /logs/../pods"), "400"}, Case{"UpEscaped", request("GET /logs/%2e%2e/pods"), "400"},
        Case{"SlashEscaped", request("GET /logs/..%2fpods"), "400"}, Case{"Nul", request("GET /logs/a%00"), "400"},
        Case{"DoubleSlash", request("GET //pods"), "400"}, Case{"NoHost", "GET /pods HTTP/1.1\r\n\r\n", "400"},
        Case{"TwoHosts", request("GET /pods", "Host: m\r\n"), "400"},
        Case{"Http10", "GET /pods HTTP/1.0\r\n\r\n", "GET /pods"},
        Case{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
        // Where two readers could see two different bodies, there is none.
        Case{"LengthAndChunked", request("POST /run", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + "ab",
             "400"},
        Case{"ChunkedAndLength", request("POST /run", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n") + "ab",
             "400"},
        Case{"TwoLengths", request("POST /run", "Content-Length: 2\r\nContent-Length: 3\r\n") + "abc", "400"},
        Case{"SignedLength", request("POST /run", "Content-Length: +2\r\n") + "ab", "400"},
        Case{"SpaceBeforeColon", request("POST /run", "Content-Length : 2\r\n") + "ab", "400"},
        Case{"FoldedHeader", request("GET /pods", "X: a\r\n b\r\n"), "GET /pods"},
        Case{"LongBody", request("POST /run", "Content-Length: 70000\r\n"), "413"},
        Case{"LongChunk", request("POST /run", "Transfer-Encoding: chunked\r\n") + "ffffffff\r\n", "413"}),
    [](const auto& test) { return test.param.name; });

TEST(RequestReader, KeepsWhatComesBehind) {
  const ReadOutcome out = readRequest(request("GET /a") + request("GET /b"));
  EXPECT_EQ(out.text, "GET /a");
  EXPECT_TRUE(out.taken.keepAlive);
  EXPECT_EQ(out.taken.rest, request("GET /b"));
}

TEST(RequestReader, UpgradesKeepTheBytesBehindThem) {
  const ReadOutcome out =
      readRequest(request("POST /exec/a", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n") + "\x80\x03");
  EXPECT_EQ(out.text, "POST /exec/a");
  EXPECT_EQ(out.taken.rest, "\x80\x03");
  EXPECT_EQ(out.taken.request.header("upgrade"), "SPDY/3.1");
}

TEST(RequestReader, AHeaderHasALimit) {
  RequestLimits limits;
  limits.headerBytes = 1000;
  const std::string big(2000, 'a');
  EXPECT_EQ(readRequest(request("GET /" + big), 100, limits).text, "431");
  EXPECT_EQ(readRequest(request("GET /", "X: " + big + "\r\n"), 100, limits).text, "431");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X: aaaa\r\n";
  EXPECT_EQ(readRequest(request("GET /", many), 100, limits).text, "431");
}

TEST(RequestReader, AChunksHeadHasALimit) {
  RequestLimits limits;
  limits.headerBytes = 1000;
  const std::string chunked = request("POST /run", "Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(readRequest(chunked + "1;" + std::string(2000, 'x'), 100, limits).text, "431");
  EXPECT_EQ(readRequest(chunked + "0\r\nT: " + std::string(2000, 't'), 100, limits).text, "431");
}

TEST(RequestReader, CommandsMayBeLong) {
  RequestLimits limits;
  limits.headerBytes = std::size_t{1024} * 1024;
  const std::string command(500'000, 'a');
  const ReadOutcome out = readRequest(request("POST /exec/a?command=" + command), 16'384, limits);
  EXPECT_EQ(out.text, "POST /exec/a");
  EXPECT_EQ(out.taken.request.target.get("command"), command);
}

// What request_fuzz.cc does at length.
TEST(RequestReader, MutatedRequestsDoNoHarm) {
  const std::string seeds[] = {
      request("GET /containerLogs/a/b/c?follow=true&tailLines=5"),
      request("POST /exec/a/b/c?command=ls&output=1", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"),
      request("POST /run/a/b/c?cmd=ls", "Transfer-Encoding: chunked\r\n") +
          "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: t\r\n\r\n",
      request("POST /run/a/b/c?cmd=ls", "Content-Length: 3\r\n") + "abc",
  };
  const std::string_view tokens[] = {"\r\n",     ":",        " ",     "%00", "..", "/", "Content-Length: 1\r\n",
                                     "HTTP/1.1", "\r\n\r\n", "0\r\n", "?"};
  std::minstd_rand random(7);
  int served = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random() % 4];
    for (unsigned changes = random() % 6; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.insert(at, tokens[random() % 11]);
          break;
        case 2:
          bytes.erase(at, 1 + random() % 8);
          break;
        default:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 32));
          break;
      }
      if (bytes.empty()) bytes = "G";
    }
    ASSERT_EQ(harmOf(bytes, 1 + random() % 64), "") << bytes;
    if (readRequest(bytes).read) ++served;
  }
  EXPECT_GT(served, 1000) << "the mutations are too wild to test anything";
}

}  // namespace
}  // namespace cubelet::web
