// What the parts of FakeRuntime share. For the .cc files of this folder only.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>

#include "base/wake.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::cri {

inline std::int64_t nanos(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

inline std::unexpected<Error> failure(Code code, const std::string& call, const std::string& object,
                                      const std::string& text) {
  return fail(code, "", call + " " + object + " at fake: " + text);
}

// "container is in CONTAINER_EXITED state"
inline std::string inState(const FakeContainer& container) {
  std::string text = "container is in ";
  text += v1::ContainerState_Name(container.state);
  text += " state";
  return text;
}

inline std::unexpected<Error> noContainer(const std::string& call, const std::string& id) {
  return failure(Code::kNotFound, call, id, "an error occurred when try to find container \"" + id + "\": not found");
}

inline std::unexpected<Error> noSandbox(const std::string& call, const std::string& id) {
  return failure(Code::kNotFound, call, id, "an error occurred when try to find sandbox \"" + id + "\": not found");
}

// The names under which containerd lets only one sandbox and one container exist.
inline std::string reservedName(const v1::PodSandboxMetadata& pod) {
  return pod.name() + "_" + pod.namespace_() + "_" + pod.uid() + "_" + std::to_string(pod.attempt());
}
inline std::string reservedName(const v1::ContainerMetadata& container, const v1::PodSandboxMetadata& pod) {
  return container.name() + "_" + pod.name() + "_" + pod.namespace_() + "_" + pod.uid() + "_" +
         std::to_string(container.attempt());
}

template <class Labels, class Selector>
bool selects(const Selector& selector, const Labels& labels) {
  for (const auto& [key, value] : selector) {
    auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

inline constexpr int kKilled = 137;

// Rung when the container ends.
struct Watching {
  Watching(FakeContainer& container, Wake* wake) : list(container.watchers), it(list.insert(list.end(), wake)) {}
  ~Watching() { list.erase(it); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;
  std::list<Wake*>& list;
  std::list<Wake*>::iterator it;
};

}  // namespace cubelet::cri
