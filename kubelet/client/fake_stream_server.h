// A runtime's streaming server for tests: SPDY/3.1 for one client, on a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <zlib.h>

#include "base/fd.h"
#include "kubelet/client/spdy.h"

namespace cubelet::client {

class FakeStreamServer {
 public:
  struct Frame {
    bool opens = false;  // a new stream, with `headers`
    bool resets = false;
    std::uint32_t id = 0;
    bool last = false;
    std::map<std::string, std::string> headers;
    std::string data;
  };

  // The client, once it has been answered that the protocol is changed.
  class Peer {
   public:
    explicit Peer(int fd) : fd_(fd) { ::inflateInit(&inflate_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { ::inflateEnd(&inflate_); }

    std::string head;  // of its request

    bool readHead() {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!more()) return false;
      head = buffer_.substr(0, end);
      buffer_.erase(0, end + 4);
      return true;
    }
    // Nothing: the client has hung up.
    std::optional<Frame> next() {
      while (buffer_.size() < 8 || buffer_.size() < 8 + number(4, 3, 1))
        if (!more()) return std::nullopt;
      const std::size_t length = number(4, 3, 1);
      Frame frame;
      frame.last = (buffer_[4] & 1) != 0;
      if ((buffer_[0] & 0x80) == 0) {
        frame.id = static_cast<std::uint32_t>(number(0, 4));
        frame.data = buffer_.substr(8, length);
      } else {
        frame.opens = number(2, 2) == 1;
        frame.resets = number(2, 2) == 3;
        frame.id = static_cast<std::uint32_t>(number(8, 4));
        if (frame.opens) frame.headers = headersIn(buffer_.substr(18, length - 10));
      }
      buffer_.erase(0, 8 + length);
      return frame;
    }
    void send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(n));
      }
    }
    void data(std::uint32_t id, std::string_view bytes, bool last = false) { send(SpdyWriter::data(id, bytes, last)); }
    // The new streams by their type, as many as are expected.
    std::map<std::string, std::uint32_t> streams(std::size_t count) {
      std::map<std::string, std::uint32_t> found;
      while (found.size() < count) {
        const std::optional<Frame> frame = next();
        if (!frame) break;
        if (frame->opens) found[frame->headers.at("streamtype")] = frame->id;
      }
      return found;
    }

   private:
    bool more() {
      std::array<char, 32 * 1024> piece;
      const ssize_t n = ::recv(fd_, piece.data(), piece.size(), 0);
      if (n <= 0) return false;
      buffer_.append(piece.data(), static_cast<std::size_t>(n));
      return true;
    }
    // Big endian, `count` bytes at `at` + `skip`.
    std::size_t number(std::size_t at, std::size_t count, std::size_t skip = 0) const {
      return numberIn(buffer_, at + skip, count);
    }
    static std::size_t numberIn(std::string_view bytes, std::size_t at, std::size_t count) {
      std::size_t value = 0;
      for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
      return value;
    }
    std::map<std::string, std::string> headersIn(std::string block) {
      std::string plain(4096, '\0');
      inflate_.next_in = reinterpret_cast<Bytef*>(block.data());
      inflate_.avail_in = static_cast<uInt>(block.size());
      inflate_.next_out = reinterpret_cast<Bytef*>(plain.data());
      inflate_.avail_out = static_cast<uInt>(plain.size());
      ::inflate(&inflate_, Z_SYNC_FLUSH);
      std::map<std::string, std::string> headers;
      std::size_t at = 4;
      const auto text = [&plain, &at] {
        const std::size_t size = numberIn(plain, at, 4);
        std::string found = plain.substr(at + 4, size);
        at += 4 + size;
        return found;
      };
      for (std::size_t count = numberIn(plain, 0, 4); count > 0; --count) {
        const std::string name = text();
        headers[name] = text();
      }
      return headers;
    }

    int fd_;
    std::string buffer_;
    z_stream inflate_{};
  };

  // `serve` runs on the server's thread; when it returns nothing more comes.
  explicit FakeStreamServer(std::function<void(Peer&)> serve,
                            std::string answer = "HTTP/1.1 101 Switching Protocols\r\n\r\n")
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.get(), 1);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve), answer = std::move(answer)] {
      const Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      Peer peer(fd.get());
      if (!fd || !peer.readHead()) return;
      head_ = peer.head;
      peer.send(answer);
      serve(peer);
      // Closing with something unread would take back what the client has not read yet.
      ::shutdown(fd.get(), SHUT_WR);
      while (peer.next()) continue;
    });
  }
  FakeStreamServer(const FakeStreamServer&) = delete;
  FakeStreamServer& operator=(const FakeStreamServer&) = delete;
  ~FakeStreamServer() { end(); }

  std::uint16_t port() const { return port_; }
  // Waits for the end of `serve`; then head() is what the client asked for.
  void end() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  const std::string& head() const { return head_; }

 private:
  Fd listener_;
  std::uint16_t port_ = 0;
  std::string head_;
  std::thread thread_;
};

}  // namespace cubelet::client
