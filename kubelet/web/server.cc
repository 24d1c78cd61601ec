#include "kubelet/web/server.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/task_group.h"
#include "kubelet/web/connection.h"
#include "kubelet/web/request_reader.h"
#include "kubelet/web/response.h"

namespace cubelet::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr int kBacklog = 512;
constexpr Duration kAcceptPause = std::chrono::seconds(1);
constexpr std::size_t kPiece = std::size_t{128} * 1024;
constexpr std::size_t kSmallPiece = std::size_t{8} * 1024;
// After the last answer: for the client to take it and to hang up.
constexpr Duration kGoodbye = std::chrono::seconds(5);

struct Client {
  explicit Client(ConnectionPtr c) : connection(std::move(c)) {}
  ConnectionPtr connection;
  bool waiting = true;  // for the client to say something
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace

// Shared with the coroutines, so that each can use it to its last statement.
struct Server::State : std::enable_shared_from_this<State> {
  State(Loop& l, Clock& c, ServerOptions o, Handler h)
      : loop(l), clock(c), options(std::move(o)), handler(std::move(h)), acceptor(l.context()), tasks(l) {}

  void admit(tcp::socket socket);
  void makeRoom();
  RequestLimits limitsFor(const Connection& connection) const;

  static Task<void> acceptAll(std::shared_ptr<State> self);
  static Task<void> serve(std::shared_ptr<State> self, ClientPtr client);
  static Task<void> serveRequests(std::shared_ptr<State> self, ClientPtr client);
  static Task<bool> startTls(std::shared_ptr<State> self, ClientPtr client);
  static Task<std::optional<RequestReader::Taken>> receive(std::shared_ptr<State> self, ClientPtr client);
  static Task<void> refuse(std::shared_ptr<State> self, ClientPtr client, BadRequest why);
  static Task<bool> answer(std::shared_ptr<State> self, ClientPtr client, Reply reply, bool head, bool keepAlive,
                           bool http10);
  static Task<bool> send(std::shared_ptr<State> self, ConnectionPtr connection, std::string bytes, Duration piece);
  static Task<bool> stream(std::shared_ptr<State> self, ConnectionPtr connection, std::shared_ptr<BodySource> source,
                           bool chunked);
  bool putPiece(Connection& connection, bool chunked);
  static Task<void> noticeHangUp(ConnectionPtr connection, std::shared_ptr<BodySource> source);
  static Task<void> goodbye(std::shared_ptr<State> self, ConnectionPtr connection);

