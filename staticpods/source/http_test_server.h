// A web server of one thread and few words, for the tests of this folder.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/loop.h"
#include "base/task.h"

namespace cubelet::staticpods {

// One request per connection, one connection at a time.
class HttpTestServer {
 public:
  explicit HttpTestServer(Loop& loop)
      : acceptor_(loop.context(), {boost::asio::ip::address_v4::loopback(), 0}), socket_(loop.context()) {}

  std::string url(const std::string& path = "/pods") const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
  }
  static std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string status(int code) {
    return "HTTP/1.1 " + std::to_string(code) + " Nope\r\nContent-Length: 0\r\n\r\n";
  }

  Task<void> run() {
    for (;;) {
      socket_ = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      std::string request;
      boost::system::error_code error;
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
      if (raw) {
        request.resize(1000);
        const std::size_t size = co_await socket_.async_read_some(boost::asio::buffer(request), token);
        requests.push_back(request.substr(0, size));
        socket_.close();
        continue;
      }
      auto buffer = boost::asio::dynamic_buffer(request);
      co_await boost::asio::async_read_until(socket_, buffer, "\r\n\r\n", token);
      requests.push_back(request);
      if (silent) continue;  // the connection stays open until the next one comes
      const std::string reply = answer(request);
      co_await boost::asio::async_write(socket_, boost::asio::buffer(reply), token);
      socket_.close();
    }
  }

  std::function<std::string(const std::string& request)> answer = [](const std::string&) { return ok("hello"); };
  bool silent = false;
  bool raw = false;  // takes the first bytes as the request, whatever they are, and hangs up
  std::vector<std::string> requests;

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace cubelet::staticpods
