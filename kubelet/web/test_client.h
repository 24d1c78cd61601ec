// TestClient: for tests, an HTTP client that shares the thread with the loop that serves it.
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/tls/context.h"
#include "base/tls/openssl.h"

namespace cubelet::web {

class TestClient {
 public:
  // Connects to 127.0.0.1. Never blocks.
  TestClient(Loop& loop, std::uint16_t port)
      : loop_(loop), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  // With a certificate of its own when `certificate` and `key` (PEM) are given. False: no handshake came about.
  bool startTls(const std::string& certificate = "", const std::string& key = "", int maxVersion = 0) {
    const std::shared_ptr<tls::Context> context = tls::Context::make(tls::Side::kClient).value();
    if (maxVersion != 0) SSL_CTX_set_max_proto_version(context->openssl(), maxVersion);
    if (!certificate.empty()) EXPECT_TRUE(context->useCertificate(certificate, key));
    session_.reset(SSL_new(context->openssl()));
    SSL_set_fd(session_.get(), fd_.get());
    int result = 0;
    int why = SSL_ERROR_NONE;
    soon([&] {
      result = SSL_connect(session_.get());
      why = SSL_get_error(session_.get(), result);
      return result == 1 || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE);
    });
    return result == 1;
  }

  void send(std::string_view text) {
    soon([&] {
      const auto sent =
          session_ ? static_cast<ssize_t>(SSL_write(session_.get(), text.data(), static_cast<int>(text.size())))
                   : ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
      return text.empty() || (sent < 0 && !session_ && errno != EAGAIN);
    });
  }
  void get(std::string_view target) { send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"); }
  void endSending() { ::shutdown(fd_.get(), SHUT_WR); }
  void hangUp() {
    session_.reset();
    fd_.reset();
  }

  // Everything received so far, once `enough` holds or the server has hung up.
  std::string read(const std::function<bool(const std::string&)>& enough) {
    const bool done = soon([&] { return take() || enough(received_); });
    EXPECT_TRUE(done) << "only received: " << received_.substr(0, 2000);
    return received_;
  }
  std::string readUntil(std::string_view text) {
    return read([text](const std::string& got) { return got.find(text) != std::string::npos; });
  }
  std::string readToEnd() {
    return read([](const std::string&) { return false; });
  }
  void forget() { received_.clear(); }
  bool ended() {
    take();
    return ended_;
  }

 private:
  // Runs the loop until `done` holds. The kernel's side of the connection does not ring on our loop, so that is asked
  // again and again. False: not in time.
  bool soon(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() >= until) return false;
      if (loop_.poll() == 0) ::usleep(200);
    }
    return true;
  }

  bool take() {
    char buffer[65536];
    for (;;) {
      const auto n = session_ ? static_cast<ssize_t>(SSL_read(session_.get(), buffer, sizeof buffer))
                              : ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n > 0) {
        received_.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      if (session_) {
        const int why = SSL_get_error(session_.get(), static_cast<int>(n));
        ended_ = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
      } else {
        ended_ = n == 0 || errno != EAGAIN;
      }
      return ended_;
    }
  }

  Loop& loop_;
  Fd fd_;
  std::unique_ptr<SSL, tls::FreeWith<SSL_free>> session_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace cubelet::web
