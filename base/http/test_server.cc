#include "base/http/test_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/park.h"
#include "base/tls/pem.h"
#include "base/tls/test_certificate.h"

namespace cubelet::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

void useBadCertificate(SSL_CTX* context) {
  const tls::SelfSigned own = tls::selfSigned();
  SSL_CTX_use_certificate(context, tls::certificatesIn(own.certificate)->front().get());
  SSL_CTX_use_PrivateKey(context, tls::privateKeyIn(own.key)->get());
}

}  // namespace

struct TestServer::State {
  explicit State(Loop& loop)
      : acceptor(loop.context(), tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        tls(asio::ssl::context::tls_server) {}
  tcp::acceptor acceptor;
  asio::ssl::context tls;
  bool usesTls = false;
};

TestServer::TestServer(Loop& loop, Answer answer, Kind kind)
    : answer_(std::move(answer)), loop_(loop), tasks_(loop), state_(std::make_unique<State>(loop)) {
  state_->usesTls = kind == Kind::kTls;
  if (state_->usesTls) useBadCertificate(state_->tls.native_handle());
  tasks_.spawn("accept", acceptAll());
}

TestServer::~TestServer() {
  loop_.runToEnd(tasks_.close());
}

std::uint16_t TestServer::port() const {
  return state_->acceptor.local_endpoint().port();
}

Task<void> TestServer::acceptAll() {
  using TlsStream = asio::ssl::stream<tcp::socket>;
  for (;;) {
    auto accepted = co_await state_->acceptor.async_accept(kAwait);
    if (std::get<0>(accepted)) co_return;
    ++connections_;
    tcp::socket socket = std::move(std::get<1>(accepted));
    if (state_->usesTls) {
      tasks_.spawn("connection", serve(std::make_shared<TlsStream>(std::move(socket), state_->tls)));
    } else {
      tasks_.spawn("connection", serve(std::make_shared<tcp::socket>(std::move(socket))));
    }
  }
}

template <class Stream>
Task<void> TestServer::serve(std::shared_ptr<Stream> stream) {
  struct Count {
    explicit Count(int* n) : count(n) { ++*count; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    ~Count() { --*count; }
    int* count;
  };
  Count counted(&open_);
  if constexpr (!std::is_same_v<Stream, tcp::socket>) {
    auto greeted = co_await stream->async_handshake(asio::ssl::stream_base::server, kAwait);
    if (std::get<0>(greeted)) co_return;
  }
  std::string request;
  if (anything_) {
    request.resize(4096);
    const auto buffer = asio::buffer(request);
    auto read = co_await stream->async_read_some(buffer, kAwait);
    if (std::get<0>(read)) co_return;
    request.resize(std::get<1>(read));
  } else {
    auto buffer = asio::dynamic_buffer(request);
    auto read = co_await asio::async_read_until(*stream, buffer, "\r\n\r\n", kAwait);
    if (std::get<0>(read)) co_return;
  }
  requests_.push_back(request);
  if (silent_) {
    Park forever;
    co_await forever.wait();
    co_return;
  }
  const std::string answer = answer_(request);
  const auto bytes = asio::buffer(answer);
  co_await asio::async_write(*stream, bytes, kAwait);
}

std::string answerWith(int status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Text\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string okAnswer(const std::string& body) {
  return answerWith(200, "", body);
}

}  // namespace cubelet::http
