#include "kubelet/web/connection.h"

#include <limits>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace cubelet::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kPiece = std::size_t{32} * 1024;

// Asio's own way to write all hands 64 KiB at most to the kernel at a time.
struct AllAtOnce {
  std::size_t operator()(const error_code& failure, std::size_t) const {
    return failure ? 0 : std::numeric_limits<std::size_t>::max();
  }
};

}  // namespace

Connection::Connection(tcp::socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  // Finds out that a client has vanished without a word, when nothing else is sent.
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  const tcp::endpoint peer = socket_.remote_endpoint(ignored);
  peer_ = peer.address().to_string();
}

Task<Result<ConnectionPtr>> Connection::dial(Loop* loop, Clock* clock, std::string address, std::uint16_t port,
                                             Duration time) {
  error_code failure;
  const asio::ip::address to = asio::ip::make_address(address, failure);
  if (failure) co_return fail(Code::kInvalid, "", "connect to " + address + ": not a numeric address");
  tcp::socket socket(loop->context());
  const tcp::endpoint endpoint(to, port);
  const std::string doing = "connect to " + address + " port " + std::to_string(port);
  bool late = false;
  Timer limit = clock->after(time, [&socket, &late] {
    late = true;
    error_code ignored;
    socket.close(ignored);
  });
  auto connected = co_await socket.async_connect(endpoint, kAwait);
  limit.cancel();
  failure = std::get<0>(connected);
  if (late) co_return fail(Code::kTimedOut, "", doing + ": no answer in time");
  if (failure) co_return fail(Code::kUnavailable, "", doing + ": " + failure.message());
  co_return std::make_shared<Connection>(std::move(socket));
}

Task<Result<void>> Connection::startTls(std::shared_ptr<const tls::Context> context) {
  tls_ = std::make_unique<tls::Session>(*context);
  for (;;) {
    Result<bool> ready = tls_->handshake();
    // The next message, or an alert that explains the failure.
    const bool sent = co_await flush();
    if (!ready) co_return fail(ready.error());
    if (!sent) co_return fail(Code::kUnavailable, "", "TLS handshake: the client is gone");
    if (*ready) break;
    const std::string bytes = co_await readRaw();
    if (bytes.empty()) co_return fail(Code::kUnavailable, "", "TLS handshake: the client is gone");
    tls_->feed(bytes);
  }
  releaseRoom();
  certificates_ = tls_->peerCertificates();
  co_return Result<void>();
}

Task<std::string> Connection::read() {
  if (!putBack_.empty()) co_return std::exchange(putBack_, std::string());
  for (;;) {
    if (tls_) {
      Result<std::string> plain = tls_->decrypt(kPiece);
      // TLS itself may have something to answer. Otherwise a client that does not read for now can still be heard.
      if (tls_->hasOutput()) co_await flush();
      if (!plain) co_return std::string();
      if (!plain->empty() || tls_->ended()) co_return *std::move(plain);
    }
    std::string bytes = co_await readRaw();
    if (!tls_ || bytes.empty()) co_return bytes;
    tls_->feed(bytes);
  }
}

void Connection::putBack(std::string bytes) {
  putBack_ = std::move(bytes);
}

Task<bool> Connection::write(std::string bytes) {
  if (!tls_ && output_.empty())
    output_ = std::move(bytes);
  else if (!put(bytes))
    co_return false;
  const bool written = co_await flush();
  releaseRoom();
  co_return written;
}

bool Connection::put(std::string_view bytes) {
  if (tls_) return tls_->encrypt(bytes).has_value();
  output_.append(bytes);
  return true;
}

bool Connection::hasOutput() const {
  return tls_ ? tls_->hasOutput() : !output_.empty();
}

void Connection::releaseRoom() {
  if (tls_)
    tls_->releaseRoom();
  else if (output_.empty())
    output_ = std::string();
}

// Whoever waits for its turn finds that its bytes have gone with those before it.
Task<bool> Connection::flush() {
  Semaphore::Permit permit = co_await writing_.acquire();
  std::string bytes = tls_ ? tls_->takeOutput() : std::exchange(output_, std::string());
  if (bytes.empty()) co_return socket_.is_open();
  const auto buffer = asio::buffer(bytes);
  auto written = co_await asio::async_write(socket_, buffer, AllAtOnce{}, kAwait);
  if (std::get<0>(written)) co_return false;
  bytes.clear();
  if (tls_)
    tls_->reuse(std::move(bytes));
  else if (output_.empty())
    output_ = std::move(bytes);
  co_return true;
}

Task<void> Connection::finishWriting() {
  if (tls_) {
    tls_->sayEnd();
    co_await flush();
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Connection::close() {
  error_code ignored;
  socket_.close(ignored);
}

Timer Connection::deadline(Clock& clock, const ConnectionPtr& connection, Duration time) {
  std::weak_ptr<Connection> weak = connection;
  return clock.after(time, [weak] {
    if (const ConnectionPtr open = weak.lock()) open->close();
  });
}

Task<std::string> Connection::readRaw() {
  // Whoever waits needs no buffer: most connections do nothing else.
  auto ready = co_await socket_.async_wait(tcp::socket::wait_read, kAwait);
  if (std::get<0>(ready)) co_return std::string();
  std::string bytes(kPiece, '\0');
  const auto buffer = asio::buffer(bytes);
  auto read = co_await socket_.async_read_some(buffer, kAwait);
  bytes.resize(std::get<0>(read) ? 0 : std::get<1>(read));
  co_return bytes;
}

}  // namespace cubelet::web
