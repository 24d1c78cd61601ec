#include "kubelet/web/request_reader.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace cubelet::web {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

BadRequest whatIsWrong(const error_code& failure) {
  if (failure == http::error::header_limit) return {431, "the request's header is too large"};
  if (failure == http::error::body_limit) return {413, "the request's body is too large"};
  return {400, "this is not an HTTP/1.1 request: " + failure.message()};
}

}  // namespace

struct RequestReader::State {
  explicit State(RequestLimits l) : limits(l) {
    // The parser counts only whole lines: a line that does not end is counted here.
    parser.header_limit(static_cast<std::uint32_t>(limits.headerBytes));
    parser.body_limit(limits.bodyBytes);
    parser.eager(true);
  }
  RequestLimits limits;
  http::request_parser<http::string_body> parser;
  std::string buffer;
};

RequestReader::RequestReader(RequestLimits limits) : state_(std::make_unique<State>(limits)) {}

RequestReader::~RequestReader() = default;

std::optional<BadRequest> RequestReader::add(std::string_view bytes) {
  State& s = *state_;
  s.buffer += bytes;
  error_code failure;
  while (!s.buffer.empty() && !s.parser.is_done()) {
    const std::size_t used = s.parser.put(boost::asio::buffer(s.buffer), failure);
    s.buffer.erase(0, used);
    if (failure == http::error::need_more) {
      // Behind the header only a chunk's head can be incomplete, and that may be padded without end, too.
      if (s.buffer.size() <= s.limits.headerBytes) return std::nullopt;
      return BadRequest{431, "the request's header is too large"};
    }
    if (failure) return whatIsWrong(failure);
    if (used == 0) return std::nullopt;
  }
  return std::nullopt;
}

bool RequestReader::complete() const {
  return state_->parser.is_done();
}

bool RequestReader::begun() const {
  return state_->parser.got_some() || !state_->buffer.empty();
}

std::size_t RequestReader::buffered() const {
  return state_->buffer.size();
}

std::optional<BadRequest> RequestReader::take(Taken& out) {
  http::request<http::string_body> parsed = state_->parser.release();
  if (parsed.version() != 11 && parsed.version() != 10) return BadRequest{505, "only HTTP/1.0 and 1.1 are served"};
  if (parsed.version() == 11 && parsed.count(http::field::host) != 1)
    return BadRequest{400, "the request has no Host header, or several"};
  std::optional<Target> target = parseTarget(std::string_view(parsed.target()));
  if (!target || !isPlainPath(target->path)) return BadRequest{400, "the request's path cannot be read"};
  out.keepAlive = parsed.keep_alive();
  out.http10 = parsed.version() == 10;
  out.request.method = std::string(std::string_view(parsed.method_string()));
  out.request.target = *std::move(target);
  for (const auto& field : parsed)
    out.request.headers.emplace_back(std::string(std::string_view(field.name_string())),
                                     std::string(std::string_view(field.value())));
  out.request.body = std::move(parsed.body());
  out.rest = std::move(state_->buffer);
  return std::nullopt;
}

}  // namespace cubelet::web
