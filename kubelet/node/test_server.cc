#include "kubelet/node/test_server.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/wake.h"
#include "kubelet/api/codec.h"
#include "kubelet/apiserver/scripted_transport.h"
#include "kubelet/apiserver/wire.h"

namespace cubelet::node {
namespace {

using apiserver::answerOf;
using apiserver::failureOf;
using apiserver::Request;
using apiserver::Response;
using Json = nlohmann::json;
using k8s::coordination::v1::Lease;
namespace core = ::k8s::core::v1;

const std::map<int, std::string> kReasons = {
    {400, "BadRequest"},      {403, "Forbidden"},     {404, "NotFound"},           {409, "Conflict"},
    {429, "TooManyRequests"}, {500, "InternalError"}, {503, "ServiceUnavailable"}, {504, "Timeout"}};

// "PATCH nodes/n1/status", "PUT lease".
std::string nameOf(const Request& request) {
  const std::string path = request.path.substr(0, request.path.find('?'));
  const std::string lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  if (path.starts_with(lease)) return request.method + " lease";
  return request.method + " " + path.substr(std::string("/api/v1/").size());
}

template <class T>
T objectOf(const Request& request) {
  T object;
  if (!apiserver::decodeObject(request.contentType, request.body, object)) std::abort();
  return object;
}

void mergeConditions(Json& into, const Json& conditions) {
  for (const Json& condition : conditions) {
    auto same = std::find_if(into.begin(), into.end(), [&](const Json& c) { return c["type"] == condition["type"]; });
    if (same == into.end())
      into.push_back(condition);
    else
      same->update(condition);
  }
}

}  // namespace

Task<Result<Response>> TestServer::send(Request request) {
  std::string what = nameOf(request);
  requests.push_back(what);
  bodies.push_back(request);
  if (hanging) {
    co_await clock_.sleep(request.timeout.value_or(std::chrono::seconds(60)));
    co_return fail(Code::kTimedOut, "", "no answer");
  }
  if (latency > Duration(0)) co_await clock_.sleep(latency);
  if (down) co_return fail(Code::kUnavailable, "", "connection refused");
  int status = -1;
  if (auto faults = failNext.find(what); faults != failNext.end() && !faults->second.empty()) {
    status = faults->second.front();
    faults->second.pop_front();
  }
  if (status > 0) co_return failureOf(status, kReasons.at(status));
  Response response = serve(what, request);
  if (status == 0) co_return fail(Code::kUnavailable, "", "cut");
  co_return response;
}

Task<Result<Response>> TestServer::stream(Request request, std::function<void(std::string_view)> onData) {
  if (down || hanging) co_return fail(Code::kUnavailable, "", "connection refused");
  auto watch = std::make_shared<Watch>();
  watch->onData = std::move(onData);
  watches_.push_back(watch);
  if (request.path.find("sendInitialEvents") != std::string::npos) {
    if (node) watch->onData(apiserver::frameOf("ADDED", *node));
    core::Node mark;
    mark.mutable_metadata()->set_resourceversion(std::to_string(version_));
    (*mark.mutable_metadata()->mutable_annotations())["k8s.io/initial-events-end"] = "true";
    watch->onData(apiserver::frameOf("BOOKMARK", mark));
  }
  for (;;) {
    co_await watch->park.wait();
    co_await throwIfCancelled();
  }
}

Response TestServer::serve(const std::string& what, const Request& request) {
  return what.ends_with(" lease") ? serveLease(request) : serveNode(request);
}

Response TestServer::serveNode(const Request& request) {
  if (request.method == "POST") {
    if (node) return failureOf(409, "AlreadyExists");
    node = objectOf<core::Node>(request);
    node->mutable_metadata()->set_uid("uid-1");
    stamp(*node->mutable_metadata());
    return answerOf(201, *node);
  }
  if (!node) return failureOf(404, "NotFound", "nodes \"n1\" not found");
  if (request.method == "PATCH") patchNode(request.body);
  return answerOf(200, *node);
}

Response TestServer::serveLease(const Request& request) {
  if (request.method == "POST") {
    if (lease) return failureOf(409, "AlreadyExists");
    lease = objectOf<Lease>(request);
    stamp(*lease->mutable_metadata());
    return answerOf(201, *lease);
  }
  if (!lease) return failureOf(404, "NotFound");
  if (request.method == "PUT") {
    Lease wanted = objectOf<Lease>(request);
    if (wanted.metadata().resourceversion() != lease->metadata().resourceversion()) return failureOf(409, "Conflict");
    lease = std::move(wanted);
    stamp(*lease->mutable_metadata());
  }
  return answerOf(200, *lease);
}

void TestServer::patchNode(const std::string& patchText) {
  Json patch = Json::parse(patchText);
  Json state = Json::parse(api::toJson(*node));
  Json conditions = state["status"]["conditions"];
  mergeConditions(conditions, patch["status"].value("conditions", Json::array()));
  patch["status"]["conditions"] = conditions;
  if (patch["status"].contains("addresses")) {
    Json& addresses = patch["status"]["addresses"];
    addresses.erase(
        std::remove_if(addresses.begin(), addresses.end(), [](const Json& a) { return a.contains("$patch"); }),
        addresses.end());
  }
  for (const std::string& field : unknownFields) patch["status"].erase(field);
  state.merge_patch(patch);

  std::vector<api::Problem> problems;
  const std::vector<api::Document> documents = api::parseDocuments(state.dump(), {}, problems);
  core::Node patched;
  if (documents.size() != 1 || !api::decode(documents[0], api::UnknownFields::kReject, patched, problems)) std::abort();
  node = std::move(patched);
  stamp(*node->mutable_metadata());
}

void TestServer::change(const std::function<void(core::Node&)>& how) {
  how(*node);
  stamp(*node->mutable_metadata());
  for (const std::shared_ptr<Watch>& watch : watches_) watch->onData(apiserver::frameOf("MODIFIED", *node));
}

void TestServer::stamp(k8s::meta::v1::ObjectMeta& metadata) {
  metadata.set_resourceversion(std::to_string(++version_));
}

}  // namespace cubelet::node
