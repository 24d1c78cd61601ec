#include "kubelet/apiserver/test_web_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <openssl/ssl.h>
#include <set>
#include <type_traits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/park.h"
#include "base/wake.h"

namespace cubelet::apiserver {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using TlsStream = asio::ssl::stream<tcp::socket>;
using boost::system::error_code;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
  return text;
}

}  // namespace

struct TestWebServer::Parts {
  explicit Parts(Loop& loop)
      : loop(loop), acceptor(loop.context(), {asio::ip::address_v4::loopback(), 0}), tasks(loop) {}
  Loop& loop;
  tcp::acceptor acceptor;
  std::shared_ptr<asio::ssl::context> tls;
  bool http2 = false;
  std::set<class Connection*> live;
  TaskGroup tasks;
};

// What both protocols need of a connection: bytes out in order, an end.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;
  virtual tcp::socket& socket() = 0;
  void write(std::string_view bytes) {
    out_.append(bytes);
    park_.wake();
  }
  // After everything that was written.
  void closeWhenSent() {
    closing_ = true;
    park_.wake();
  }
  void cut() {
    error_code ignored;
    socket().close(ignored);
    gone = true;
    park_.wake();
  }
  bool gone = false;

 protected:
  std::string out_;
  bool closing_ = false;
  Park park_;
};

namespace {

// ---- HTTP/1.1

class ChunkedReply final : public OpenReply {
 public:
  explicit ChunkedReply(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
  void send(std::string_view piece) override {
    char size[20];
    const auto [end, error] = std::to_chars(size, size + sizeof size, piece.size(), 16);
    write(std::string(size, end) + "\r\n" + std::string(piece) + "\r\n");
  }
  void finish(std::string_view last) override {
    if (!last.empty()) send(last);
    write("0\r\n\r\n");
  }
  void cut() override {
    if (auto connection = connection_.lock()) connection->cut();
  }
  void reset() override { cut(); }
  bool abandoned() const override {
    auto connection = connection_.lock();
    return !connection || connection->gone;
  }

 private:
  void write(const std::string& bytes) {
    if (auto connection = connection_.lock()) connection->write(bytes);
  }
  std::weak_ptr<Connection> connection_;
};

std::string headOf(const Reply& reply) {
  std::string head =
      "HTTP/1.1 " + std::to_string(reply.status) + " Whatever\r\nContent-Type: " + reply.contentType + "\r\n";
  for (const std::string& line : reply.headers) head += line + "\r\n";
  if (reply.then == Reply::Then::kOpen) return head + "Transfer-Encoding: chunked\r\n\r\n";
  const std::size_t more = reply.then == Reply::Then::kCut ? 1 : 0;
  return head + "Content-Length: " + std::to_string(reply.body.size() + more) + "\r\n\r\n";
}

ServedRequest parseHead(const std::string& head) {
  ServedRequest request;
  const std::size_t first = head.find(' ');
  const std::size_t second = head.find(' ', first + 1);
  request.method = head.substr(0, first);
  request.target = head.substr(first + 1, second - first - 1);
  std::size_t at = head.find("\r\n") + 2;
  for (std::size_t end = 0; (end = head.find("\r\n", at)) != at && end != std::string::npos; at = end + 2) {
    const std::string line = head.substr(at, end - at);
    const std::size_t colon = line.find(':');
    const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    request.headers[lower(line.substr(0, colon))] = line.substr(value);
  }
  return request;
}

// ---- HTTP/2 (RFC 9113), as much as curl needs. Request headers are not decoded. No flow control: curl opens windows
// of 32 MiB.

enum FrameType : std::uint8_t { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoAway, kWindowUpdate };
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::size_t kMaxFrame = 16'384;

std::string number32(std::uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::uint32_t number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  return number32(static_cast<std::uint32_t>(payload.size()) << 8 | type) + char(flags) + number32(stream) +
         std::string(payload);
}

std::string dataFrames(std::uint32_t stream, std::string_view data, bool end) {
  std::string frames;
  while (data.size() > kMaxFrame) {
    frames += frame(kData, 0, stream, data.substr(0, kMaxFrame));
    data.remove_prefix(kMaxFrame);
  }
  return frames + frame(kData, end ? kEndStream : 0, stream, data);
}

// HPACK, literal and without the dynamic table: ":status" is entry 8, "content-type" entry 31 of the static one.
std::string headersFrame(std::uint32_t stream, const Reply& reply) {
  return frame(kHeaders, kEndHeaders, stream,
               std::string("\x08\x03", 2) + std::to_string(reply.status) + "\x0f\x10" + char(reply.contentType.size()) +
                   reply.contentType);
}

class FramedReply final : public OpenReply {
 public:
  FramedReply(std::weak_ptr<Connection> connection, std::uint32_t stream)
      : connection_(std::move(connection)), stream_(stream) {}
  void send(std::string_view piece) override { write(dataFrames(stream_, piece, false)); }
  void finish(std::string_view last) override { write(dataFrames(stream_, last, true)); }
  void cut() override {
    if (auto connection = connection_.lock()) connection->cut();
  }
  void reset() override { write(frame(kReset, 0, stream_, number32(2))); }  // INTERNAL_ERROR
  bool abandoned() const override {
    auto connection = connection_.lock();
    return wasReset || !connection || connection->gone;
  }
  bool wasReset = false;

