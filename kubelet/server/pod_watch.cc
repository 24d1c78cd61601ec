#include "kubelet/server/pod_watch.h"

#include <set>
#include <string_view>
#include <utility>

#include "kubelet/api/codec.h"

namespace cubelet::server {
namespace {

std::string podText(const core::Pod& pod) {
  return api::toJson(pod, {.apiVersion = "v1", .kind = "Pod"});
}

std::string line(std::string_view type, std::string_view object) {
  std::string text = R"({"type":")";
  return text.append(type).append(R"(","object":)").append(object).append("}\n");
}

}  // namespace

PodNews::Subscription PodNews::subscribe(std::function<void()> fn) {
  auto subscription = std::make_shared<const std::function<void()>>(std::move(fn));
  subscribers_.push_back(subscription);
  return subscription;
}

void PodNews::tell() {
  std::erase_if(subscribers_, [](const auto& one) { return one.expired(); });
  for (const auto& one : subscribers_)
    if (const Subscription subscriber = one.lock()) (*subscriber)();
}

std::string PodWatch::changes(const std::vector<core::Pod>& pods) {
  std::string news;
  std::set<std::string> present;
  for (const core::Pod& pod : pods) {
    const auto& about = pod.metadata();
    if (!ns_.empty() && about.namespace_() != ns_) continue;
    present.insert(about.uid());
    const std::string text = podText(pod);
    const std::size_t hash = std::hash<std::string>()(text);
    const auto [told, added] = told_.try_emplace(about.uid(), Told{about.namespace_(), about.name(), hash});
    if (!added && std::exchange(told->second.hash, hash) == hash) continue;
    news += line(added ? "ADDED" : "MODIFIED", text);
  }
  // First what has gone: its name may have come again.
  std::string gone;
  std::erase_if(told_, [&](const auto& item) {
    const auto& [uid, told] = item;
    if (present.contains(uid)) return false;
    core::Pod pod;
    pod.mutable_metadata()->set_namespace_(told.ns);
    pod.mutable_metadata()->set_name(told.name);
    pod.mutable_metadata()->set_uid(uid);
    gone += line("DELETED", podText(pod));
    return true;
  });
  return gone + news;
}

}  // namespace cubelet::server