  Loop& loop;
  Clock& clock;
  ServerOptions options;
  Handler handler;
  tcp::acceptor acceptor;
  std::list<ClientPtr> open;  // the oldest first
  std::string piece;          // of whichever stream has its turn
  TaskGroup tasks;
};

Server::Server(Loop& loop, Clock& clock, ServerOptions options, Handler handler)
    : state_(std::make_shared<State>(loop, clock, std::move(options), std::move(handler))) {}

Server::~Server() = default;

std::size_t Server::connections() const {
  return state_->open.size();
}

std::uint16_t Server::port() const {
  error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

Result<void> Server::open() {
  const std::string& wanted = state_->options.address;
  error_code failure;
  const asio::ip::address address = asio::ip::make_address(wanted.empty() ? "0.0.0.0" : wanted, failure);
  if (failure) return fail(Code::kInvalid, "", "listen on \"" + wanted + "\": not a numeric address");
  const tcp::endpoint endpoint(address, state_->options.port);
  tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(kBacklog, failure);
  if (failure) {
    error_code ignored;
    acceptor.close(ignored);
    return fail(Code::kUnavailable, "",
                "listen on " + address.to_string() + " port " + std::to_string(state_->options.port) + ": " +
                    failure.message());
  }
  state_->tasks.spawn(state_->options.name, State::acceptAll(state_));
  return {};
}

Task<void> Server::close() {
  std::shared_ptr<State> state = state_;
  error_code ignored;
  state->acceptor.close(ignored);
  for (const ClientPtr& client : state->open) client->connection->close();
  co_await state->tasks.close();
}

Task<void> Server::State::acceptAll(std::shared_ptr<State> self) {
  for (;;) {
    auto accepted = co_await self->acceptor.async_accept(kAwait);
    const error_code failure = std::get<0>(accepted);
    if (!self->acceptor.is_open()) co_return;
    if (!failure) {
      self->admit(std::move(std::get<1>(accepted)));
    } else if (failure != asio::error::connection_aborted) {
      // Out of descriptors or memory: the connection still waits, so an immediate retry would spin.
      log::warning("cannot take a connection", {{"server", self->options.name}, {"error", failure.message()}});
      co_await self->clock.sleep(kAcceptPause);
    }
  }
}

void Server::State::admit(tcp::socket socket) {
  if (open.size() >= options.limits.maxConnections) makeRoom();
  if (open.size() >= options.limits.maxConnections) return;  // the new one is closed
  open.push_back(std::make_shared<Client>(std::make_shared<Connection>(std::move(socket))));
  tasks.spawn("connection", serve(shared_from_this(), open.back()));
}

// A flood of silent clients must not keep out the API server, nor end what is being served.
void Server::State::makeRoom() {
  auto drop = [this](bool known) {
    auto found = std::ranges::find_if(open, [known](const ClientPtr& client) {
      return client->waiting && client->connection->certificates().empty() != known;
    });
    if (found == open.end()) return false;
    (*found)->connection->close();
    open.erase(found);
    return true;
  };
  if (!drop(false)) drop(true);
}

RequestLimits Server::State::limitsFor(const Connection& connection) const {
  RequestLimits limits;
  limits.headerBytes =
      connection.certificates().empty() ? options.limits.headerBytes : options.limits.headerBytesOfKnown;
  limits.bodyBytes = options.limits.bodyBytes;
  return limits;
}

Task<void> Server::State::serve(std::shared_ptr<State> self, ClientPtr client) {
  // Taken off the list however this ends, cancellation included.
  struct Leave {
    State& state;
    const ClientPtr& client;
    ~Leave() {
      state.open.remove(client);
      client->connection->close();
    }
  };
  Leave leave{*self, client};
  if (self->options.tls) {
    const bool ready = co_await startTls(self, client);
    if (!ready) co_return;
  }
  co_await serveRequests(self, client);
}

Task<bool> Server::State::startTls(std::shared_ptr<State> self, ClientPtr client) {
  std::shared_ptr<const tls::Context> context = self->options.context();
  if (!context) co_return false;
  Timer timer = Connection::deadline(self->clock, client->connection, self->options.limits.handshakeTime);
  Result<void> ready = co_await client->connection->startTls(std::move(context));
  timer.cancel();
  if (!ready)
    log::debug(
        2, "a client could not connect",
        {{"server", self->options.name}, {"client", client->connection->peer()}, {"error", ready.error().message}});
  co_return ready.has_value();
}

Task<void> Server::State::serveRequests(std::shared_ptr<State> self, ClientPtr client) {
  for (;;) {
    client->waiting = true;
    std::optional<RequestReader::Taken> taken = co_await receive(self, client);
    if (!taken) co_return;
    client->waiting = false;
    client->connection->putBack(std::move(taken->rest));
    const bool head = taken->request.method == "HEAD";
    taken->request.peer = client->connection->peer();
    taken->request.certificates = client->connection->certificates();
    Task<Reply> handled = self->handler(std::move(taken->request));
    Reply reply = co_await std::move(handled);
    if (std::shared_ptr<Takeover> takeover = reply.takeover) {
      co_await takeover->run(client->connection);
      co_await goodbye(self, client->connection);
      co_return;
    }
    const bool keepAlive = taken->keepAlive && !(reply.source && taken->http10);
    const bool answered = co_await answer(self, client, std::move(reply), head, keepAlive, taken->http10);
    if (!answered) co_return;
    if (!keepAlive) {
      co_await goodbye(self, client->connection);
      co_return;
    }
  }
}

// Nothing: the client is gone, too slow, or has been told what is wrong.
Task<std::optional<RequestReader::Taken>> Server::State::receive(std::shared_ptr<State> self, ClientPtr client) {
  const ServerLimits& limits = self->options.limits;
  RequestReader reader(self->limitsFor(*client->connection));
  Timer timer = Connection::deadline(self->clock, client->connection, limits.idleTime);
  std::optional<BadRequest> wrong;
  while (!wrong && !reader.complete()) {
    const bool first = !reader.begun();
    const std::string bytes = co_await client->connection->read();
    if (bytes.empty()) co_return std::nullopt;
    // One time for the whole request: a client that sends a byte now and then gains nothing.
    if (first) timer = Connection::deadline(self->clock, client->connection, limits.requestTime);
    wrong = reader.add(bytes);
  }
  timer.cancel();
  RequestReader::Taken taken;
  if (!wrong) wrong = reader.take(taken);
  if (!wrong) co_return taken;
  co_await refuse(self, client, *wrong);
  co_return std::nullopt;
}

Task<void> Server::State::refuse(std::shared_ptr<State> self, ClientPtr client, BadRequest why) {
  Reply reply = textReply(why.status, why.text + "\n");
  const bool answered = co_await answer(self, client, std::move(reply), false, false, false);
  if (answered) co_await goodbye(self, client->connection);
}

Task<bool> Server::State::answer(std::shared_ptr<State> self, ClientPtr client, Reply reply, bool head, bool keepAlive,
                                 bool http10) {
  const ServerLimits& limits = self->options.limits;
  const BodyFraming framing = !reply.source ? BodyFraming::kLength
                              : http10      ? BodyFraming::kUntilClose
                                            : BodyFraming::kChunked;
  std::string bytes = responseHead(reply, framing, keepAlive, http10);
  if (!head && !reply.source) bytes += reply.body;
  reply.body = std::string();
  bool sent = co_await send(self, client->connection, std::move(bytes), limits.answerTime);
  if (sent && !head && reply.source)
    sent = co_await stream(self, client->connection, reply.source, framing == BodyFraming::kChunked);
  co_return sent;
}

Task<bool> Server::State::send(std::shared_ptr<State> self, ConnectionPtr connection, std::string bytes,
                               Duration piece) {
  const std::size_t size = bytes.size();
  for (std::size_t at = 0; at < size; at += kPiece) {
    Timer timer = Connection::deadline(self->clock, connection, piece);
    // Mostly there is one piece, and it need not be copied.
    std::string part = size <= kPiece ? std::exchange(bytes, std::string()) : bytes.substr(at, kPiece);
    const bool sent = co_await connection->write(std::move(part));
    if (!sent) co_return false;
  }
  co_return true;
}

// Encrypted, or copied, into what goes out: `piece` serves the next stream.
bool Server::State::putPiece(Connection& connection, bool chunked) {
  bool fine = true;
  if (chunked && !piece.empty()) {
    const std::string head = chunkHead(piece.size());
    piece += kChunkEnd;
    if (piece.size() < kSmallPiece)
      piece.insert(0, head);  // one record of TLS instead of two
    else
      fine = connection.put(head);
  }
  fine = fine && connection.put(piece);
  piece.clear();
  return fine;
}

Task<bool> Server::State::stream(std::shared_ptr<State> self, ConnectionPtr connection,
                                 std::shared_ptr<BodySource> source, bool chunked) {
  self->tasks.spawn("connection watch", noticeHangUp(connection, source));
  for (;;) {
    // Nothing between these two lines lets others run.
    const BodySource::Next next = source->read(self->piece);
    bool sent = self->putPiece(*connection, chunked);
    const bool last = next == BodySource::Next::kEnd;
    if (sent && last && chunked) sent = connection->put(kLastChunk);
    if (sent && connection->hasOutput()) {
      Timer timer = Connection::deadline(self->clock, connection, self->options.limits.streamTime);
      sent = co_await connection->flush();
    } else if (next == BodySource::Next::kMore) {
      auto executor = co_await asio::this_coro::executor;
      co_await asio::post(executor, asio::use_awaitable);  // others have their turn
    }
    if (next != BodySource::Next::kMore || !sent) {
      connection->releaseRoom();
      self->piece = std::string();
    }
    if (!sent || last) {
      source->stop();
      // The watch reads, so nobody else can: the connection is of no further use.
      co_await goodbye(self, connection);
      connection->close();
      co_return false;
    }
    if (next == BodySource::Next::kLater) co_await source->wait();
  }
}

// A client that reads a stream has nothing more to say.
Task<void> Server::State::noticeHangUp(ConnectionPtr connection, std::shared_ptr<BodySource> source) {
  for (;;) {
    const std::string bytes = co_await connection->read();
    if (bytes.empty()) break;
  }
  source->stop();
}

// Closing a socket with unread bytes would make the kernel throw away what the client has not read yet.
Task<void> Server::State::goodbye(std::shared_ptr<State> self, ConnectionPtr connection) {
  if (!connection->isOpen()) co_return;
  Timer timer = Connection::deadline(self->clock, connection, kGoodbye);
  co_await connection->finishWriting();
  for (;;) {
    const std::string bytes = co_await connection->read();
    if (bytes.empty()) co_return;
  }
}

}  // namespace cubelet::web
