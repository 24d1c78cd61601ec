#include "base/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/http/tls.h"
#include "base/http/url.h"

namespace cubelet::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kPiece = 4096;
constexpr std::string_view kHttpStart = "HTTP/";

// "Connection refused" -> "connection refused"
std::unexpected<Error> netFailure(const std::string& doing, const error_code& why) {
  std::string text = why.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return fail(Code::kUnavailable, "", doing + ": " + text);
}

}  // namespace

Connection::Connection(Loop& loop) : socket_(loop.context()) {}

Task<Result<void>> Connection::open(std::string address, std::uint16_t port) {
  peer_ = hostAndPort(address, port);
  error_code failure;
  const asio::ip::address to = asio::ip::make_address(address, failure);
  if (failure) co_return fail(Code::kInvalid, "", "dial tcp " + peer_ + ": not an address");
  const tcp::endpoint endpoint(to, port);
  auto connected = co_await socket_.async_connect(endpoint, kAwait);
  failure = std::get<0>(connected);
  if (failure) co_return netFailure("dial tcp " + peer_ + ": connect", failure);
  co_return Result<void>();
}

Task<Result<void>> Connection::startTls(std::shared_ptr<const tls::Context> context, std::string serverName) {
  tls_ = std::make_unique<tls::Session>(*context, serverName);
  // The request follows the end of the handshake at once, and shall not wait for its acknowledgement.
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  std::string start;  // of what the other side says
  for (;;) {
    Result<bool> ready = tls_->handshake();
    // An alert that explains the failure, or the next message.
    Result<void> sent = co_await sendRaw(tls_->takeOutput());
    if (!ready && start.starts_with(kHttpStart))
      co_return fail(Code::kUnavailable, kPlainHttpAnswer, "http: server gave HTTP response to HTTPS client");
    if (!ready) co_return fail(ready.error());
    if (!sent) co_return sent;
    if (*ready) co_return Result<void>();
    Result<std::string> bytes = co_await receiveRaw();
    if (!bytes) co_return fail(bytes.error());
    if (bytes->empty()) co_return fail(Code::kUnavailable, "", "EOF");
    if (start.size() < kHttpStart.size()) start += bytes->substr(0, kHttpStart.size());
    tls_->feed(*bytes);
  }
}

Task<Result<void>> Connection::send(std::string bytes) {
  if (tls_) {
    Result<void> encrypted = tls_->encrypt(bytes);
    if (!encrypted) co_return encrypted;
    bytes = tls_->takeOutput();
  }
  Result<void> sent = co_await sendRaw(std::move(bytes));
  co_return sent;
}

Task<Result<std::string>> Connection::receive() {
  for (;;) {
    if (tls_) {
      Result<std::string> plain = tls_->decrypt(kPiece);
      // TLS itself may have something to answer, and the server may wait for that. Where it does not, what it has said
      // still counts.
      if (tls_->hasOutput()) static_cast<void>(co_await sendRaw(tls_->takeOutput()));
      if (!plain || !plain->empty() || tls_->ended()) co_return plain;
    }
    Result<std::string> bytes = co_await receiveRaw();
    if (!tls_ || !bytes || bytes->empty()) co_return bytes;
    tls_->feed(*bytes);
  }
}

void Connection::close() {
  error_code ignored;
  socket_.close(ignored);
}

Task<Result<void>> Connection::sendRaw(std::string bytes) {
  if (bytes.empty()) co_return Result<void>();
  // A request is small and the socket new: as good as always it takes all of it, without a turn of the loop.
  const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(bytes.size())) co_return Result<void>();
  const auto buffer = asio::buffer(bytes) + (sent > 0 ? static_cast<std::size_t>(sent) : 0);
  auto written = co_await asio::async_write(socket_, buffer, kAwait);
  if (const error_code failure = std::get<0>(written)) co_return netFailure("write tcp " + peer_, failure);
  co_return Result<void>();
}

Task<Result<std::string>> Connection::receiveRaw() {
  std::string bytes(kPiece, '\0');
  const auto buffer = asio::buffer(bytes);
  auto read = co_await socket_.async_read_some(buffer, kAwait);
  const error_code failure = std::get<0>(read);
  if (failure && failure != asio::error::eof) co_return netFailure("read tcp " + peer_ + ": read", failure);
  bytes.resize(std::get<1>(read));
  co_return bytes;
}

Deadline::Deadline(Clock& clock, TimePoint when, Connection& connection)
    : timer_(clock.at(when, [this, &connection] {
        passed_ = true;
        connection.close();
      })) {}

}  // namespace cubelet::http
