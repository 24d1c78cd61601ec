// An agent made of plain values, for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/nodeapi/node_view.h"

namespace cubelet::nodeapi {

class FakeNodeView final : public NodeView {
 public:
  std::vector<core::Pod> allPods() const override { return pods; }
  std::optional<core::Pod> pod(std::string_view ns, std::string_view name) const override {
    for (const core::Pod& one : pods)
      if (one.metadata().namespace_() == ns && one.metadata().name() == name) return one;
    return std::nullopt;
  }
  std::string mirrorUid(const std::string& ns, const std::string& name) const override {
    const auto found = mirrors.find(ns + "/" + name);
    return found == mirrors.end() ? std::string() : found->second;
  }
  const observe::ObservedPod* observed(const std::string& uid) const override {
    auto found = runtime.find(uid);
    return found == runtime.end() ? nullptr : &found->second;
  }
  std::vector<std::string> observedUids() const override {
    std::vector<std::string> uids;
    for (const auto& [uid, pod] : runtime) uids.push_back(uid);
    return uids;
  }
  Result<void> syncLoopHealthy() const override {
    if (!problem.empty()) return fail(Code::kUnavailable, "", problem);
    return {};
  }
  std::string configJson() const override { return R"({"kind":"KubeletConfiguration"})"; }

  // With one container "main" that runs; its id is "id-<name>-main".
  core::Pod& addPod(const std::string& ns, const std::string& name) {
    core::Pod& pod = pods.emplace_back();
    pod.mutable_metadata()->set_namespace_(ns);
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_spec()->add_containers()->set_name("main");
    observe::ObservedPod& have = runtime["uid-" + name];
    have.uid = "uid-" + name;
    have.ns = ns;
    have.name = name;
    observe::ObservedSandbox sandbox;
    sandbox.id = "sandbox-" + name;
    sandbox.ready = true;
    have.sandboxes.push_back(sandbox);
    observe::ObservedContainer container;
    container.id = "id-" + name + "-main";
    container.name = "main";
    container.image = "busybox:1.36";
    container.state = observe::ContainerState::kRunning;
    have.containers.push_back(container);
    return pod;
  }

  std::vector<core::Pod> pods;
  std::map<std::string, std::string> mirrors;           // "namespace/name" to UID
  std::map<std::string, observe::ObservedPod> runtime;  // by UID
  std::string problem;                                  // empty: healthy
};

}  // namespace cubelet::nodeapi
