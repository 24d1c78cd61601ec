// ScriptedTransport: for tests, an API server that says exactly what the test says, when it says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/park.h"
#include "base/wake.h"
#include "kubelet/apiserver/transport.h"
#include "kubelet/apiserver/wire.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {

inline Response answerOf(int status, const google::protobuf::Message& object) {
  Response response;
  response.status = status;
  response.contentType = kProtobufType;
  response.body = encodeObject(object);
  return response;
}

inline Response failureOf(int status, std::string reason, std::string message = "no") {
  k8s::meta::v1::Status body;
  body.set_status("Failure");
  body.set_reason(std::move(reason));
  body.set_message(std::move(message));
  body.set_code(status);
  return answerOf(status, body);
}

// One frame of a protobuf watch.
inline std::string frameOf(const std::string& type, const google::protobuf::Message& object) {
  k8s::meta::v1::WatchEvent event;
  event.set_type(type);
  event.mutable_object()->set_raw(encodeObject(object));
  const std::string body = event.SerializeAsString();
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(body.size() >> shift & 0xff));
  return out + body;
}

class ScriptedTransport final : public Transport {
 public:
  // One request under way, or over.
  struct Exchange {
    Request request;
    bool streaming = false;
    std::function<void(std::string_view)> onData;
    std::optional<Result<Response>> answer;
    bool over = false;  // the caller has its answer, or gave up
    Park park;

    void finish(Result<Response> result) {
      answer = std::move(result);
      park.wake();
    }
    void fail(Code code, std::string message = "cut") { finish(cubelet::fail(code, "", std::move(message))); }
    void data(std::string_view bytes) { onData(bytes); }
    // The server ends the stream as it should.
    void end() {
      Response response;
      response.status = 200;
      response.contentType = std::string(kProtobufType) + ";stream=watch";
      finish(response);
    }
  };

  Task<Result<Response>> send(Request request) override { return exchange(std::move(request), nullptr); }
  Task<Result<Response>> stream(Request request, std::function<void(std::string_view)> onData) override {
    return exchange(std::move(request), std::move(onData));
  }
  Task<bool> canConnect(Duration) override {
    ++probes;
    co_return connects;
  }
  void closeConnections() override { ++closed; }

  Exchange& last() { return *exchanges.back(); }
  std::size_t count() const { return exchanges.size(); }

  std::vector<std::shared_ptr<Exchange>> exchanges;
  int closed = 0;
  int probes = 0;  // calls of canConnect()
  bool connects = true;

 private:
  struct Leaving {
    explicit Leaving(Exchange* e) : exchange(e) {}
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    ~Leaving() { exchange->over = true; }
    Exchange* exchange;
  };

  Task<Result<Response>> exchange(Request request, std::function<void(std::string_view)> onData) {
    auto now = std::make_shared<Exchange>();
    exchanges.push_back(now);
    Leaving leaving(now.get());
    now->request = std::move(request);
    now->streaming = static_cast<bool>(onData);
    now->onData = std::move(onData);
    while (!now->answer) {
      co_await now->park.wait();
      co_await throwIfCancelled();
    }
    Result<Response> answer = *now->answer;
    co_return answer;
  }
};

}  // namespace cubelet::apiserver
