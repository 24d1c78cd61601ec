// ApiClient: requests to the API server as typed calls.
#pragma once

#include <cstdint>
#include <functional>
#include <google/protobuf/message.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/apiserver/reachability.h"
#include "kubelet/apiserver/resource.h"
#include "kubelet/apiserver/token_bucket.h"
#include "kubelet/apiserver/transport.h"
#include "kubelet/apiserver/wire.h"

namespace cubelet::apiserver {

struct CallOptions {
  Lane lane = Lane::kMain;
  // For everything: waiting for a token, all tries, the answer. Nothing: the transport's default for each try.
  std::optional<Duration> timeout = std::nullopt;
};

inline constexpr char kStrategicMergePatch[] = "application/strategic-merge-patch+json";
inline constexpr char kMergePatch[] = "application/merge-patch+json";

struct RemoveOptions {
  std::optional<std::int64_t> gracePeriodSeconds = std::nullopt;  // nothing: the object's own
  std::string uid = {};  // not empty: fails with "Conflict" when the object has another one
};

// Errors are those of the transport and of statusError() (kubelet/apiserver/wire.h). A request that the server asked to
// repeat (429 or 5xx with Retry-After, but not kTooLargeResourceVersion) is repeated at most maxRetries times. Nothing
// else is: whether a failed write may be repeated is for the caller to say. Loop thread only. Cancelling a task gives
// its request up; a write may have happened.
class ApiClient {
 public:
  struct Options {
    double qps = 50;  // kubeAPIQPS, kubeAPIBurst; <= 0: no limit
    int burst = 100;
    double eventQps = 50;  // eventRecordQPS, eventBurst
    int eventBurst = 100;
    int maxRetries = 10;
    // Told of every try that has ended, of streams when they end: the method, and the HTTP status, 0 when none came.
    // For whoever counts; may be empty.
    std::function<void(const std::string& method, int status, Duration took)> answered = nullptr;
  };

  // Both must outlive this object.
  ApiClient(Transport& transport, Clock& clock, Options options);

  // `path`: see Resource. The answer's kind must be T.
  template <class T>
  Task<Result<T>> get(std::string path, CallOptions options = {}) {
    Request request = makeRequest("GET", std::move(path), options);
    return typed<T>(std::move(request));
  }
  // POST to a collection, or to a subresource that makes something (TokenRequest).
  template <class T>
  Task<Result<T>> create(std::string path, const T& object, CallOptions options = {}) {
    Request request = makeWrite("POST", std::move(path), object, options);
    return typed<T>(std::move(request));
  }
  // PUT: the server compares metadata.resourceVersion and answers "Conflict". Fields that this schema does not have are
  // kept when the object came from get().
  template <class T>
  Task<Result<T>> update(std::string path, const T& object, CallOptions options = {}) {
    Request request = makeWrite("PUT", std::move(path), object, options);
    return typed<T>(std::move(request));
  }
  // `patch` is JSON. A metadata.uid in it is a precondition.
  template <class T>
  Task<Result<T>> patch(std::string path, std::string patch, CallOptions options = {},
                        std::string_view patchType = kStrategicMergePatch) {
    Request request = makePatch(std::move(path), std::move(patch), patchType, options);
    return typed<T>(std::move(request));
  }
  // kNotFound when there is no such object.
  Task<Result<void>> remove(std::string path, RemoveOptions remove = {}, CallOptions options = {});

  // The untyped core: waits for a token of the request's lane, repeats, and makes an Error of every status but 2xx.
  Task<Result<Response>> call(Request request);

  // As call(), for a stream; only the head is repeated. Once data has come, an end is handed on as it is.
  Task<Result<Response>> stream(Request request, std::function<void(std::string_view)> onData);

  Transport& transport() { return transport_; }
  Clock& clock() { return clock_; }
  // As learned from all requests of this client.
  Reachability& reachability() { return reachability_; }

  // Whether watches that deliver the initial objects themselves are worth a try. Found out by the first reflector that
  // is refused, for all of them.
  bool watchListSupported() const { return watchListSupported_; }
  void noteWatchListRefused() { watchListSupported_ = false; }

 private:
  static Request makeRequest(std::string method, std::string path, const CallOptions& options);
  static Request makeWrite(std::string method, std::string path, const google::protobuf::Message& object,
                           const CallOptions& options);
  static Request makePatch(std::string path, std::string patch, std::string_view type, const CallOptions& options);

  template <class T>
  Task<Result<T>> typed(Request request) {
    T object;
    Result<void> read = co_await callInto(std::move(request), &object);
    if (!read) co_return fail(std::move(read.error()));
    co_return object;
  }
  Task<Result<void>> callInto(Request request, google::protobuf::Message* answer);
  // Waits for a token; kTimedOut when there will be none before `deadline`.
  Task<Result<void>> admit(Lane lane, TimePoint deadline, std::string doing);
  // Shared by call() and stream(): one try after the other. A null `onData` makes it a plain exchange.
  Task<Result<Response>> tryUntilAnswered(Request request, std::function<void(std::string_view)> onData);

  Transport& transport_;
  Clock& clock_;
  Options options_;
  Reachability reachability_;
  TokenBucket main_;
  TokenBucket events_;
  bool watchListSupported_ = true;
};

// "GET /api/v1/nodes/n1", for messages: without the query.
std::string describe(const Request& request);

// How long the server asks to wait before the same request: its header, or the number in its Status. Nothing when it
// does not ask, or when the answer is no 429 or 5xx.
std::optional<Duration> retryDelay(const Response& response);

}  // namespace cubelet::apiserver
