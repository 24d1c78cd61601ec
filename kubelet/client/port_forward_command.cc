// cubelet port-forward: the protocol portforward.k8s.io, two streams for each connection that somebody makes here.
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <list>
#include <ostream>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kubelet/client/commands.h"
#include "kubelet/client/find_pod.h"
#include "kubelet/client/forwarded_port.h"
#include "kubelet/client/runtime_stream.h"

namespace cubelet::client {
namespace {

// Of what waits for one connection here to take it. The streams have no flow control: beyond this all have to wait.
constexpr std::size_t kMostWaiting = std::size_t{1024} * 1024;

struct Listener {
  Fd fd;
  ForwardedPort port;
};

Result<Listener> listenOn(const std::string& address, ForwardedPort port) {
  const std::string doing = "listen on " + address + " port " + std::to_string(port.here);
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  socklen_t size = sizeof v4;
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port.here);
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port.here);
    size = sizeof v6;
  } else {
    return fail(Code::kInvalid, "", doing + ": not a numeric address");
  }
  Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), name, size) != 0 || ::listen(fd.get(), 64) != 0 || ::getsockname(fd.get(), name, &size) != 0)
    return fail(errnoError(errno, doing));
  port.here = ntohs(v4.sin_port);  // stands at the same place in both kinds of address
  return Listener{.fd = std::move(fd), .port = port};
}

// One connection that somebody has made here.
struct Visitor {
  Fd fd;
  std::uint16_t there = 0;
  std::uint32_t data = 0;
  std::uint32_t error = 0;
  std::string waiting;    // to be written here
  bool saidAll = false;   // the visitor
  bool heardAll = false;  // the pod
  std::size_t pollIndex = 0;
  bool over() const { return !fd || (saidAll && heardAll && waiting.empty()); }
};

class Forwarder {
 public:
  Forwarder(RuntimeStream runtime, ClientIo& io, std::vector<Listener> listeners)
      : runtime_(std::move(runtime)), io_(io), listeners_(std::move(listeners)) {}

  // Until the runtime ends it.
  Error run() {
    for (;;) {
      if (Result<void> sent = runtime_.flush(); !sent) return sent.error();
      wait();
      for (std::size_t i = 0; i < listeners_.size(); ++i)
        if (fds_[1 + i].revents != 0) admit(listeners_[i]);
      for (Visitor& visitor : visitors_) serve(visitor);
      if (fds_[0].revents != 0) {
        Result<RuntimeStream::News> news = runtime_.read();
        if (!news) return news.error();
        for (SpdyFrame& frame : news->frames) take(frame);
        if (news->ended) return Error(Code::kUnavailable, "", "the runtime has ended the connection to the pod");
      }
      visitors_.remove_if([](const Visitor& visitor) { return visitor.over(); });
    }
  }

 private:
  void wait() {
    fds_.clear();
    bool heldUp = false;
    for (const Visitor& visitor : visitors_) heldUp = heldUp || visitor.waiting.size() > kMostWaiting;
    const int reads = heldUp ? 0 : POLLIN;
    fds_.push_back({.fd = runtime_.fd(), .events = static_cast<short>(reads | runtime_.wantsToWrite()), .revents = 0});
    for (const Listener& listener : listeners_)
      fds_.push_back({.fd = listener.fd.get(), .events = POLLIN, .revents = 0});
    for (Visitor& visitor : visitors_) {
      const int read = visitor.saidAll || runtime_.tooMuchWaiting() ? 0 : POLLIN;
      const int write = visitor.waiting.empty() ? 0 : POLLOUT;
      visitor.pollIndex = fds_.size();
      fds_.push_back({.fd = visitor.fd.get(), .events = static_cast<short>(read | write), .revents = 0});
    }
    ::poll(fds_.data(), fds_.size(), -1);
  }

  void admit(const Listener& listener) {
    Fd fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const std::string port = std::to_string(listener.port.there);
    const std::string number = std::to_string(++requests_);
    Visitor& visitor = visitors_.emplace_back();
    visitor.fd = std::move(fd);
    visitor.there = listener.port.there;
    visitor.error = runtime_.openStream({{"streamtype", "error"}, {"port", port}, {"requestid", number}});
    runtime_.send(visitor.error, "", true);
    visitor.data = runtime_.openStream({{"streamtype", "data"}, {"port", port}, {"requestid", number}});
  }

