#include "base/http/response_reader.h"

#include <gtest/gtest.h>

namespace cubelet::http {
namespace {

struct Case {
  std::string name;
  std::string bytes;
  std::string want;  // "200 body", or the error
  bool closes = false;
};

std::string read(const Case& row, std::size_t piece) {
  ResponseReader reader(10);
  for (std::size_t at = 0; at < row.bytes.size() && !reader.done(); at += piece)
    if (Result<void> fed = reader.feed(std::string_view(row.bytes).substr(at, piece)); !fed) return fed.error().message;
  if (row.closes && !reader.done())
    if (Result<void> ended = reader.end(); !ended) return ended.error().message;
  if (!reader.done()) return "not done";
  return std::to_string(reader.response().status) + " " + reader.response().body;
}

class ReadResponse : public testing::TestWithParam<Case> {};

// However the bytes arrive.
TEST_P(ReadResponse, InPiecesOfAnySize) {
  for (std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100000}})
    EXPECT_EQ(read(GetParam(), piece), GetParam().want) << "pieces of " << piece;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ReadResponse,
    testing::Values(
        Case{"Length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok"},
        Case{"NoBody", "HTTP/1.1 204 No Content\r\n\r\n", "204 "},
        Case{"LengthZero", "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", "500 "},
        Case{"UntilClosed", "HTTP/1.0 200 OK\r\n\r\nsome", "200 some", true},
        Case{"UntilClosedStillOpen", "HTTP/1.0 200 OK\r\n\r\nsome", "not done"},
        Case{"BareLineFeeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "200 x"},
        Case{"NoReason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "404 "},
        Case{"EmptyReason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "404 "},
        Case{"Continues", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 "},
        Case{"Chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n",
             "200 abcde"},
        Case{"ChunksWithBareLineFeeds", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n", "200 ab"},
        Case{"ChunkGoesOn", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
             "malformed HTTP chunked encoding"},
        Case{"ChunkEndsHalf", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\rb",
             "malformed HTTP chunked encoding"},
        Case{"BodyIsCut", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", "200 0123456789"},
        Case{"ChunkIsCut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n01234567890123456789",
             "200 0123456789"},
        Case{"Folded", "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 0\r\n\r\n", "200 "},
        Case{"ClosedAtOnce", "", "EOF", true}, Case{"ClosedInHead", "HTTP/1.1 200 OK\r\nX", "unexpected EOF", true},
        Case{"ClosedInBody", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "unexpected EOF", true},
        Case{"BadStatus", "HTTP/1.1 2x0 OK\r\n\r\n", "malformed HTTP status code in \"HTTP/1.1 2x0 OK\""},
        Case{"LongStatus", "HTTP/1.1 2000 OK\r\n\r\n", "malformed HTTP status code in \"HTTP/1.1 2000 OK\""},
        Case{"BadHeader", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "malformed HTTP header line \"nonsense\""},
        Case{"BadLength", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "malformed HTTP Content-Length \"x\""},
        Case{"BadChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             "malformed HTTP chunk size \"zz\""}),
    [](const auto& test) { return test.param.name; });

TEST(ReadResponse, SomethingElseIsRefusedWithoutALineEnd) {
  ResponseReader reader(10);
  Result<void> fed = reader.feed("SSH-2.0-OpenSSH");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message, "malformed HTTP response \"SSH-2.0-OpenSSH\"");
}

TEST(ReadResponse, AnEndBeforeTheEndIsAnError) {
  for (const std::string& whole :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n"),
        std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      ResponseReader reader(10);
      ASSERT_TRUE(reader.feed(whole.substr(0, size)));
      ASSERT_FALSE(reader.done()) << whole.substr(0, size);
      const Result<void> ended = reader.end();
      ASSERT_FALSE(ended);
      EXPECT_EQ(ended.error().code, Code::kUnavailable);
    }
  }
}

TEST(ReadResponse, HeadersHaveALimit) {
  ResponseReader reader(10);
  ASSERT_TRUE(reader.feed("HTTP/1.1 200 OK\r\n"));
  Result<void> fed;
  for (int i = 0; fed && i < 1000; ++i) fed = reader.feed("X: " + std::string(1000, 'x') + "\r\n");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message, "malformed HTTP response: its headers are too long");
}

TEST(ReadResponse, HeadersAreFoundInAnyCase) {
  ResponseReader reader(10);
  ASSERT_TRUE(reader.feed("HTTP/1.1 302 Found\r\nlocation:  /x \r\n\r\n"));
  EXPECT_EQ(reader.response().header("Location"), "/x");
  EXPECT_EQ(reader.response().header("Other"), "");
}

}  // namespace
}  // namespace cubelet::http
