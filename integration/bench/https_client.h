// A client of a node's HTTPS server, and of the runtime's streaming server: by libcurl.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace cubelet::integration {

// Whom the server takes us for.
struct ClientFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

// Keeps its connection. All throw std::runtime_error when the server does not answer with 200.
class HttpsClient {
 public:
  // `base`: "https://127.0.0.1:10250".
  HttpsClient(std::string base, ClientFiles files);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  std::string get(const std::string& path);
  // How many bytes come; they are thrown away.
  std::size_t count(const std::string& path);

 private:
  std::string base_;
  void* handle_;  // CURL*
};

// Runs a command by WebSocket at `url`, on a connection of its own, until the server ends it. Answers all that came.
std::string execByWebSocket(const std::string& url, const ClientFiles* files);

// Many answers that do not end, read at the same time.
class Followers {
 public:
  // `count` of them, each on a connection of its own. Returns when each has got something; throws std::runtime_error
  // when that takes too long.
  Followers(const std::string& url, const ClientFiles& files, int count);
  ~Followers();
  Followers(const Followers&) = delete;
  Followers& operator=(const Followers&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cubelet::integration
