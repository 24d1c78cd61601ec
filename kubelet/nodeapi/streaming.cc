#include "kubelet/nodeapi/streaming.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/task_group.h"
#include "kubelet/nodeapi/stream_request.h"
#include "kubelet/web/connection.h"
#include "kubelet/web/response.h"

namespace cubelet::nodeapi {
namespace {

using web::ConnectionPtr;
using web::Reply;
using web::RequestPtr;

// The streaming server is part of the runtime, on this machine.
constexpr Duration kDialTime = std::chrono::seconds(10);
// Between the end of the stream and the client's hanging up.
constexpr Duration kGoodbye = std::chrono::seconds(5);
// A client that has said its last word, and a runtime that says nothing to that. Whether such a client still listens
// cannot be known: some runtimes notice its end only when the command ends.
constexpr Duration kAfterLastWord = std::chrono::minutes(1);

// Two connections, and bytes from each to the other.
class Proxy final : public web::Takeover {
 public:
  Proxy(Loop& loop, Clock& clock, Duration idleTime, RequestPtr request, StreamUrl url)
      : loop_(loop), clock_(clock), idleTime_(idleTime), request_(std::move(request)), url_(std::move(url)) {}

  Task<void> run(ConnectionPtr client) override {
    Task<Result<ConnectionPtr>> dialing = web::Connection::dial(&loop_, &clock_, url_.host, url_.port, kDialTime);
    Result<ConnectionPtr> runtime = co_await std::move(dialing);
    if (!runtime) {
      const Reply reply =
          web::textReply(500, "cannot reach the runtime's streaming server: " + runtime.error().message + "\n");
      std::string bytes = web::responseHead(reply, web::BodyFraming::kLength, false, false) + reply.body;
      co_await client->write(std::move(bytes));
      co_return;
    }
    std::string request = forwardedRequest(*request_, url_);
    const bool sent = co_await (*runtime)->write(std::move(request));
    if (!sent) co_return;
    auto pair = std::make_shared<Pair>(clock_, client, *runtime, idleTime_);
    pair->watchIdle();
    std::vector<Task<void>> ways;
    ways.push_back(toRuntime(pair));
    ways.push_back(toClient(pair));
    Task<void> both = runAll(loop_, "stream", std::move(ways));
    co_await std::move(both);
  }

 private:
  struct Pair : std::enable_shared_from_this<Pair> {
    Pair(Clock& c, ConnectionPtr cl, ConnectionPtr r, Duration i)
        : clock(c), client(std::move(cl)), runtime(std::move(r)), idle(i), active(c.now()) {}

    // One timer, moved only when it fires.
    void watchIdle() {
      timer = clock.at(active + idle, [weak = weak_from_this()] {
        const std::shared_ptr<Pair> pair = weak.lock();
        if (!pair) return;
        if (pair->clock.now() < pair->active + pair->idle) return pair->watchIdle();
        pair->client->close();
        pair->runtime->close();
      });
    }

    Clock& clock;
    ConnectionPtr client;
    ConnectionPtr runtime;
    Duration idle;
    TimePoint active;
    bool over = false;  // the runtime has ended the stream
    Timer timer;
  };

  static Task<void> toRuntime(std::shared_ptr<Pair> pair) {
    for (;;) {
      std::string bytes = co_await pair->client->read();
      if (bytes.empty()) break;
      pair->active = pair->clock.now();
      const bool sent = co_await pair->runtime->write(std::move(bytes));
      if (!sent) co_return;
    }
    if (pair->over) co_return;
    // The client has said all it wanted; what the runtime says still counts.
    pair->active = pair->clock.now();
    pair->idle = std::min(pair->idle, kAfterLastWord);
    pair->watchIdle();
    co_await pair->runtime->finishWriting();
  }

  static Task<void> toClient(std::shared_ptr<Pair> pair) {
    for (;;) {
      std::string bytes = co_await pair->runtime->read();
      if (bytes.empty()) break;
      pair->active = pair->clock.now();
      const bool sent = co_await pair->client->write(std::move(bytes));
      if (!sent) break;
    }
    pair->over = true;
    pair->runtime->close();
    // What toRuntime() still reads of the client goes nowhere, until the client hangs up.
    pair->timer = web::Connection::deadline(pair->clock, pair->client, kGoodbye);
    co_await pair->client->finishWriting();
  }

