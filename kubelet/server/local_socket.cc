// The only place in this folder that knows Boost.Beast: it is slow to compile.
#include "kubelet/server/local_socket.h"

#include <cerrno>
#include <list>
#include <optional>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/log.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/server/answers.h"
#include "kubelet/server/pod_watch.h"
#include "kubelet/server/socket_file.h"
#include "kubelet/web/target.h"

namespace cubelet::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = asio::local::stream_protocol;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr int kBacklog = 128;
constexpr Duration kAcceptPause = std::chrono::seconds(1);

struct Connection {
  explicit Connection(Stream::socket s) : socket(std::move(s)) {}
  void drop() {
    error_code ignored;
    socket.close(ignored);
  }
  Stream::socket socket;
};

// What waits for one client that follows the events, or watches the pods.
struct Follower {
  Follower(Clock& clock, std::shared_ptr<Connection> c, std::size_t most)
      : wake(clock), connection(std::move(c)), maxBytes(most) {}

  void add(std::string_view line) {
    if (over) return;
    if (waiting.size() + line.size() > maxBytes) {
      end("it reads too slowly");
      return;
    }
    waiting += line;
    wake.ring();
  }
  // Hangs up too: a write may be stuck on a client that does not read.
  void end(std::string_view why) {
    over = true;
    reason = why;
    waiting = std::string();
    connection->drop();
    wake.ring();
  }

  Wake wake;
  std::shared_ptr<Connection> connection;
  std::size_t maxBytes;
  std::string waiting;
  bool over = false;
  std::string reason;
};

