#include "integration/bench/api_requests.h"

#include <curl/curl.h>
#include <stdexcept>

#include "integration/bench/measure.h"

namespace cubelet::integration {
namespace {

constexpr const char* kPods = "/api/v1/namespaces/default/pods";

CURL* prepared(const ApiAccess& access) {
  CURL* handle = curl_easy_init();
  curl_easy_setopt(handle, CURLOPT_CAINFO, access.authority.c_str());
  curl_easy_setopt(handle, CURLOPT_SSLCERT, access.certificate.c_str());
  curl_easy_setopt(handle, CURLOPT_SSLKEY, access.key.c_str());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  return handle;
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

int stopWhenEnded(void* ended, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<std::atomic<bool>*>(ended) ? 1 : 0;
}

}  // namespace

ApiAccess administrator(const ControlPlane& cluster) {
  const KeyPair pair = cluster.authority().issue("bench", {.commonName = "bench", .organizations = {"system:masters"}});
  return {.url = cluster.url(),
          .authority = cluster.authority().pair().certificate,
          .certificate = pair.certificate,
          .key = pair.key};
}

ApiRequests::ApiRequests(ApiAccess access) : access_(std::move(access)), handle_(prepared(access_)) {}
ApiRequests::~ApiRequests() {
  curl_easy_cleanup(handle_);
}

json ApiRequests::ask(const std::string& method, const std::string& path, const std::string& body) {
  const std::string url = access_.url + path;
  std::string answer;
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.empty() ? nullptr : body.c_str());
  curl_easy_setopt(handle_, CURLOPT_POST, body.empty() ? 0L : 1L);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(handle_);
  curl_slist_free_all(headers);
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status >= 300)
    throw std::runtime_error(method + " " + path + ": " +
                             (code != CURLE_OK ? std::string(curl_easy_strerror(code)) : answer));
  return json::parse(answer);
}

ReadyWatch::ReadyWatch(ApiAccess access) : access_(std::move(access)) {
  const json list = ApiRequests(access_).get(std::string(kPods) + "?limit=1");
  thread_ = std::thread([this, version = std::string(list["metadata"]["resourceVersion"])] { watch(version); });
}
ReadyWatch::~ReadyWatch() {
  ended_ = true;
  thread_.join();
}

void ReadyWatch::watch(std::string resourceVersion) {
  const std::string url = access_.url + kPods + "?watch=1&resourceVersion=" + resourceVersion;
  CURL* handle = prepared(access_);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, received);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, stopWhenEnded);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &ended_);
  curl_easy_perform(handle);
  curl_easy_cleanup(handle);
}

std::size_t ReadyWatch::received(char* data, std::size_t size, std::size_t count, void* watch) {
  auto& self = *static_cast<ReadyWatch*>(watch);
  self.unfinished_.append(data, size * count);
  for (std::size_t end; (end = self.unfinished_.find('\n')) != std::string::npos;) {
    self.note(self.unfinished_.substr(0, end));
    self.unfinished_.erase(0, end + 1);
  }
  return size * count;
}

void ReadyWatch::note(const std::string& line) {
  const std::chrono::nanoseconds at = monotonicNow();
  const json event = json::parse(line, nullptr, false);
  if (event.is_discarded() || event.value("type", "") != "MODIFIED") return;
  const json& pod = event["object"];
  for (const json& condition : pod["status"].value("conditions", json::array())) {
    if (condition["type"] != "Ready" || condition["status"] != "True") continue;
    std::lock_guard lock(mutex_);
    readyAt_.try_emplace(pod["metadata"]["name"], at);
  }
}

std::optional<std::chrono::nanoseconds> ReadyWatch::readyAt(const std::string& pod) {
  std::lock_guard lock(mutex_);
  auto found = readyAt_.find(pod);
  return found == readyAt_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cubelet::integration