  Loop& loop_;
  Clock& clock_;
  Duration idleTime_;
  RequestPtr request_;
  StreamUrl url_;
};

int statusOf(Code code) {
  if (code == Code::kNotFound) return 404;
  if (code == Code::kExhausted) return 429;
  return 500;
}

struct Found {
  core::Pod pod;
  const observe::ObservedPod* have = nullptr;  // valid until the next co_await
};

// Whoever has a static pod's UID from the API server means its mirror (STA-16).
bool isMeant(const NodeView& view, const StreamAsked& asked, const core::Pod& pod) {
  return asked.uid.empty() || asked.uid == pod.metadata().uid() || asked.uid == view.mirrorUid(asked.ns, asked.pod);
}

Result<Found> findPod(const NodeView& view, const StreamAsked& asked) {
  std::optional<core::Pod> pod = view.pod(asked.ns, asked.pod);
  if (!pod || !isMeant(view, asked, *pod)) return fail(Code::kNotFound, "", "pod does not exist");
  Found found;
  found.have = view.observed(pod->metadata().uid());
  found.pod = *std::move(pod);
  return found;
}

// The id of the container, which runs.
Result<std::string> runningContainer(const Found& found, const std::string& name) {
  const observe::ObservedContainer* newest = found.have != nullptr ? found.have->newest(name) : nullptr;
  if (newest == nullptr || newest->state != observe::ContainerState::kRunning)
    return fail(Code::kInvalid, "", "container not found (\"" + name + "\")");
  return newest->id;
}

Result<StreamUrl> parsed(const Result<std::string>& url) {
  if (!url) return fail(url.error());
  return parseStreamUrl(*url);
}

// What a request names in its path.
StreamAsked askedBy(const web::Request& request) {
  const auto parameter = [&request](const char* name) {
    const auto found = request.parameters.find(name);
    return found == request.parameters.end() ? std::string() : found->second;
  };
  StreamAsked asked;
  asked.ns = parameter("namespace");
  asked.pod = parameter("pod");
  asked.uid = parameter("uid");
  asked.container = parameter("container");
  asked.command = request.target.all("command");
  asked.streams = streamsOf(request.target);
  return asked;
}

Reply refusal(const Error& error) {
  return web::textReply(statusOf(error.code), error.message + "\n");
}

const core::Container* specOf(const core::Pod& pod, const std::string& name) {
  for (const core::Container& one : pod.spec().containers())
    if (one.name() == name) return &one;
  for (const core::Container& one : pod.spec().initcontainers())
    if (one.name() == name) return &one;
  return nullptr;
}

bool hasTty(const core::Pod& pod, const std::string& name) {
  if (const core::Container* container = specOf(pod, name)) return container->tty();
  for (const core::EphemeralContainer& one : pod.spec().ephemeralcontainers())
    if (one.ephemeralcontainercommon().name() == name) return one.ephemeralcontainercommon().tty();
  return false;
}

std::optional<Reply> cannotStream(const web::Request& request, const Streams& streams) {
  if (!streams.input && !streams.output && !streams.error)
    return web::textReply(400, "you must specify at least 1 of stdin, stdout, stderr\n");
  if (!asksForUpgrade(request)) return web::textReply(400, "Upgrade request required\n");
  return std::nullopt;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t space = text.find(' ');
    out.emplace_back(text.substr(0, space));
    if (space == std::string_view::npos) return out;
    text = text.substr(space + 1);
  }
}

}  // namespace

void Streaming::add(web::Router& router, std::vector<std::string> methods, const std::string& pattern, Serve serve) {
  router.add({.methods = std::move(methods),
              .pattern = pattern,
              .handler = [this, serve](RequestPtr request) { return (this->*serve)(std::move(request)); },
              .always = false});
}

void Streaming::addRoutes(web::Router& router) {
  const std::vector<std::string> both = {"GET", "POST"};
  for (const char* pod : {"/{namespace}/{pod}", "/{namespace}/{pod}/{uid}"}) {
    const std::string container = std::string(pod) + "/{container}";
    add(router, both, "/exec" + container, &Streaming::exec);
    add(router, both, "/attach" + container, &Streaming::attach);
    add(router, both, "/portForward" + std::string(pod), &Streaming::portForward);
    add(router, {"POST"}, "/run" + container, &Streaming::run);
  }
}

Reply Streaming::handOn(const RequestPtr& request, Result<StreamUrl> url) {
  if (!url) return refusal(url.error());
  Reply reply;
  reply.takeover = std::make_shared<Proxy>(loop_, clock_, idleTime_, request, *std::move(url));
  return reply;
}

