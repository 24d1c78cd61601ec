// cubelet exec and attach: the protocol v4.channel.k8s.io, one stream for each of error, stdin, stdout, stderr and
// resize.
#include <array>
#include <cerrno>
#include <ostream>
#include <poll.h>
#include <set>
#include <unistd.h>

#include "kubelet/client/commands.h"
#include "kubelet/client/exec_outcome.h"
#include "kubelet/client/find_pod.h"
#include "kubelet/client/runtime_stream.h"
#include "kubelet/client/terminal.h"

namespace cubelet::client {
namespace {

struct Wanted {
  bool input = false;
  bool tty = false;
};

// One process at the other end.
class Session {
 public:
  Session(RuntimeStream runtime, ClientIo& io, Wanted wanted)
      : runtime_(std::move(runtime)), io_(io), raw_(wanted.tty ? io.input : -1), size_(wanted.tty ? io.input : -1) {
    error_ = open("error");
    if (wanted.input) input_ = open("stdin");
    output_ = open("stdout");
    if (wanted.tty)
      resize_ = open("resize");
    else
      errors_ = open("stderr");
    sendSize();
  }

  // What the runtime says of the end; empty: the connection broke.
  Result<std::string> run() {
    for (bool first = true;; first = false) {
      if (Result<void> sent = runtime_.flush(); !sent) broken_ = true;
      const bool reads = input_ != 0 && !runtime_.tooMuchWaiting();
      std::array<pollfd, 3> fds{
          pollfd{.fd = runtime_.fd(), .events = static_cast<short>(POLLIN | runtime_.wantsToWrite()), .revents = 0},
          pollfd{.fd = reads ? io_.input : -1, .events = POLLIN, .revents = 0},
          pollfd{.fd = size_.fd(), .events = POLLIN, .revents = 0}};
      if (broken_) fds[0].events = POLLIN;
      // What came with the answer to the upgrade is there without anything to wait for.
      if (::poll(fds.data(), fds.size(), first ? 0 : -1) < 0 && errno != EINTR)
        return fail(errnoError(errno, "wait for the runtime"));
      if (fds[1].revents != 0) readInput();
      if (fds[2].revents != 0) {
        size_.clear();
        sendSize();
      }
      if (!first && fds[0].revents == 0) continue;
      Result<RuntimeStream::News> news = runtime_.read();
      if (!news) return fail(news.error());
      for (const SpdyFrame& frame : news->frames) take(frame);
      if (news->ended || open_.empty() || !io_.out) return status_;
    }
  }

 private:
  std::uint32_t open(const char* type) {
    const std::uint32_t id = runtime_.openStream({{"streamtype", type}});
    // What we say only: its end is not waited for.
    if (std::string_view(type) != "stdin" && std::string_view(type) != "resize") open_.insert(id);
    return id;
  }

  void readInput() {
    std::array<char, 16 * 1024> buffer;
    const ssize_t n = ::read(io_.input, buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    const std::size_t size = n > 0 ? static_cast<std::size_t>(n) : 0;
    runtime_.send(input_, std::string_view(buffer.data(), size), size == 0);
    if (size == 0) input_ = 0;
  }

  void sendSize() {
    const std::string size = size_.json();
    if (resize_ != 0 && !size.empty()) runtime_.send(resize_, size);
  }

  void take(const SpdyFrame& frame) {
    if (frame.kind == SpdyFrame::Kind::kPing) return;
    if (!frame.data.empty()) {
      if (frame.id == output_) io_.out << frame.data << std::flush;
      if (frame.id == errors_) io_.err << frame.data << std::flush;
      if (frame.id == error_) status_ += frame.data;
    }
    const bool over = frame.last || frame.kind == SpdyFrame::Kind::kReset;
    if (over) open_.erase(frame.id);
    if (over && frame.id == input_) input_ = 0;
  }

  RuntimeStream runtime_;
  ClientIo& io_;
  RawTerminal raw_;
  TerminalSize size_;
  std::uint32_t error_ = 0;
  std::uint32_t input_ = 0;  // 0: there is none, or it has ended
  std::uint32_t output_ = 0;
  std::uint32_t errors_ = 0;
  std::uint32_t resize_ = 0;
  std::set<std::uint32_t> open_;  // whose end is waited for
  std::string status_;
  bool broken_ = false;  // the runtime reads no more; what it says still counts
};

const core::Container* specOf(const core::Pod& pod, const std::string& name) {
  for (const auto* containers : {&pod.spec().containers(), &pod.spec().initcontainers()})
    for (const core::Container& one : *containers)
      if (one.name() == name) return &one;
  return nullptr;
}

Result<int> stream(AgentClient& agent, ClientIo& io, const std::string& target, Wanted wanted) {
  Result<StreamPlace> place = askForStream(agent, target);
  if (!place) return fail(place.error());
  Result<RuntimeStream> runtime = RuntimeStream::open(*place, {"v4.channel.k8s.io"});
  if (!runtime) return fail(runtime.error());
  Session session(*std::move(runtime), io, wanted);
  Result<std::string> status = session.run();
  if (!status) return fail(status.error());
  // Whoever read the output has seen enough.
  if (!io.out) return kDone;
  return exitCodeIn(*status);
}

std::string targetOf(const char* route, const core::Pod& pod, const std::string& container, Wanted wanted) {
  std::string target =
      std::string(route) + "?pod=" + urlEscape(pod.metadata().namespace_() + "/" + pod.metadata().name());
  target += "&container=" + urlEscape(container) + "&stdout=1";
  target += wanted.tty ? "&tty=1" : "&stderr=1";
  if (wanted.input) target += "&stdin=1";
  return target;
}

}  // namespace

Result<int> execInContainer(AgentClient& agent, ClientIo& io, const ExecOptions& options) {
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Result<const core::Pod*> pod = findPod(*pods, options.pod, options.ns);
  if (!pod) return fail(pod.error());
  const std::string container = chooseContainer(io, **pod, options.container);
  const Wanted wanted{.input = options.input, .tty = options.tty};
  std::string target = targetOf("/exec", **pod, container, wanted);
  for (const std::string& word : options.command) target += "&command=" + urlEscape(word);
  return stream(agent, io, target, wanted);
}

Result<int> attachToContainer(AgentClient& agent, ClientIo& io, const ExecOptions& options) {
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Result<const core::Pod*> pod = findPod(*pods, options.pod, options.ns);
  if (!pod) return fail(pod.error());
  const std::string container = chooseContainer(io, **pod, options.container);
  const core::Container* spec = specOf(**pod, container);
  Wanted wanted{.input = options.input, .tty = spec != nullptr && spec->tty()};
  if (wanted.input && (spec == nullptr || !spec->stdin())) {
    io.err << "container " << container << " has no standard input (stdin: true): only its output is shown\n";
    wanted.input = false;
  }
  return stream(agent, io, targetOf("/attach", **pod, container, wanted), wanted);
}

}  // namespace cubelet::client
