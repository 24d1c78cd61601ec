#include "kubelet/nodeapi/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/time_text.h"
#include "kubelet/logs/log_source.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

constexpr mode_t kOwnerOnly = 0700;
// More would not fit into a duration.
constexpr std::int64_t kLongest = 365 * 24 * 3600;

bool hasContainer(const core::Pod& pod, const std::string& name) {
  const std::vector<std::string> names = logs::containerNames(pod);
  return std::ranges::find(names, name) != names.end();
}

std::string wholeSecond(WallTime now) {
  return rfc3339Nano(std::chrono::floor<std::chrono::seconds>(now));
}

}  // namespace

std::optional<Duration> checkpointTimeout(const web::Target& target) {
  const std::vector<std::string> given = target.all("timeout");
  if (given.empty()) return Duration(0);
  const std::string& text = given.back();
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, -1, kLongest));
}

void Checkpoints::addRoutes(web::Router& router) {
  router.add({.methods = {"POST"},
              .pattern = "/checkpoint/{namespace}/{pod}/{container}",
              .handler = [this](RequestPtr request) { return serve(std::move(request)); },
              .always = false});
}

Task<Reply> Checkpoints::serve(RequestPtr request) {
  const std::string& ns = request->parameter("namespace");
  const std::string& name = request->parameter("pod");
  const std::string& container = request->parameter("container");
  const std::optional<core::Pod> pod = view_.pod(ns, name);
  if (!pod) co_return web::textReply(404, "pod does not exist\n");
  if (!hasContainer(*pod, container)) co_return web::textReply(404, "container " + container + " does not exist\n");
  const std::optional<Duration> timeout = checkpointTimeout(request->target);
  if (!timeout) co_return web::textReply(404, "cannot parse value of timeout parameter\n");
  Task<Result<std::string>> making = make(pod->metadata().uid(), name + "_" + ns, container, *timeout);
  const Result<std::string> file = co_await std::move(making);
  if (!file)
    co_return web::textReply(
        500, "checkpointing of " + ns + "/" + name + "/" + container + " failed (" + file.error().message + ")\n");
  const nlohmann::json answer = {{"items", nlohmann::json::array({*file})}};
  co_return web::jsonReply(answer.dump());
}

// Answers the path of the archive.
Task<Result<std::string>> Checkpoints::make(std::string uid, std::string fullName, std::string container,
                                            Duration timeout) {
  if (timeout < Duration(0)) co_return fail(Code::kInvalid, "", "the timeout must not be negative");
  const observe::ObservedPod* have = view_.observed(uid);
  const observe::ObservedContainer* newest = have != nullptr ? have->newest(container) : nullptr;
  if (newest == nullptr || newest->state != observe::ContainerState::kRunning)
    co_return fail(Code::kNotFound, "", "container " + container + " does not run");
  const std::string id = newest->id;
  if (Result<void> made = makeDirectories(directory_, kOwnerOnly); !made) co_return fail(made.error());
  const std::string path =
      joinPath(directory_, "checkpoint-" + fullName + "-" + container + "-" + wholeSecond(clock_.wallNow()) + ".tar");
  Task<Result<void>> writing = runtime_.checkpointContainer(id, path, timeout);
  const Result<void> written = co_await std::move(writing);
  if (!written) co_return fail(written.error());
  co_return path;
}

}  // namespace cubelet::nodeapi