Task<Result<StreamUrl>> Streaming::execUrl(StreamAsked asked) {
  const Result<Found> found = findPod(view_, asked);
  if (!found) co_return fail(found.error());
  const Result<std::string> id = runningContainer(*found, asked.container);
  if (!id) co_return fail(id.error());
  cri::v1::ExecRequest request;
  request.set_container_id(*id);
  for (std::string& word : asked.command) request.add_cmd(std::move(word));
  request.set_tty(asked.streams.tty);
  request.set_stdin(asked.streams.input);
  request.set_stdout(asked.streams.output);
  request.set_stderr(asked.streams.error && !asked.streams.tty);
  Task<Result<std::string>> asking = runtime_.exec(std::move(request));
  const Result<std::string> url = co_await std::move(asking);
  co_return parsed(url);
}

Task<Result<StreamUrl>> Streaming::attachUrl(StreamAsked asked) {
  const Result<Found> found = findPod(view_, asked);
  if (!found) co_return fail(found.error());
  const Result<std::string> id = runningContainer(*found, asked.container);
  if (!id) co_return fail(id.error());
  // Whether there is a terminal was decided when the container was made.
  const bool tty = hasTty(found->pod, asked.container);
  cri::v1::AttachRequest request;
  request.set_container_id(*id);
  request.set_tty(tty);
  request.set_stdin(asked.streams.input);
  request.set_stdout(asked.streams.output);
  request.set_stderr(asked.streams.error && !tty);
  Task<Result<std::string>> asking = runtime_.attach(std::move(request));
  const Result<std::string> url = co_await std::move(asking);
  co_return parsed(url);
}

Task<Result<StreamUrl>> Streaming::portForwardUrl(StreamAsked asked) {
  const Result<Found> found = findPod(view_, asked);
  if (!found) co_return fail(found.error());
  const observe::ObservedSandbox* sandbox = nullptr;
  if (found->have != nullptr)
    for (const observe::ObservedSandbox& one : found->have->sandboxes)
      if (sandbox == nullptr && one.ready) sandbox = &one;
  if (sandbox == nullptr) co_return fail(Code::kNotFound, "", "pod \"" + asked.pod + "\" has no running sandbox");
  cri::v1::PortForwardRequest request;
  request.set_pod_sandbox_id(sandbox->id);
  for (const std::uint16_t port : asked.ports) request.add_port(port);
  Task<Result<std::string>> asking = runtime_.portForward(std::move(request));
  const Result<std::string> url = co_await std::move(asking);
  co_return parsed(url);
}

Task<Reply> Streaming::exec(RequestPtr request) {
  StreamAsked asked = askedBy(*request);
  if (std::optional<Reply> refused = cannotStream(*request, asked.streams)) co_return *std::move(refused);
  Task<Result<StreamUrl>> asking = execUrl(std::move(asked));
  Result<StreamUrl> url = co_await std::move(asking);
  co_return handOn(request, std::move(url));
}

Task<Reply> Streaming::attach(RequestPtr request) {
  StreamAsked asked = askedBy(*request);
  if (std::optional<Reply> refused = cannotStream(*request, asked.streams)) co_return *std::move(refused);
  Task<Result<StreamUrl>> asking = attachUrl(std::move(asked));
  Result<StreamUrl> url = co_await std::move(asking);
  co_return handOn(request, std::move(url));
}

Task<Reply> Streaming::portForward(RequestPtr request) {
  if (!asksForUpgrade(*request)) co_return web::textReply(400, "Upgrade request required\n");
  StreamAsked asked = askedBy(*request);
  for (const std::string& port : request->target.all("port")) {
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failure != std::errc() || end != port.data() + port.size() || number == 0)
      co_return web::textReply(400, "port \"" + port + "\" is none\n");
    asked.ports.push_back(number);
  }
  Task<Result<StreamUrl>> asking = portForwardUrl(std::move(asked));
  Result<StreamUrl> url = co_await std::move(asking);
  co_return handOn(request, std::move(url));
}

// Both outputs, when the command has ended.
Task<Reply> Streaming::run(RequestPtr request) {
  const StreamAsked asked = askedBy(*request);
  const Result<Found> found = findPod(view_, asked);
  if (!found) co_return refusal(found.error());
  const Result<std::string> id = runningContainer(*found, asked.container);
  if (!id) co_return refusal(id.error());
  const std::string command(request->target.get("cmd"));
  Task<Result<cri::v1::ExecSyncResponse>> running = runtime_.execSync(*id, words(command), Duration::zero());
  Result<cri::v1::ExecSyncResponse> done = co_await std::move(running);
  if (!done) co_return refusal(done.error());
  std::string output = done->stdout() + done->stderr();
  if (done->exit_code() != 0)
    co_return web::textReply(
        500, "command '" + command + "' exited with " + std::to_string(done->exit_code()) + ": " + output);
  co_return web::textReply(200, std::move(output));
}

}  // namespace cubelet::nodeapi
