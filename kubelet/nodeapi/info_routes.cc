#include "kubelet/nodeapi/info_routes.h"

#include <algorithm>
#include <utility>

#include "kubelet/api/codec.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

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
