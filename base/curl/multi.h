// A libcurl multi handle under the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/curl/library.h"
#include "base/loop.h"

namespace cubelet::curl {

// Runs transfers and keeps their connections. curl says which sockets and which moment it waits for
// (curl_multi_socket_action(3)); the loop waits for them. No timer and no wake-up while nothing happens. Loop thread
// only.
class Multi {
 public:
  // Of one transfer: how it ended. By then it is no longer in the multi handle; the call may add and remove transfers.
  using Done = std::function<void(CURLcode)>;

  Multi(Loop& loop, const Library& curl);
  // Closes the connections. Transfers that are still in must be removed first.
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  template <class T>
  void set(CURLMoption option, T value) {
    curl_.multi_setopt(multi_.get(), option, value);
  }

  // Starts the transfer: from the loop, not inside this call. `done` is called once from the loop, unless remove()
  // comes before.
  void add(CURL* easy, Done done);
  // Ends a transfer; nothing is called for it any more. Does nothing when it has ended. Not to be called from a
  // callback of curl's own (header, body, ...).
  void remove(CURL* easy);

  // To be called by a transfer that shares its connection (HTTP/2), from its own callback, when something has come for
  // it. libcurl 7.88 forgets what it has read ahead when the socket stays silent: the multi handle then looks again
  // until nothing comes any more.
  void noteArrival() { arrived_ = true; }

 private:
  struct MultiCleanup {
    const Library* curl;
    void operator()(CURLM* multi) const { curl->multi_cleanup(multi); }
  };
  struct Socket;

  static int onSocket(CURL* easy, curl_socket_t fd, int what, void* self, void* unused);
  static int onTimer(CURLM* multi, long delay, void* self);
  void watch(int fd, int what);
  void wait(int fd, const std::shared_ptr<Socket>& socket);
  void waitFor(int fd, const std::shared_ptr<Socket>& socket, boost::asio::posix::stream_descriptor::wait_type type,
               int flag);
  void arm(long delay);
  void act(curl_socket_t fd, int flags);
  void lookAgain();

  Loop& loop_;
  const Library& curl_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<int, std::shared_ptr<Socket>> sockets_;
  std::map<CURL*, Done> transfers_;
  bool arrived_ = false;
  bool lookingAgain_ = false;  // posted
  std::unique_ptr<CURLM, MultiCleanup> multi_;
};

}  // namespace cubelet::curl
