#include "base/curl/multi.h"

#include <utility>
#include <vector>

namespace cubelet::curl {

using boost::asio::posix::stream_descriptor;

struct Multi::Socket {
  Socket(Loop& loop, int fd) : stream(loop.context(), fd) {}
  ~Socket() { letGo(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // The descriptor is curl's to close, and its number may come again at once: the loop must have forgotten it by then,
  // whoever still holds this object.
  void letGo() {
    if (stream.is_open()) stream.release();
  }

  stream_descriptor stream;
  int wanted = 0;        // CURL_POLL_...
  bool reading = false;  // an async_wait is pending
  bool writing = false;
};

Multi::Multi(Loop& loop, const Library& curl)
    : loop_(loop), curl_(curl), timer_(loop.context()), multi_(curl.multi_init(), MultiCleanup{&curl}) {
  set(CURLMOPT_SOCKETFUNCTION, &Multi::onSocket);
  set(CURLMOPT_SOCKETDATA, this);
  set(CURLMOPT_TIMERFUNCTION, &Multi::onTimer);
  set(CURLMOPT_TIMERDATA, this);
}

Multi::~Multi() {
  // Closing the connections reports each socket: the map must still be there.
  multi_.reset();
  *alive_ = false;
}

void Multi::add(CURL* easy, Done done) {
  transfers_[easy] = std::move(done);
  curl_.multi_add_handle(multi_.get(), easy);  // arms the timer
}

void Multi::remove(CURL* easy) {
  if (transfers_.erase(easy) > 0) curl_.multi_remove_handle(multi_.get(), easy);
}

int Multi::onSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<Multi*>(self)->watch(fd, what);
  return 0;
}

int Multi::onTimer(CURLM*, long delay, void* self) {
  static_cast<Multi*>(self)->arm(delay);
  return 0;
}

void Multi::watch(int fd, int what) {
  if (what == CURL_POLL_REMOVE) {
    if (const auto socket = sockets_.find(fd); socket != sockets_.end()) {
      socket->second->letGo();
      sockets_.erase(socket);
    }
    return;
  }
  auto& socket = sockets_[fd];
  if (!socket) socket = std::make_shared<Socket>(loop_, fd);
  socket->wanted = what;
  wait(fd, socket);
}

void Multi::wait(int fd, const std::shared_ptr<Socket>& socket) {
  if ((socket->wanted & CURL_POLL_IN) != 0 && !socket->reading) {
    socket->reading = true;
    waitFor(fd, socket, stream_descriptor::wait_read, CURL_CSELECT_IN);
  }
  if ((socket->wanted & CURL_POLL_OUT) != 0 && !socket->writing) {
    socket->writing = true;
    waitFor(fd, socket, stream_descriptor::wait_write, CURL_CSELECT_OUT);
  }
}

void Multi::waitFor(int fd, const std::shared_ptr<Socket>& socket, stream_descriptor::wait_type type, int flag) {
  socket->stream.async_wait(type, [this, fd, flag, alive = alive_, weak = std::weak_ptr<Socket>(socket)](auto error) {
    const auto ready = weak.lock();
    if (!*alive || !ready || error == boost::asio::error::operation_aborted) return;
    (flag == CURL_CSELECT_IN ? ready->reading : ready->writing) = false;
    if ((ready->wanted & (flag == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT)) == 0) return;
    act(fd, error ? CURL_CSELECT_ERR : flag);
    if (!*alive) return;
    if (const auto now = sockets_.find(fd); now != sockets_.end() && now->second == ready) wait(fd, ready);
  });
}

// Real time: curl measures with its own clock.
void Multi::arm(long delay) {
  timer_.cancel();
  if (delay < 0) return;
  timer_.expires_after(std::chrono::milliseconds(delay));
  timer_.async_wait([this, alive = alive_](auto error) {
    if (!error && *alive) act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void Multi::act(curl_socket_t fd, int flags) {
  const auto alive = alive_;
  int running = 0;
  arrived_ = false;
  curl_.multi_socket_action(multi_.get(), fd, flags, &running);
  int left = 0;
  while (const CURLMsg* message = *alive ? curl_.multi_info_read(multi_.get(), &left) : nullptr) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    auto ended = transfers_.extract(message->easy_handle);
    curl_.multi_remove_handle(multi_.get(), message->easy_handle);
    if (!ended.empty()) ended.mapped()(result);
  }
  if (*alive && arrived_) lookAgain();
}

void Multi::lookAgain() {
  if (std::exchange(lookingAgain_, true)) return;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    lookingAgain_ = false;
    std::vector<int> sockets;
    sockets.reserve(sockets_.size());
    for (const auto& [fd, socket] : sockets_) sockets.push_back(fd);
    for (const int fd : sockets)
      if (*alive && sockets_.contains(fd)) act(fd, CURL_CSELECT_IN);
  });
}

}  // namespace cubelet::curl