 private:
  void write(const std::string& bytes) {
    if (auto connection = connection_.lock()) connection->write(bytes);
  }
  std::weak_ptr<Connection> connection_;
  std::uint32_t stream_;
};

}  // namespace

template <class Stream>
class ConnectionOf final : public Connection {
 public:
  ConnectionOf(TestWebServer& server, TestWebServer::Parts& parts, Stream stream, int number)
      : server_(server), parts_(parts), stream_(std::move(stream)), number_(number) {
    parts_.live.insert(this);
  }
  ~ConnectionOf() override { parts_.live.erase(this); }

  tcp::socket& socket() override {
    if constexpr (kTls)
      return stream_.next_layer();
    else
      return stream_;
  }

  static Task<void> run(std::shared_ptr<ConnectionOf> self) {
    if (co_await self->handshake()) {
      self->parts_.tasks.spawn("writer", writer(self));
      if (self->http2_)
        co_await self->framed();
      else
        co_await self->plain();
    }
    self->cut();
  }

 private:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  Task<bool> handshake() {
    if constexpr (kTls) {
      error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      co_await stream_.async_handshake(asio::ssl::stream_base::server, token);
      if (error) co_return false;
      SSL* ssl = stream_.native_handle();
      if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) server_.lastServerName = name;
      if (X509* certificate = SSL_get0_peer_certificate(ssl)) {
        char name[100] = {};
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
        client_ = name;
      }
      const unsigned char* protocol = nullptr;
      unsigned size = 0;
      SSL_get0_alpn_selected(ssl, &protocol, &size);
      http2_ = size == 2;
    }
    co_return true;
  }

