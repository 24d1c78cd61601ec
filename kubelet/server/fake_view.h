// An agent made of plain values, for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kubelet/server/agent_view.h"

namespace cubelet::server {

class FakeView final : public AgentView {
 public:
  explicit FakeView(Clock& clock) : recorder(clock, "node-1") {
    state.version = "0.1.0";
    state.kubernetesVersion = "v1.36.0";
    state.nodeName = "node-1";
    state.startedAt = clock.wallNow();
    state.podLogsDir = "/var/log/pods";
    state.runtime = RuntimeView{.endpoint = "unix:///run/containerd/containerd.sock",
                                .name = "containerd",
                                .version = "1.6.20",
                                .reachable = true,
                                .problem = ""};
  }

  std::vector<core::Pod> pods() const override { return podList; }
  PodNews& podNews() override { return news; }
  Result<Explanation> explain(std::string_view ns, std::string_view name) const override {
    std::string pod = std::string(ns) + "/" + std::string(name);
    for (const auto& [known, explanation] : explanations)
      if (known == pod) return explanation;
    return fail(Code::kNotFound, "", "there is no pod " + pod);
  }
  AgentStatus status() const override { return state; }
  std::vector<VolumeView> volumes() const override { return volumeList; }
  Task<Result<VolumeCheck>> checkVolumes(bool repair) override {
    VolumeCheck check = volumeCheck;
    if (repair) std::swap(check.found, check.repaired);
    co_return check;
  }
  Result<void> healthy() const override {
    if (!problem.empty()) return fail(Code::kUnavailable, "", problem);
    return {};
  }
  events::EventRecorder& events() override { return recorder; }
  Task<Result<StreamPlace>> streamPlace(StreamRequest request) override {
    lastStream = std::move(request);
    co_return place;
  }

  Task<Result<std::string>> usage() override { co_return usageJson; }

  core::Pod& addPod(const std::string& ns, const std::string& name, const std::string& phase) {
    core::Pod& pod = podList.emplace_back();
    pod.mutable_metadata()->set_namespace_(ns);
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_status()->set_phase(phase);
    return pod;
  }

  std::vector<core::Pod> podList;
  PodNews news;                                                   // tell() after a change of them
  std::vector<std::pair<std::string, Explanation>> explanations;  // "ns/name" first
  AgentStatus state;
  std::vector<VolumeView> volumeList;
  VolumeCheck volumeCheck;  // everything that is found can be repaired
  std::string problem;      // empty: healthy
  Result<StreamPlace> place = StreamPlace{.address = "127.0.0.1", .port = 1, .path = "/exec/token"};
  StreamRequest lastStream;
  Result<std::string> usageJson = R"({"node":{"nodeName":"node-1"},"pods":[]})";
  events::EventRecorder recorder;
};

}  // namespace cubelet::server