std::optional<Peer> peerOf(Stream::socket& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return Peer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

// Says why and hangs up; whoever does not read it at once just sees the end.
void refuse(Stream::socket& socket, std::string_view status, std::string_view text) {
  std::string answer = "HTTP/1.1 ";
  answer.append(status).append("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ");
  answer.append(std::to_string(text.size())).append("\r\n\r\n").append(text);
  (void)::send(socket.native_handle(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  error_code ignored;
  socket.close(ignored);
}

// The answer to a request that could not be read; empty when there is nobody to answer.
std::optional<Answer> answerToBroken(const error_code& failure) {
  if (failure == http::error::end_of_stream || failure == http::error::partial_message) return std::nullopt;
  if (failure == http::error::header_limit || failure == http::error::buffer_overflow)
    return textAnswer(431, "the request's header is too large");
  if (failure == http::error::body_limit) return textAnswer(413, "the request's body is too large");
  if (failure.category() == http::make_error_code(http::error::bad_method).category())
    return textAnswer(400, "this is not an HTTP/1.1 request: " + failure.message());
  return std::nullopt;
}

http::response<http::string_body> toResponse(Answer answer, unsigned version, bool keepAlive) {
  http::response<http::string_body> response(http::status(answer.status), version);
  response.set(http::field::content_type, answer.contentType);
  response.set(http::field::cache_control, "no-store");
  if (answer.status == 405) response.set(http::field::allow, "GET");
  response.body() = std::move(answer.body);
  response.keep_alive(keepAlive);
  response.prepare_payload();
  return response;
}

}  // namespace

bool isRootOrSelf(const Peer& peer) {
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Shared with the coroutines, so that each can use it to its last statement.
struct LocalSocket::State : std::enable_shared_from_this<State> {
  State(Loop& l, Clock& c, AgentView& v, LocalSocketOptions o)
      : loop(l), clock(c), view(v), options(std::move(o)), acceptor(l.context()), tasks(l) {}

  // Ends the wait for a client after `time`: its socket is closed under the running operation.
  Timer deadline(const std::shared_ptr<Connection>& connection, Duration time) {
    std::weak_ptr<Connection> weak = connection;
    return clock.after(time, [weak] {
      if (auto open = weak.lock()) open->drop();
    });
  }

  void admit(Stream::socket socket);
  static Task<void> acceptAll(std::shared_ptr<State> self);
  static Task<void> serve(std::shared_ptr<State> self, std::shared_ptr<Connection> connection);
  static Task<void> serveRequests(std::shared_ptr<State> self, std::shared_ptr<Connection> connection);
  static Task<bool> send(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, Answer answer,
                         unsigned version, bool keepAlive);
  static Task<void> follow(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, unsigned version);
  static Task<void> watchPods(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, unsigned version,
                              std::string ns);
  static Task<bool> sendHead(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, unsigned version);
  static Task<bool> sendChunk(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, std::string text);
  static Task<void> noticeHangUp(std::shared_ptr<Connection> connection, std::shared_ptr<Follower> follower);

  Loop& loop;
  Clock& clock;
  AgentView& view;
  LocalSocketOptions options;
  std::optional<SocketFile> file;
  Stream::acceptor acceptor;
  std::list<std::shared_ptr<Connection>> open;
  TaskGroup tasks;
};

LocalSocket::LocalSocket(Loop& loop, Clock& clock, AgentView& view, LocalSocketOptions options)
    : state_(std::make_shared<State>(loop, clock, view, std::move(options))) {}

LocalSocket::~LocalSocket() = default;

std::size_t LocalSocket::connections() const {
  return state_->open.size();
}

Result<void> LocalSocket::open() {
  Result<SocketFile> file = SocketFile::listen(state_->options.path, kBacklog);
  if (!file) return fail(file.error());
  state_->file.emplace(*std::move(file));
  error_code failure;
  state_->acceptor.assign(Stream(), state_->file->takeListener().release(), failure);
  if (failure) return fail(Code::kInternal, "", "serve on " + state_->options.path + ": " + failure.message());
  state_->tasks.spawn("local socket", State::acceptAll(state_));
  return {};
}

Task<void> LocalSocket::close() {
  std::shared_ptr<State> state = state_;
  error_code ignored;
  state->acceptor.close(ignored);
  state->file.reset();
  for (const auto& connection : state->open) connection->drop();
  co_await state->tasks.close();
}

Task<void> LocalSocket::State::acceptAll(std::shared_ptr<State> self) {
  for (;;) {
    auto accepted = co_await self->acceptor.async_accept(kAwait);
    error_code failure = std::get<0>(accepted);
    if (!self->acceptor.is_open()) co_return;
    if (!failure) {
      self->admit(std::move(std::get<1>(accepted)));
    } else if (failure != asio::error::connection_aborted) {
      // Out of descriptors or memory: the connection still waits, so an immediate retry would spin.
      log::warning("the local socket cannot take a connection", {{"error", failure.message()}});
      co_await self->clock.sleep(kAcceptPause);
    }
  }
}

void LocalSocket::State::admit(Stream::socket socket) {
  std::optional<Peer> peer = peerOf(socket);
  if (!peer || !options.allow(*peer)) {
    log::warning("refused a user on the local socket", {{"uid", peer ? std::to_string(peer->uid) : "unknown"},
                                                        {"pid", peer ? std::to_string(peer->pid) : ""}});
    return refuse(socket, "403 Forbidden", "only root may ask this agent\n");
  }
  if (open.size() >= options.maxConnections)
    return refuse(socket, "503 Service Unavailable", "too many connections to the local socket; try again later\n");
  open.push_back(std::make_shared<Connection>(std::move(socket)));
  tasks.spawn("local connection", serve(shared_from_this(), open.back()));
}

Task<void> LocalSocket::State::serve(std::shared_ptr<State> self, std::shared_ptr<Connection> connection) {
  // Taken off the list however this ends, cancellation included.
  struct Leave {
    State& state;
    const std::shared_ptr<Connection>& connection;
    ~Leave() { state.open.remove(connection); }
  };
  Leave leave{*self, connection};
  Task<void> served = serveRequests(self, connection);
  co_await std::move(served);
  error_code ignored;
  connection->socket.shutdown(Stream::socket::shutdown_both, ignored);
}

Task<void> LocalSocket::State::serveRequests(std::shared_ptr<State> self, std::shared_ptr<Connection> connection) {
  const LocalSocketOptions& options = self->options;
  beast::flat_buffer buffer(options.headerBytes + options.bodyBytes);
  for (bool keepAlive = true; keepAlive;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options.headerBytes));
    parser.body_limit(options.bodyBytes);
    Timer timer = self->deadline(connection, options.requestTime);
    auto read = co_await http::async_read(connection->socket, buffer, parser, kAwait);
    timer.cancel();
    if (error_code failure = std::get<0>(read)) {
      std::optional<Answer> answer = answerToBroken(failure);
      if (answer) co_await send(self, connection, *std::move(answer), 11, false);
      co_return;
    }
    const auto& request = parser.get();
    keepAlive = request.keep_alive();
    std::optional<web::Target> target = web::parseTarget(std::string_view(request.target()));
    Answer answer;
    if (request.method() != http::verb::get) {
      answer = textAnswer(405, "only GET is served here");
    } else if (!target) {
      answer = textAnswer(400, "the request's path cannot be read");
    } else if (isFollow(*target)) {
      co_await follow(self, connection, request.version());
      co_return;
    } else if (isWatch(*target)) {
      std::string ns(target->get("namespace"));
      co_await watchPods(self, connection, request.version(), std::move(ns));
      co_return;
    } else if (std::optional<StreamRequest> stream = streamAsked(*target)) {
      Task<Result<StreamPlace>> asking = self->view.streamPlace(*std::move(stream));
      const Result<StreamPlace> place = co_await std::move(asking);
      answer = streamAnswer(place);
    } else if (isVolumeCheck(*target)) {
      Task<Result<VolumeCheck>> asking = self->view.checkVolumes(target->flag("repair"));
      const Result<VolumeCheck> check = co_await std::move(asking);
      answer = checkAnswer(check);
    } else if (isStats(*target)) {
      Task<Result<std::string>> asking = self->view.usage();
      const Result<std::string> usage = co_await std::move(asking);
      answer = statsAnswer(usage);
    } else {
      answer = answerGet(self->view, *target);
    }
    bool sent = co_await send(self, connection, std::move(answer), request.version(), keepAlive);
    if (!sent) co_return;
  }
}

Task<bool> LocalSocket::State::send(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, Answer answer,
                                    unsigned version, bool keepAlive) {
  auto response = toResponse(std::move(answer), version, keepAlive);
  Timer timer = self->deadline(connection, self->options.answerTime);
  auto written = co_await http::async_write(connection->socket, response, kAwait);
  co_return !std::get<0>(written);
}

// Ends when the client hangs up, says anything more, or leaves too much unread.
Task<void> LocalSocket::State::follow(std::shared_ptr<State> self, std::shared_ptr<Connection> connection,
                                      unsigned version) {
  events::EventRecorder& recorder = self->view.events();
  std::string known;
  for (const core::Event& event : recorder.list()) known += eventLine(event);
  auto follower = std::make_shared<Follower>(self->clock, connection, self->options.followBytes);
  events::Subscription subscription =
      recorder.subscribe([follower](const core::Event& event, bool) { follower->add(eventLine(event)); });
  self->tasks.spawn("local connection watch", noticeHangUp(connection, follower));

  bool sent = co_await sendHead(self, connection, version);
  if (sent && !known.empty()) sent = co_await sendChunk(self, connection, std::move(known));
  while (sent) {
    co_await follower->wake.wait();
    if (follower->over) break;
    sent = co_await sendChunk(self, connection, std::exchange(follower->waiting, std::string()));
  }
  if (!follower->reason.empty()) log::info("dropped a client that follows events", {{"error", follower->reason}});
  connection->drop();
}

// What changes while the client takes the last piece is looked at once, afterwards: nothing piles up.
Task<void> LocalSocket::State::watchPods(std::shared_ptr<State> self, std::shared_ptr<Connection> connection,
                                         unsigned version, std::string ns) {
  auto follower = std::make_shared<Follower>(self->clock, connection, 0);
  const PodNews::Subscription subscription = self->view.podNews().subscribe([follower] { follower->wake.ring(); });
  self->tasks.spawn("local connection watch", noticeHangUp(connection, follower));
  PodWatch watch(std::move(ns));
  bool sent = co_await sendHead(self, connection, version);
  while (sent && !follower->over) {
    std::string news = watch.changes(self->view.pods());
    if (!news.empty()) sent = co_await sendChunk(self, connection, std::move(news));
    if (sent && !follower->over) co_await follower->wake.wait();
  }
  connection->drop();
}

Task<bool> LocalSocket::State::sendHead(std::shared_ptr<State> self, std::shared_ptr<Connection> connection,
                                        unsigned version) {
  http::response<http::empty_body> head(http::status::ok, version);
  head.set(http::field::content_type, "application/x-ndjson");
  head.set(http::field::cache_control, "no-store");
  head.keep_alive(false);
  head.chunked(true);
  http::response_serializer<http::empty_body> serializer(head);
  Timer timer = self->deadline(connection, self->options.answerTime);
  auto written = co_await http::async_write_header(connection->socket, serializer, kAwait);
  co_return !std::get<0>(written);
}

Task<bool> LocalSocket::State::sendChunk(std::shared_ptr<State> self, std::shared_ptr<Connection> connection,
                                         std::string text) {
  auto chunk = http::make_chunk(asio::const_buffer(text.data(), text.size()));
  Timer timer = self->deadline(connection, self->options.answerTime);
  auto written = co_await asio::async_write(connection->socket, chunk, kAwait);
  co_return !std::get<0>(written);
}

// A follower has nothing more to say: readable means that it hung up.
Task<void> LocalSocket::State::noticeHangUp(std::shared_ptr<Connection> connection,
                                            std::shared_ptr<Follower> follower) {
  co_await connection->socket.async_wait(Stream::socket::wait_read, kAwait);
  follower->end("");
}

}  // namespace cubelet::server
