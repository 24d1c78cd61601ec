#include "base/http/client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>

#include "base/ascii_case.h"
#include "base/http/connection.h"
#include "base/http/tls.h"

namespace cubelet::http {
namespace {

constexpr int kMaxRedirects = 10;
constexpr Duration kLookUpLimit = std::chrono::seconds(30);

bool isAddress(const std::string& host) {
  boost::system::error_code failure;
  static_cast<void>(boost::asio::ip::make_address(host, failure));
  return !failure;
}

Result<std::string> resolveName(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0)
    return fail(Code::kUnavailable, "", "dial tcp: lookup " + host + ": " + std::string(::gai_strerror(failed)));
  std::array<char, NI_MAXHOST> text{};
  const int named =
      ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(found);
  if (named != 0) return fail(Code::kUnavailable, "", "dial tcp: lookup " + host + ": no address");
  return std::string(text.data());
}

// A line end in a header would begin another one, or another request.
Result<std::string> textOf(const Request& request) {
  const bool ownHost = std::ranges::any_of(request.headers, [](const auto& header) {
    return sameIgnoringCase(header.first, "Host") && !header.second.empty();
  });
  std::string text = "GET " + request.url.target + " HTTP/1.1\r\n";
  if (!ownHost) text += "Host: " + hostAndPort(request.url) + "\r\n";
  for (const auto& [name, value] : request.headers) {
    if (sameIgnoringCase(name, "Host") && value.empty()) continue;
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return fail(Code::kInvalid, "", "invalid header field value for \"" + name + "\"");
    text += name + ": " + value + "\r\n";
  }
  return text + "Connection: close\r\n\r\n";
}

bool isRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::unexpected<Error> timedOut() {
  return fail(Code::kTimedOut, "", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
}

void dropHost(Request* request) {
  std::erase_if(request->headers, [](const auto& header) { return sameIgnoringCase(header.first, "Host"); });
}

}  // namespace

Task<Result<std::string>> lookUp(BlockingPool* pool, std::string host, Duration timeout) {
  if (isAddress(host)) co_return host;
  std::function<Result<std::string>()> job = [host] { return resolveName(host); };
  Result<std::string> address = co_await pool->run<std::string>("lookup " + host, timeout, std::move(job));
  co_return address;
}

Task<Result<std::string>> Client::addressOf(std::string host, TimePoint until) {
  const Duration left = std::min<Duration>(until - clock_.now(), kLookUpLimit);
  Result<std::string> address = co_await lookUp(&pool_, std::move(host), left);
  co_return address;
}

Task<Result<Response>> Client::get(Request request, std::optional<Duration> timeout) {
  const TimePoint until = timeout ? clock_.now() + *timeout : TimePoint::max();
  const std::string firstHost = request.url.host;
  for (int redirects = 0;; ++redirects) {
    const std::string doing = "Get \"" + toText(request.url) + "\"";
    Result<Response> response = co_await exchange(request, until);
    if (!response) co_return fail(response.error().within(doing));
    const std::string location(response->header("Location"));
    if (!isRedirect(response->status) || location.empty()) co_return response;
    Result<Url> next = resolve(request.url, location);
    if (!next) co_return fail(next.error().within(doing));
    if (next->host != firstHost) co_return response;
    if (redirects + 1 >= kMaxRedirects)  // as upstream counts: ten requests, the first one included
      co_return fail(Code::kUnavailable, "", doing + ": stopped after " + std::to_string(kMaxRedirects) + " redirects");
    // The host that the request names stays for as long as the redirects are relative.
    if (location.find("://") != std::string::npos || location.starts_with("//")) dropHost(&request);
    request.url = std::move(*next);
  }
}

Task<Result<Response>> Client::exchange(Request request, TimePoint until) {
  Result<std::string> text = textOf(request);
  if (!text) co_return fail(text.error());
  Result<std::string> address = co_await addressOf(request.url.host, until);
  if (!address) co_return fail(address.error());

  Connection connection(loop_);
  std::optional<Deadline> deadline;
  if (until != TimePoint::max()) deadline.emplace(clock_, until, connection);
  const auto outOfTime = [&deadline] { return deadline && deadline->passed(); };

  Result<void> opened = co_await connection.open(*address, portOf(request.url));
  if (outOfTime()) co_return timedOut();
  if (!opened) co_return fail(opened.error());
  if (request.url.scheme == "https") {
    if (!tls_) {
      Result<std::shared_ptr<const tls::Context>> made = contextForAnyServer();
      if (!made) co_return fail(made.error());
      tls_ = *std::move(made);
    }
    Result<void> secured = co_await connection.startTls(tls_, request.url.host);
    if (outOfTime()) co_return timedOut();
    if (!secured) co_return fail(secured.error());
  }
  // A server may answer and close before it has read all of the request.
  Result<void> sent = co_await connection.send(std::move(*text));
  if (outOfTime()) co_return timedOut();

  ResponseReader reader(request.bodyLimit);
  while (!reader.done()) {
    Result<std::string> bytes = co_await connection.receive();
    if (outOfTime()) co_return timedOut();
    if (!bytes) co_return fail(sent ? bytes.error() : sent.error());
    Result<void> read = bytes->empty() ? reader.end() : reader.feed(*bytes);
    if (!read) co_return fail(read.error());
  }
  co_return std::move(reader.response());
}

}  // namespace cubelet::http