  void serve(Visitor& visitor) {
    // New ones have not been waited for yet.
    const short happened = visitor.pollIndex == 0 ? short{0} : fds_[visitor.pollIndex].revents;
    if (!visitor.saidAll && (happened & (POLLIN | POLLHUP | POLLERR)) != 0) readFrom(visitor);
    if (visitor.fd && (happened & (POLLERR | POLLHUP)) != 0 && visitor.saidAll) giveUp(visitor);
    if (visitor.fd && !visitor.waiting.empty()) writeTo(visitor);
  }

  void readFrom(Visitor& visitor) {
    std::array<char, 16 * 1024> buffer;
    const ssize_t n = ::recv(visitor.fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return giveUp(visitor);
    const auto size = static_cast<std::size_t>(n);
    visitor.saidAll = size == 0;
    runtime_.send(visitor.data, std::string_view(buffer.data(), size), visitor.saidAll);
  }

  void writeTo(Visitor& visitor) {
    const ssize_t n = ::send(visitor.fd.get(), visitor.waiting.data(), visitor.waiting.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return giveUp(visitor);
    visitor.waiting.erase(0, static_cast<std::size_t>(n));
    if (visitor.waiting.empty() && visitor.heardAll) ::shutdown(visitor.fd.get(), SHUT_WR);
  }

  // The visitor is gone.
  void giveUp(Visitor& visitor) {
    runtime_.reset(visitor.data);
    visitor.fd.reset();
  }

  void take(SpdyFrame& frame) {
    for (Visitor& visitor : visitors_) {
      if (!visitor.fd || (frame.id != visitor.data && frame.id != visitor.error)) continue;
      const bool reset = frame.kind == SpdyFrame::Kind::kReset;
      if (frame.id == visitor.error) {
        if (frame.data.empty()) return;
        io_.err << "port " << visitor.there << ": " << frame.data << "\n" << std::flush;
        visitor.fd.reset();
        return;
      }
      visitor.waiting += frame.data;
      if (reset) visitor.saidAll = true;
      if (!reset && !frame.last) return;
      visitor.heardAll = true;
      if (visitor.waiting.empty()) ::shutdown(visitor.fd.get(), SHUT_WR);
      return;
    }
  }

  RuntimeStream runtime_;
  ClientIo& io_;
  std::vector<Listener> listeners_;
  std::list<Visitor> visitors_;
  std::vector<pollfd> fds_;  // the runtime, the listeners, the visitors
  std::uint64_t requests_ = 0;
};

}  // namespace

Result<void> forwardPorts(AgentClient& agent, ClientIo& io, const PortForwardOptions& options) {
  std::vector<ForwardedPort> ports;
  for (const std::string& word : options.ports) {
    Result<ForwardedPort> port = parseForwardedPort(word);
    if (!port) return fail(port.error());
    ports.push_back(*port);
  }
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Result<const core::Pod*> pod = findPod(*pods, options.pod, options.ns);
  if (!pod) return fail(pod.error());
  const auto& meta = (*pod)->metadata();
  Result<StreamPlace> place =
      askForStream(agent, "/portforward?pod=" + urlEscape(meta.namespace_() + "/" + meta.name()));
  if (!place) return fail(place.error());
  Result<RuntimeStream> runtime = RuntimeStream::open(*place, {"portforward.k8s.io"});
  if (!runtime) return fail(runtime.error());

  std::vector<Listener> listeners;
  for (const ForwardedPort port : ports) {
    Result<Listener> listener = listenOn(options.address, port);
    if (!listener) return fail(listener.error());
    io.out << "Forwarding from " << options.address << ":" << listener->port.here << " -> " << port.there << "\n";
    listeners.push_back(*std::move(listener));
  }
  io.out << std::flush;
  Forwarder forwarder(*std::move(runtime), io, std::move(listeners));
  return fail(forwarder.run());
}

}  // namespace cubelet::client
