#include "kubelet/apiserver/api_client.h"

#include <algorithm>
#include <utility>

#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {
namespace {

namespace meta = ::k8s::meta::v1;

constexpr int kOk = 200;

bool isSuccess(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

std::string describe(const Request& request) {
  return request.method + " " + request.path.substr(0, request.path.find('?'));
}

std::optional<Duration> retryDelay(const Response& response) {
  if (response.status != 429 && response.status < 500) return std::nullopt;
  if (response.retryAfter) return response.retryAfter;
  meta::Status status;
  if (!decodeObject(response.contentType, response.body, status)) return std::nullopt;
  if (status.details().retryafterseconds() <= 0) return std::nullopt;
  return std::chrono::seconds(status.details().retryafterseconds());
}

ApiClient::ApiClient(Transport& transport, Clock& clock, Options options)
    : transport_(transport),
      clock_(clock),
      options_(options),
      reachability_(clock),
      main_(options.qps, options.burst),
      events_(options.eventQps, options.eventBurst) {}

Request ApiClient::makeRequest(std::string method, std::string path, const CallOptions& options) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.accept = kAccept;
  request.lane = options.lane;
  request.timeout = options.timeout;
  return request;
}

Request ApiClient::makeWrite(std::string method, std::string path, const google::protobuf::Message& object,
                             const CallOptions& options) {
  Request request = makeRequest(std::move(method), std::move(path), options);
  request.body = encodeObject(object);
  request.contentType = kProtobufType;
  return request;
}

Request ApiClient::makePatch(std::string path, std::string patch, std::string_view type, const CallOptions& options) {
  Request request = makeRequest("PATCH", std::move(path), options);
  request.body = std::move(patch);
  request.contentType = type;
  return request;
}

Task<Result<void>> ApiClient::remove(std::string path, RemoveOptions remove, CallOptions options) {
  meta::DeleteOptions how;
  if (remove.gracePeriodSeconds) how.set_graceperiodseconds(*remove.gracePeriodSeconds);
  if (!remove.uid.empty()) how.mutable_preconditions()->set_uid(remove.uid);
  Request request = makeWrite("DELETE", std::move(path), how, options);
  // The answer is the object or a Status; neither says more than the HTTP status.
  Result<Response> response = co_await call(std::move(request));
  if (!response) co_return fail(std::move(response.error()));
  co_return Result<void>();
}

Task<Result<void>> ApiClient::callInto(Request request, google::protobuf::Message* answer) {
  const std::string doing = describe(request);
  Result<Response> response = co_await call(std::move(request));
  if (!response) co_return fail(std::move(response.error()));
  Result<void> read = decodeObject(response->contentType, response->body, *answer);
  if (!read) co_return fail(read.error().within(doing));
  co_return Result<void>();
}

Task<Result<Response>> ApiClient::call(Request request) {
  return tryUntilAnswered(std::move(request), nullptr);
}

Task<Result<Response>> ApiClient::stream(Request request, std::function<void(std::string_view)> onData) {
  return tryUntilAnswered(std::move(request), std::move(onData));
}

Task<Result<void>> ApiClient::admit(Lane lane, TimePoint deadline, std::string doing) {
  // A heartbeat never waits behind other requests (surface 4.1).
  if (lane == Lane::kHeartbeat) co_return Result<void>();
  TokenBucket& bucket = lane == Lane::kEvents ? events_ : main_;
  const Duration wait = bucket.take(clock_.now());
  if (wait <= Duration(0)) co_return Result<void>();
  if (clock_.now() + wait >= deadline)
    co_return fail(Code::kTimedOut, "", doing + ": too many requests of our own stand before it");
  co_await clock_.sleep(wait);
  co_return Result<void>();
}

Task<Result<Response>> ApiClient::tryUntilAnswered(Request request, std::function<void(std::string_view)> onData) {
  const std::string doing = describe(request);
  const bool streaming = static_cast<bool>(onData);
  // A stream's timeout is about silence, not about the whole: it bounds no waiting here.
  const bool bounded = request.timeout && !streaming;
  const TimePoint deadline = bounded ? clock_.now() + *request.timeout : TimePoint::max();
  bool heard = false;  // a stream that begins is an answer, and one that ends later says nothing about the next
  const std::function<void(std::string_view)> onPiece = [&](std::string_view data) {
    if (!std::exchange(heard, true)) reachability_.answered(request.lane, kOk);
    onData(data);
  };
  for (int retries = 0;; ++retries) {
    Result<void> admitted = co_await admit(request.lane, deadline, doing);
    if (!admitted) co_return fail(std::move(admitted.error()));
    Request attempt = request;
    if (bounded) attempt.timeout = deadline - clock_.now();

    const TimePoint asked = clock_.now();
    Result<Response> response = fail(Code::kInternal, "", "not asked yet");
    if (streaming)
      response = co_await transport_.stream(std::move(attempt), onPiece);
    else
      response = co_await transport_.send(std::move(attempt));
    if (options_.answered) options_.answered(request.method, response ? response->status : 0, clock_.now() - asked);
    if (!response) {
      if (!heard) reachability_.unanswered(response.error());
      co_return fail(response.error().within(doing));
    }
    reachability_.answered(request.lane, response->status);
    if (isSuccess(response->status)) co_return response;

    std::optional<Duration> wait = retryDelay(*response);
    Error error = statusError(*response, doing);
    // The server names a delay for a version it does not know, too; asking for another version is quicker.
    const bool worthIt = error.reason != kTooLargeResourceVersion;
    const bool again = wait && worthIt && retries < options_.maxRetries && clock_.now() + *wait < deadline;
    if (!again) co_return fail(std::move(error));
    co_await clock_.sleep(*wait);
  }
}

}  // namespace cubelet::apiserver
