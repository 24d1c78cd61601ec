#include "kubelet/nodeapi/info_routes.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "kubelet/api/codec.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

struct Check {
  std::string name;
  Result<void> outcome;
};

std::vector<Check> checks(const NodeView& view) {
  std::vector<Check> all;
  all.push_back({"ping", {}});
  all.push_back({"log", {}});
  all.push_back({"syncloop", view.syncLoopHealthy()});
  return all;
}

// One line per check when something is wrong, or when all lines are asked for.
Reply healthOf(const std::vector<Check>& all, const web::Request& request) {
  const std::vector<std::string> excluded = request.target.all("exclude");
  std::string lines;
  std::string failed;
  for (const Check& check : all) {
    if (std::ranges::find(excluded, check.name) != excluded.end()) {
      lines += "[+]" + check.name + " excluded: ok\n";
    } else if (check.outcome) {
      lines += "[+]" + check.name + " ok\n";
    } else {
      lines += "[-]" + check.name + " failed: reason withheld\n";
      failed += (failed.empty() ? "" : "; ") + check.name + ": " + check.outcome.error().message;
    }
  }
  if (!failed.empty()) {
    log::warning("a health check has failed", {{"error", failed}});
    return web::textReply(500, lines + "healthz check failed\n");
  }
  if (request.target.has("verbose")) return web::textReply(200, lines + "healthz check passed\n");
  return web::textReply(200, "ok");
}

Reply oneHealth(const std::vector<Check>& all, const std::string& name) {
  for (const Check& check : all) {
    if (check.name != name) continue;
    if (check.outcome) return web::textReply(200, "ok");
    return web::textReply(500, "internal server error: " + check.outcome.error().message + "\n");
  }
  return web::textReply(404, "404 page not found\n");
}

Reply pods(const NodeView& view) {
  core::PodList list;
  list.mutable_metadata();
  std::vector<core::Pod> all = view.allPods();
  for (core::Pod& pod : all) list.add_items()->Swap(&pod);
  return web::jsonReply(api::toJson(list, {.apiVersion = "v1", .kind = "PodList"}));
}

// Names and images only: what a specification says beyond that is not in the runtime.
Reply runningPods(const NodeView& view) {
  core::PodList list;
  list.mutable_metadata();
  std::vector<std::string> uids = view.observedUids();
  std::ranges::sort(uids);
  for (const std::string& uid : uids) {
    const observe::ObservedPod* have = view.observed(uid);
    if (have == nullptr) continue;
    core::Pod pod;
    pod.mutable_metadata()->set_name(have->name);
    pod.mutable_metadata()->set_namespace_(have->ns);
    pod.mutable_metadata()->set_uid(uid);
    for (const observe::ObservedContainer& container : have->containers) {
      if (container.state != observe::ContainerState::kRunning) continue;
      core::Container& one = *pod.mutable_spec()->add_containers();
      one.set_name(container.name);
      one.set_image(container.image);
    }
    if (pod.spec().containers_size() > 0) list.add_items()->Swap(&pod);
  }
  return web::jsonReply(api::toJson(list, {.apiVersion = "v1", .kind = "PodList"}));
}

// Without captures: what a coroutine needs comes as arguments.
Task<Reply> health(const NodeView* view, RequestPtr request) {
  co_return healthOf(checks(*view), *request);
}
Task<Reply> partOfHealth(const NodeView* view, RequestPtr request) {
  co_return oneHealth(checks(*view), request->parameter("check"));
}
Task<Reply> podList(const NodeView* view) {
  co_return pods(*view);
}
Task<Reply> runningPodList(const NodeView* view) {
  co_return runningPods(*view);
}
Task<Reply> configuration(const NodeView* view) {
  co_return web::jsonReply(R"({"kubeletconfig":)" + view->configJson() + "}");
}

}  // namespace

void addHealthRoutes(web::Router& router, const NodeView& view) {
  const NodeView* shown = &view;
  router.add({.methods = {"GET", "HEAD"},
              .pattern = "/healthz",
              .handler = [shown](RequestPtr request) { return health(shown, std::move(request)); },
              .always = true});
  router.add({.methods = {"GET", "HEAD"},
              .pattern = "/healthz/{check}",
              .handler = [shown](RequestPtr request) { return partOfHealth(shown, std::move(request)); },
              .always = true});
}

void addInfoRoutes(web::Router& router, const NodeView& view) {
  const NodeView* shown = &view;
  router.add({.methods = {"GET"},
              .pattern = "/pods",
              .handler = [shown](const RequestPtr&) { return podList(shown); },
              .always = true});
  router.add({.methods = {"GET"},
              .pattern = "/runningpods",
              .handler = [shown](const RequestPtr&) { return runningPodList(shown); },
              .always = false});
  router.add({.methods = {"GET"},
              .pattern = "/configz",
              .handler = [shown](const RequestPtr&) { return configuration(shown); },
              .always = false});
}

}  // namespace cubelet::nodeapi
