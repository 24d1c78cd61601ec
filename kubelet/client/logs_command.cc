#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "kubelet/client/commands.h"
#include "kubelet/client/find_pod.h"
#include "kubelet/client/json_fields.h"
#include "kubelet/logs/log_file.h"
#include "kubelet/logs/log_source.h"

namespace cubelet::client {
namespace {

using std::chrono::milliseconds;

Result<std::string> podLogsDir(AgentClient& agent) {
  Result<std::string> body = agent.get("/status");
  if (!body) return fail(body.error());
  std::string directory = textAt(nlohmann::json::parse(*body, nullptr, false), "podLogsDir");
  if (directory.empty()) return fail(Code::kInternal, "", "the agent does not tell where the logs are");
  return directory;
}

// Everything that is there now; false when nobody reads our output any more.
Result<bool> drain(logs::LogFile& log, std::ostream& out) {
  std::string room;
  for (;;) {
    std::string text;
    Result<bool> more = log.read(text, room);
    if (!more) return fail(more.error());
    out << text << std::flush;
    if (!out) return false;
    if (!*more) return true;
  }
}

// The runtime closes the log when the container ends, and the agent knows of the end a moment later.
constexpr milliseconds kFirstQuestion{50};

// Wakes when something in the directory of the log changes.
class LogWatch {
 public:
  static Result<LogWatch> create(const std::string& directory) {
    Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd) return fail(errnoError(errno, "watch " + directory));
    constexpr std::uint32_t kChanges = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE;
    if (::inotify_add_watch(fd.get(), directory.c_str(), kChanges) < 0)
      return fail(errnoError(errno, "watch " + directory));
    return LogWatch(std::move(fd));
  }
  enum class News {
    kNone,     // it was quiet for that long
    kChanged,  // there may be more to read
    kClosed,   // a file was closed or has gone: the container may have ended, or its log was rotated
  };
  News wait(milliseconds time) {
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(time.count())) <= 0) return News::kNone;
    News news = News::kChanged;
    alignas(inotify_event) std::array<char, 4096> buffer;
    for (ssize_t size; (size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0;)
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        if ((event.mask & (IN_CLOSE_WRITE | IN_DELETE | IN_IGNORED)) != 0) news = News::kClosed;
        at += sizeof event + event.len;
      }
    return news;
  }

 private:
  explicit LogWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// An agent that does not answer says nothing about the container: pods run on while it restarts.
bool agentSaysEnded(AgentClient& agent, const core::Pod& pod, const logs::LogSource& source) {
  Result<core::PodList> now = fetchPods(
      agent, "/pods?namespace=" + urlEscape(pod.metadata().namespace_()) + "&name=" + urlEscape(pod.metadata().name()));
  if (!now) return false;
  for (const core::Pod& one : now->items())
    if (one.metadata().uid() == pod.metadata().uid()) return !logs::stillRuns(one, source);
  return true;
}

Result<void> follow(AgentClient& agent, ClientIo& io, logs::LogFile& log, LogWatch& watch, const core::Pod& pod,
                    const logs::LogSource& source, milliseconds askEvery) {
  bool ended = !source.running;
  for (milliseconds pause = askEvery;;) {
    Result<bool> read = drain(log, io.out);
    if (!read) return fail(read.error());
    if (!*read || ended) return {};
    switch (watch.wait(pause)) {
      case LogWatch::News::kChanged:
        break;
      case LogWatch::News::kClosed:
        pause = std::min(kFirstQuestion, askEvery);
        break;
      case LogWatch::News::kNone:
        ended = agentSaysEnded(agent, pod, source);
        pause = std::min(pause * 2, askEvery);
        break;
    }
  }
}

}  // namespace

std::string chooseContainer(ClientIo& io, const core::Pod& pod, const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  std::string container = logs::defaultContainer(pod);
  const std::vector<std::string> names = logs::containerNames(pod);
  if (names.size() > 1) {
    io.err << "container " << container << " of:";
    for (const std::string& name : names) io.err << " " << name;
    io.err << " (choose with -c)\n";
  }
  return container;
}

Result<void> showLogs(AgentClient& agent, ClientIo& io, const LogsOptions& options) {
  Result<std::string> directory = podLogsDir(agent);
  if (!directory) return fail(directory.error());
  Result<core::PodList> pods = fetchPods(agent);
  if (!pods) return fail(pods.error());
  Result<const core::Pod*> pod = findPod(*pods, options.pod, options.ns);
  if (!pod) return fail(pod.error());
  const std::string container = chooseContainer(io, **pod, options.container);
  Result<logs::LogSource> source = logs::logSource(**pod, container, options.previous);
  if (!source) return fail(source.error());

  std::string path = *directory + "/" + source->path;
  logs::LogFormat format{.timestamps = options.timestamps, .since = {}, .only = {}};
  if (options.since) format.since = io.now() - std::chrono::duration_cast<WallTime::duration>(*options.since);
  // The watch stands before the first read, so that nothing falls between.
  std::optional<Result<LogWatch>> watch;
  if (options.follow) watch = LogWatch::create(path.substr(0, path.rfind('/')));
  Result<logs::LogFile> log = logs::LogFile::open(*directory, source->path, options.tail, format);
  if (!log) return fail(log.error());
  if (!watch) {
    Result<bool> read = drain(*log, io.out);
    if (!read) return fail(read.error());
    return {};
  }
  if (!*watch) return fail(watch->error());
  return follow(agent, io, *log, **watch, **pod, *source, options.askEvery);
}

}  // namespace cubelet::client
