#include "integration/bench/https_client.h"

#include <chrono>
#include <curl/curl.h>
#include <poll.h>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cubelet::integration {
namespace {

constexpr long kConnectSeconds = 10;
constexpr int kPatienceMillis = 10'000;

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

std::size_t add(char*, std::size_t size, std::size_t count, void* into) {
  *static_cast<std::size_t*>(into) += size * count;
  return size * count;
}

// The server's certificate signs itself.
CURL* prepared(const ClientFiles* files) {
  CURL* handle = curl_easy_init();
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  if (files != nullptr) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, files->certificate.c_str());
    curl_easy_setopt(handle, CURLOPT_SSLKEY, files->key.c_str());
  }
  return handle;
}

void perform(CURL* handle, const std::string& url, curl_write_callback callback, void* into) {
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, callback);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, into);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200)
    throw std::runtime_error(url + ": " +
                             (code != CURLE_OK ? curl_easy_strerror(code) : "status " + std::to_string(status)));
}

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

void waitToRead(curl_socket_t socket) {
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, kPatienceMillis) <= 0) throw std::runtime_error("the stream neither speaks nor ends");
}

}  // namespace

HttpsClient::HttpsClient(std::string base, ClientFiles files) : base_(std::move(base)), handle_(prepared(&files)) {}

HttpsClient::~HttpsClient() {
  curl_easy_cleanup(handle_);
}

std::string HttpsClient::get(const std::string& path) {
  std::string body;
  perform(handle_, base_ + path, collect, &body);
  return body;
}

std::size_t HttpsClient::count(const std::string& path) {
  std::size_t bytes = 0;
  perform(handle_, base_ + path, add, &bytes);
  return bytes;
}

std::string execByWebSocket(const std::string& url, const ClientFiles* files) {
  const std::unique_ptr<CURL, FreeHandle> handle(prepared(files));
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_CONNECT_ONLY, 1L);
  CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(code));
  const std::string request = "GET " + url.substr(url.find('/', url.find("://") + 3)) +
                              " HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n";
  std::size_t sent = 0;
  code = curl_easy_send(handle.get(), request.data(), request.size(), &sent);
  if (code != CURLE_OK || sent != request.size()) throw std::runtime_error(url + ": cannot send the request");
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle.get(), CURLINFO_ACTIVESOCKET, &socket);
  std::string received;
  for (;;) {
    char piece[16 * 1024];
    std::size_t got = 0;
    code = curl_easy_recv(handle.get(), piece, sizeof piece, &got);
    if (code == CURLE_AGAIN) {
      waitToRead(socket);
      continue;
    }
    if (code != CURLE_OK || got == 0) return received;
    received.append(piece, got);
  }
}

struct Followers::State {
  CURLM* all = curl_multi_init();
  std::vector<CURL*> handles;
  std::vector<std::size_t> received;
};

Followers::Followers(const std::string& url, const ClientFiles& files, int count) : state_(std::make_unique<State>()) {
  state_->received.resize(static_cast<std::size_t>(count));
  for (std::size_t& bytes : state_->received) {
    CURL* handle = prepared(&files);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, add);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &bytes);
    curl_multi_add_handle(state_->all, handle);
    state_->handles.push_back(handle);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(3 * kPatienceMillis);
  for (std::size_t waiting = 1; waiting > 0;) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error(std::to_string(waiting) + " followers have got nothing");
    int running = 0;
    curl_multi_perform(state_->all, &running);
    curl_multi_poll(state_->all, nullptr, 0, 100, nullptr);
    waiting = 0;
    for (const std::size_t bytes : state_->received)
      if (bytes == 0) ++waiting;
  }
}

Followers::~Followers() {
  for (CURL* handle : state_->handles) {
    curl_multi_remove_handle(state_->all, handle);
    curl_easy_cleanup(handle);
  }
  curl_multi_cleanup(state_->all);
}

}  // namespace cubelet::integration
