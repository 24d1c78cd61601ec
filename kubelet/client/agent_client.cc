// The only place in this folder that knows Boost.Beast: it is slow to compile.
#include "kubelet/client/agent_client.h"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/fd.h"

namespace cubelet::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = asio::local::stream_protocol;
using boost::system::error_code;

Error notReachable(const std::string& path, int problem) {
  if (problem == EACCES || problem == EPERM)
    return Error(Code::kUnavailable, "", "no permission to use " + path + ": run this command as root");
  if (problem == ENOENT || problem == ECONNREFUSED)
    return Error(
        Code::kUnavailable, "",
        "no agent listens on " + path + ": start it (systemctl start cubelet), or name its socket with --socket PATH");
  return Error(Code::kUnavailable, "", "cannot connect to " + path + ": " + std::strerror(problem));
}

// A longer path than fits into an address goes through a descriptor of its directory.
Result<Fd> connectTo(const std::string& path) {
  Fd directory;
  std::string address = path;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return fail(notReachable(path, ENAMETOOLONG));
    directory = Fd(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return fail(notReachable(path, errno));
    address = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
    if (address.size() >= sizeof(sockaddr_un::sun_path)) return fail(notReachable(path, ENAMETOOLONG));
  }
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.copy(name.sun_path, sizeof name.sun_path - 1);
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
    return fail(notReachable(path, errno));
  return socket;
}

http::request<http::empty_body> requestFor(const std::string& target) {
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, "localhost");
  request.keep_alive(false);
  return request;
}

// The agent's refusals are one line of text.
std::optional<Error> refusal(unsigned status, std::string body, const std::string& path) {
  if (status == 200) return std::nullopt;
  while (!body.empty() && body.back() == '\n') body.pop_back();
  if (body.empty()) body = "the agent answered with status " + std::to_string(status);
  if (status == 404) return Error(Code::kNotFound, "", std::move(body));
  if (status == 403) return notReachable(path, EACCES);
  if (status == 503) return Error(Code::kUnavailable, "", std::move(body));
  return Error(Code::kInternal, "", std::move(body));
}

Error brokenAnswer(const std::string& path, const error_code& failure) {
  return Error(Code::kUnavailable, "", "the agent at " + path + " gave no whole answer: " + failure.message());
}

}  // namespace

std::string urlEscape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      escaped.push_back(c);
    } else {
      escaped.push_back('%');
      escaped.push_back(kHex[byte >> 4]);
      escaped.push_back(kHex[byte & 15]);
    }
  }
  return escaped;
}

Result<std::string> AgentClient::get(const std::string& target) {
  Result<Fd> connected = connectTo(path_);
  if (!connected) return fail(connected.error());
  asio::io_context loop(1);
  Stream::socket socket(loop, Stream(), connected->release());
  auto request = requestFor(target);
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  beast::flat_buffer buffer;
  error_code failure = asio::error::timed_out;
  auto received = [&](const error_code& e, std::size_t) { failure = e; };
  auto sent = [&](const error_code& e, std::size_t) {
    // A refused connection may be closed before the question is written; the answer still waits to be read.
    if (e && e != asio::error::broken_pipe) {
      failure = e;
    } else {
      http::async_read(socket, buffer, parser, received);
    }
  };
  http::async_write(socket, request, sent);
  loop.run_for(patience_);
  if (!loop.stopped())
    return fail(Code::kTimedOut, "",
                "the agent at " + path_ + " does not answer; it may be hung (journalctl -u cubelet)");
  if (failure) return fail(brokenAnswer(path_, failure));
  std::string body = std::move(parser.get().body());
  if (auto refused = refusal(parser.get().result_int(), body, path_)) return fail(*refused);
  return body;
}

Result<void> AgentClient::follow(const std::string& target, const std::function<bool(std::string_view)>& line) {
  Result<Fd> connected = connectTo(path_);
  if (!connected) return fail(connected.error());
  asio::io_context loop(1);
  Stream::socket socket(loop, Stream(), connected->release());
  error_code failure;
  http::write(socket, requestFor(target), failure);
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  beast::flat_buffer buffer;
  http::read_header(socket, buffer, parser, failure);
  if (failure) return fail(brokenAnswer(path_, failure));

  std::string text;
  while (!parser.is_done()) {
    char portion[16 * 1024];
    parser.get().body().data = portion;
    parser.get().body().size = sizeof portion;
    http::read_some(socket, buffer, parser, failure);
    if (failure && failure != http::error::need_buffer) break;
    text.append(portion, sizeof portion - parser.get().body().size);
    if (parser.get().result_int() != 200) continue;
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      if (!line(std::string_view(text).substr(0, end))) return {};
  }
  if (auto refused = refusal(parser.get().result_int(), text, path_)) return fail(*refused);
  if (!parser.is_done()) return fail(Code::kUnavailable, "", "the agent at " + path_ + " ended the connection");
  return {};
}

}  // namespace cubelet::client
