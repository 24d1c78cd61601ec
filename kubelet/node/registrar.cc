#include "kubelet/node/registrar.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "kubelet/node/heartbeat_path.h"
#include "kubelet/node/node_object.h"
#include "kubelet/node/node_patch.h"

namespace cubelet::node {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kMaxRetry = std::chrono::seconds(7);

// Whoever may not create nodes may still have one.
bool mayExist(const Error& error) {
  return error.code == Code::kAlreadyExists || error.reason == "Forbidden";
}

}  // namespace

Registrar::Registrar(Clock& clock, apiserver::ApiClient& client, Options options, std::function<core::Node()> fresh)
    : clock_(clock),
      client_(client),
      options_(std::move(options)),
      fresh_(std::move(fresh)),
      backoff_({.initial = kFirstRetry, .cap = kMaxRetry}),
      wake_(clock) {}

Task<Registered> Registrar::run() {
  std::string logged;
  for (;;) {
    wake_.clear();
    Result<Registered> registered = co_await tryOnce();
    problem_ = registered ? "" : registered.error().message;
    if (registered) {
      log::notice(registered->created ? "node registered" : "node found", {{"node", options_.nodeName}});
      co_return std::move(*registered);
    }
    if (const std::string kind = kindOf(registered.error()); kind != logged) {
      log::warning("cannot register the node, trying again", {{"error", registered.error().message}});
      logged = kind;
    }
    co_await wake_.waitUntil(clock_.now() + backoff_.next());
  }
}

Task<Result<Registered>> Registrar::tryOnce() {
  if (!options_.create) {
    Result<core::Node> found = co_await find();
    if (!found) co_return fail(std::move(found.error()));
    co_return Registered{std::move(*found), false};
  }
  core::Node fresh = fresh_();
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = apiserver::kNodes.collection();
  Result<core::Node> created = co_await client_.create(std::move(path), fresh, call);
  if (created) co_return Registered{std::move(*created), true};
  if (!mayExist(created.error())) co_return fail(std::move(created.error()));
  Result<core::Node> existing = co_await find();
  // When we may neither create nor read it, the first refusal tells more.
  if (!existing) co_return fail(existing.error().code == Code::kNotFound ? created.error() : existing.error());
  co_return co_await putRight(std::move(*existing), std::move(fresh));
}

Task<Result<core::Node>> Registrar::find() {
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = apiserver::kNodes.object("", options_.nodeName);
  return client_.get<core::Node>(std::move(path), call);
}

Task<Result<Registered>> Registrar::putRight(core::Node existing, core::Node fresh) {
  const core::Node wanted = reconciled(existing, fresh);
  std::optional<std::string> patch = NodePatcher().changes(existing, wanted);
  if (!patch) co_return Registered{std::move(existing), false};
  apiserver::CallOptions call = heartbeatCall(options_.timeout);
  std::string path = apiserver::kNodes.object("", options_.nodeName, "status");
  Result<core::Node> patched = co_await client_.patch<core::Node>(std::move(path), std::move(*patch), call);
  if (!patched) co_return fail(std::move(patched.error()));
  co_return Registered{std::move(*patched), false};
}

}  // namespace cubelet::node
