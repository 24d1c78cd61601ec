// SigningServer: for tests, the part of an API server that certificate requests meet, without a network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/park.h"
#include "base/wake.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "kubelet/apiserver/transport.h"
#include "kubelet/apiserver/wire.h"
#include "kubelet/certificates/test_authority.h"
#include "proto/k8s/certificates.pb.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {

class SigningServer final : public Transport {
 public:
  using Object = k8s::certificates::v1::CertificateSigningRequest;
  using List = k8s::certificates::v1::CertificateSigningRequestList;

  bool down = false;           // no connection
  bool autoApprove = false;    // as soon as somebody watches
  bool hideFromWatch = false;  // a watch begins without the objects that are there
  std::string minor = "36";
  WallTime from = at(kStart - 60);
  WallTime to = at(kStart + kDay);
  // Not null: certificates begin when they are signed, and live for so long.
  const Clock* clock = nullptr;
  std::chrono::seconds lifetime{0};
  std::vector<std::string> calls;  // "POST /apis/..."
  std::function<void(const List&)> changed = [](const List&) {};
  int closed = 0;

  List all() const {
    List list;
    for (const auto& [name, object] : objects_) *list.add_items() = object;
    return list;
  }
  void restore(const List& list) {
    for (const Object& object : list.items()) objects_[object.metadata().name()] = object;
    uids_ = list.items_size();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, object] : objects_) out.push_back(name);
    return out;
  }
  Object& object(const std::string& name) { return objects_.at(name); }
  std::size_t watches() const { return streams_.size(); }

  void condition(const std::string& name, const std::string& type, const std::string& reason = "Test") {
    auto& condition = *object(name).mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status("True");
    condition.set_reason(reason);
    condition.set_message("because");
    tell("MODIFIED", name);
  }
  void sign(const std::string& name) {
    Object& request = object(name);
    const WallTime begin = clock != nullptr ? clock->wallNow() : from;
    const WallTime end = clock != nullptr ? begin + lifetime : to;
    request.mutable_status()->set_certificate(authority_.issue(request.spec().request(), begin, end));
    tell("MODIFIED", name);
  }
  void approveAll() {
    for (const std::string& name : names()) {
      if (object(name).status().conditions_size() == 0) condition(name, "Approved");
      if (object(name).status().certificate().empty()) sign(name);
    }
  }
  void remove(const std::string& name) {
    tell("DELETED", name);
    objects_.erase(name);
    changed(all());
  }

  Task<Result<Response>> send(Request request) override {
    calls.push_back(request.method + " " + request.path.substr(0, request.path.find('?')));
    if (down) co_return fail(Code::kUnavailable, "", "connection refused");
    co_return answer(request);
  }

  Task<Result<Response>> stream(Request request, std::function<void(std::string_view)> onData) override {
    calls.push_back("WATCH " + request.path.substr(0, request.path.find('?')));
    if (down) co_return fail(Code::kUnavailable, "", "connection refused");
    Stream stream;
    stream.onData = std::move(onData);
    const Leaving leaving(*this, stream);
    for (const auto& [name, object] : objects_)
      if (!hideFromWatch && request.path.find(escaped(name)) != std::string::npos)
        stream.onData(frameOf("ADDED", object));
    Object bookmark;
    bookmark.mutable_metadata()->set_resourceversion("9");
    (*bookmark.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
    stream.onData(frameOf("BOOKMARK", bookmark));
    if (autoApprove) approveAll();
    for (;;) {
      co_await stream.park.wait();
      co_await throwIfCancelled();
    }
  }

  Task<bool> canConnect(Duration) override { co_return true; }
  void closeConnections() override { ++closed; }

 private:
  struct Stream {
    std::function<void(std::string_view)> onData;
    Park park;
  };
  struct Leaving {
    Leaving(SigningServer& server, Stream& stream) : all(server.streams_), mine(&stream) { all.push_back(mine); }
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    ~Leaving() { std::erase(all, mine); }
    std::vector<Stream*>& all;
    Stream* mine;
  };

  Response answer(const Request& request) {
    Response response;
    response.status = 200;
    response.contentType = kJsonType;
    response.body = "ok";
    if (request.path == "/healthz") return response;
    if (request.path == "/version") {
      response.body = R"({"major": "1", "minor": ")" + minor + R"("})";
      return response;
    }
    if (request.method == "POST") return create(request);
    const auto found = objects_.find(request.path.substr(request.path.rfind('/') + 1));
    return found == objects_.end() ? failureOf(404, "NotFound") : answerOf(200, found->second);
  }

  Response create(const Request& request) {
    Object object;
    if (!decodeObject(request.contentType, request.body, object)) return failureOf(400, "BadRequest");
    const std::string uid = "u" + std::to_string(++uids_);
    if (object.metadata().name().empty()) object.mutable_metadata()->set_name(object.metadata().generatename() + uid);
    const std::string name = object.metadata().name();
    if (objects_.contains(name)) return failureOf(409, "AlreadyExists");
    object.mutable_metadata()->set_uid(uid);
    object.mutable_metadata()->set_resourceversion("1");
    objects_[name] = object;
    changed(all());
    return answerOf(201, object);
  }

  void tell(const std::string& type, const std::string& name) {
    object(name).mutable_metadata()->set_resourceversion(std::to_string(++version_));
    changed(all());
    const std::vector<Stream*> streams = streams_;
    for (Stream* stream : streams) stream->onData(frameOf(type, object(name)));
  }

  TestAuthority authority_;
  std::map<std::string, Object> objects_;
  std::vector<Stream*> streams_;
  int uids_ = 0;
  int version_ = 10;
};

}  // namespace cubelet::apiserver
