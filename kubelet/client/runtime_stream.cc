#include "kubelet/client/runtime_stream.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "kubelet/client/json_fields.h"

namespace cubelet::client {
namespace {

// Of the answer to the request for an upgrade.
constexpr std::size_t kMaxHead = std::size_t{64} * 1024;

Result<Fd> connectTo(const StreamPlace& place) {
  const std::string where = place.address + " port " + std::to_string(place.port);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const sockaddr* address = reinterpret_cast<const sockaddr*>(&v4);
  socklen_t size = sizeof v4;
  if (::inet_pton(AF_INET, place.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(place.port);
  } else if (::inet_pton(AF_INET6, place.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(place.port);
    address = reinterpret_cast<const sockaddr*>(&v6);
    size = sizeof v6;
  } else {
    return fail(Code::kInternal, "", "connect to the runtime at " + where + ": not an address");
  }
  Fd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), address, size) != 0)
    return fail(errnoError(errno, "connect to the runtime's streaming server at " + where));
  return fd;
}

Result<void> sendAll(const Fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "ask the runtime for a stream"));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// The head of the answer, with what has come behind it.
Result<std::string> readHead(const Fd& fd) {
  std::string got;
  std::array<char, 4096> buffer;
  while (got.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "ask the runtime for a stream"));
    if (n == 0 || got.size() > kMaxHead)
      return fail(Code::kUnavailable, "", "the runtime's streaming server gives no answer");
    got.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return got;
}

}  // namespace

Result<StreamPlace> askForStream(AgentClient& agent, const std::string& target) {
  Result<std::string> body = agent.get(target);
  if (!body) return fail(body.error());
  const auto json = nlohmann::json::parse(*body, nullptr, false);
  StreamPlace place{.address = textAt(json, "address"), .port = 0, .path = textAt(json, "path")};
  if (json.is_object() && json.contains("port") && json["port"].is_number_unsigned())
    place.port = json["port"].get<std::uint16_t>();
  if (place.port == 0 || place.path.empty())
    return fail(Code::kInternal, "", "the agent does not tell where the stream is");
  return place;
}

RuntimeStream::RuntimeStream(Fd fd, std::string rest) : fd_(std::move(fd)), writer_(std::make_unique<SpdyWriter>()) {
  reader_.add(rest);
}

Result<RuntimeStream> RuntimeStream::open(const StreamPlace& place, const std::vector<std::string>& protocols) {
  Result<Fd> fd = connectTo(place);
  if (!fd) return fail(fd.error());
  std::string request = "POST " + place.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n";
  request += "Upgrade: SPDY/3.1\r\nContent-Length: 0\r\n";
  for (const std::string& protocol : protocols) request += "X-Stream-Protocol-Version: " + protocol + "\r\n";
  if (Result<void> sent = sendAll(*fd, request + "\r\n"); !sent) return fail(sent.error());
  Result<std::string> got = readHead(*fd);
  if (!got) return fail(got.error());
  const std::string head = got->substr(0, got->find("\r\n\r\n"));
  std::string rest = got->substr(head.size() + 4);
  if (head.find(" 101 ") == std::string::npos)
    return fail(
        Code::kInternal, "",
        "the runtime refuses the stream: " + head.substr(0, head.find("\r\n")) + (rest.empty() ? "" : ": ") + rest);
  ::fcntl(fd->get(), F_SETFL, ::fcntl(fd->get(), F_GETFL) | O_NONBLOCK);
  return RuntimeStream(std::move(*fd), std::move(rest));
}

std::uint32_t RuntimeStream::openStream(const std::vector<std::pair<std::string, std::string>>& headers) {
  const std::uint32_t id = nextId_;
  nextId_ += 2;
  out_ += writer_->openStream(id, headers);
  return id;
}

void RuntimeStream::send(std::uint32_t stream, std::string_view bytes, bool last) {
  out_ += SpdyWriter::data(stream, bytes, last);
}

Result<void> RuntimeStream::flush() {
  while (!out_.empty()) {
    const ssize_t n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return {};
    if (n < 0) return fail(errnoError(errno, "send to the runtime"));
    out_.erase(0, static_cast<std::size_t>(n));
  }
  return {};
}

Result<RuntimeStream::News> RuntimeStream::read() {
  News news;
  std::array<char, 32 * 1024> buffer;
  const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  // A connection that was cut has no more to say either; what that means, the streams tell.
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) news.ended = true;
  if (n > 0) reader_.add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  for (;;) {
    Result<std::optional<SpdyFrame>> frame = reader_.next();
    if (!frame) return fail(frame.error());
    if (!*frame) return news;
    // Answered with the same number; those with an odd one would be answers to ours.
    if ((*frame)->kind == SpdyFrame::Kind::kPing && (*frame)->id % 2 == 0) out_ += SpdyWriter::pong((*frame)->id);
    if ((*frame)->kind == SpdyFrame::Kind::kGoAway) continue;
    news.frames.push_back(*std::move(*frame));
  }
}

}  // namespace cubelet::client
