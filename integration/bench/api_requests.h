// Requests to the API server without kubectl, which takes longer to start than what is to be measured.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "integration/harness/control_plane.h"

namespace cubelet::integration {

// Where the API server is, and as whom to ask it.
struct ApiAccess {
  std::string url;
  std::string authority;  // files in PEM
  std::string certificate;
  std::string key;
};
// As the cluster's administrator.
ApiAccess administrator(const ControlPlane& cluster);

// One connection, one request at a time. All throw std::runtime_error when the server refuses.
class ApiRequests {
 public:
  explicit ApiRequests(ApiAccess access);
  ~ApiRequests();

  json get(const std::string& path) { return ask("GET", path, ""); }
  void create(const std::string& collection, const json& object) { ask("POST", collection, object.dump()); }
  void replace(const std::string& path, const json& object) { ask("PUT", path, object.dump()); }
  void remove(const std::string& path) { ask("DELETE", path, ""); }

 private:
  json ask(const std::string& method, const std::string& path, const std::string& body);

  ApiAccess access_;
  void* handle_;  // CURL*
};

// Notes when a watcher of the API server first sees each pod of the default namespace Ready.
class ReadyWatch {
 public:
  // Sees what changes from now on.
  explicit ReadyWatch(ApiAccess access);
  ~ReadyWatch();

  // On the monotonic clock; nothing when it was not seen yet.
  std::optional<std::chrono::nanoseconds> readyAt(const std::string& pod);

 private:
  static std::size_t received(char* data, std::size_t size, std::size_t count, void* watch);
  void watch(std::string resourceVersion);
  void note(const std::string& line);

  ApiAccess access_;
  std::atomic<bool> ended_{false};
  std::string unfinished_;  // what came behind the last newline
  std::mutex mutex_;
  std::map<std::string, std::chrono::nanoseconds> readyAt_;
  std::thread thread_;
};

}  // namespace cubelet::integration