  static Task<void> writer(std::shared_ptr<ConnectionOf> self) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    while (!self->gone && !error) {
      if (self->out_.empty() && self->closing_) break;
      if (self->out_.empty()) {
        co_await self->park_.wait();
        co_await throwIfCancelled();
        continue;
      }
      const std::string bytes = std::exchange(self->out_, {});
      co_await asio::async_write(self->stream_, asio::buffer(bytes), token);
    }
    self->cut();
  }

  // False when there is no more.
  Task<bool> fill(std::size_t size) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (in_.size() < size)
      co_await asio::async_read(stream_, asio::dynamic_buffer(in_), asio::transfer_exactly(size - in_.size()), token);
    co_return !error;
  }

  std::string take(std::size_t size) {
    std::string taken = in_.substr(0, size);
    in_.erase(0, size);
    return taken;
  }

  Reply ask(ServedRequest request) {
    request.client = client_;
    request.connection = number_;
    server_.requests.push_back(request);
    return server_.answer(request);
  }

  Task<void> plain() {
    for (;;) {
      error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      const std::size_t size = co_await asio::async_read_until(stream_, asio::dynamic_buffer(in_), "\r\n\r\n", token);
      if (error) co_return;
      ServedRequest request = parseHead(take(size));
      const auto length = request.headers.find("content-length");
      const std::size_t bodySize = length == request.headers.end() ? 0 : std::stoul(length->second);
      if (!co_await fill(bodySize)) co_return;
      request.body = take(bodySize);
      const Reply reply = ask(std::move(request));
      if (reply.then == Reply::Then::kOpen || reply.then == Reply::Then::kNothing)
        server_.open.push_back(std::make_shared<ChunkedReply>(this->weak_from_this()));
      if (reply.then == Reply::Then::kNothing) continue;
      this->write(headOf(reply));
      if (reply.then != Reply::Then::kOpen)
        this->write(reply.body);
      else if (!reply.body.empty())
        server_.open.back()->send(reply.body);
      if (reply.then == Reply::Then::kCut) this->closeWhenSent();
    }
  }

  Task<void> framed() {
    // As Go's server: at once, and 250 streams (setting 3).
    this->write(frame(kSettings, 0, 0, std::string("\0\3", 2) + number32(250)));
    constexpr std::size_t kPreface = 24;
    if (!co_await fill(kPreface)) co_return;
    take(kPreface);
    std::map<std::uint32_t, std::string> bodies;
    for (;;) {
      if (!co_await fill(9)) co_return;
      const std::string head = take(9);
      const std::size_t size = number(head.substr(0, 3));
      const auto type = static_cast<FrameType>(head[3]);
      const auto flags = static_cast<std::uint8_t>(head[4]);
      const std::uint32_t stream = number(head.substr(5)) & 0x7fffffff;
      if (!co_await fill(size)) co_return;
      const std::string payload = take(size);
      if (type == kSettings && (flags & kAck) == 0) this->write(frame(kSettings, kAck, 0, ""));
      if (type == kPing && (flags & kAck) == 0) this->write(frame(kPing, kAck, 0, payload));
      if (type == kReset && open_.contains(stream)) open_[stream]->wasReset = true;
      if (type == kData) bodies[stream] += payload;
      if ((type == kHeaders || type == kData) && (flags & kEndStream) != 0) replyTo(stream, std::move(bodies[stream]));
    }
  }

  void replyTo(std::uint32_t stream, std::string body) {
    const Reply reply = ask(ServedRequest{.body = std::move(body)});
    if (reply.then == Reply::Then::kOpen || reply.then == Reply::Then::kNothing) {
      open_[stream] = std::make_shared<FramedReply>(this->weak_from_this(), stream);
      server_.open.push_back(open_[stream]);
    }
    if (reply.then == Reply::Then::kNothing) return;
    this->write(headersFrame(stream, reply) + dataFrames(stream, reply.body, reply.then == Reply::Then::kComplete));
    if (reply.then == Reply::Then::kCut) this->closeWhenSent();
  }

  TestWebServer& server_;
  TestWebServer::Parts& parts_;
  Stream stream_;
  const int number_;
  bool http2_ = false;
  std::string client_;
  std::string in_;
  std::map<std::uint32_t, std::shared_ptr<FramedReply>> open_;
};

namespace {

Task<void> serve(TestWebServer* server, TestWebServer::Parts* parts) {
  for (;;) {
    tcp::socket socket = co_await parts->acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    const int number = ++server->connections;
    if (parts->tls) {
      auto connection =
          std::make_shared<ConnectionOf<TlsStream>>(*server, *parts, TlsStream(std::move(socket), *parts->tls), number);
      parts->tasks.spawn("connection", ConnectionOf<TlsStream>::run(connection));
    } else {
      auto connection = std::make_shared<ConnectionOf<tcp::socket>>(*server, *parts, std::move(socket), number);
      parts->tasks.spawn("connection", ConnectionOf<tcp::socket>::run(connection));
    }
  }
}

int selectProtocol(SSL*, const unsigned char** out, unsigned char* outSize, const unsigned char* in, unsigned inSize,
                   void* http2) {
  static constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
  static constexpr unsigned char kOld[] = "\x08http/1.1";
  const bool both = *static_cast<bool*>(http2);
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, outSize, both ? kBoth : kOld,
                                          both ? sizeof kBoth - 1 : sizeof kOld - 1, in, inSize);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

TestWebServer::TestWebServer(Loop& loop, std::optional<Tls> tls) : parts_(std::make_unique<Parts>(loop)) {
  if (tls) use(*tls);
  parts_->tasks.spawn("server", serve(this, parts_.get()));
}

TestWebServer::~TestWebServer() {
  parts_->loop.runToEnd(parts_->tasks.close());
}

std::uint16_t TestWebServer::port() const {
  return parts_->acceptor.local_endpoint().port();
}

void TestWebServer::use(const Tls& tls) {
  parts_->http2 = tls.http2;
  parts_->tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  parts_->tls->use_certificate_chain(asio::buffer(tls.certificate));
  parts_->tls->use_private_key(asio::buffer(tls.key), asio::ssl::context::pem);
  if (!tls.clientAuthority.empty()) {
    parts_->tls->add_certificate_authority(asio::buffer(tls.clientAuthority));
    parts_->tls->set_verify_mode(asio::ssl::verify_peer);
  }
  SSL_CTX_set_alpn_select_cb(parts_->tls->native_handle(), &selectProtocol, &parts_->http2);
}

void TestWebServer::closeConnections() {
  for (Connection* connection : parts_->live) connection->cut();
}

}  // namespace cubelet::apiserver
