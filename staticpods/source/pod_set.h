// What a source of static pods delivers: always everything it has.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::staticpods {

namespace core = ::k8s::core::v1;

struct StaticPod {
  core::Pod pod;     // ready to run: see parseManifest
  std::string file;  // absolute path of its manifest, or its URL
};

// A file (or directory, or URL) that is not in effect as it stands.
struct FileProblem {
  std::string file;
  std::vector<std::string> problems;  // "/etc/manifests/web.yaml:14: spec.containers[0].imagee: unknown field"
  WallTime since;                     // when it was first found bad; stays while it changes from bad to bad
  std::vector<std::string> kept;      // "ns/name" of pods, or objects, that go on from its last good version
};

// No two pods share a namespace and name, or a UID.
struct PodSet {
  std::vector<StaticPod> pods;        // sorted by file, then as in the file
  std::vector<FileProblem> problems;  // sorted by file
};

// Called on the loop. The first call says that the source has been read (SRC-5), even when it holds nothing; then one
// call per change. The set is the caller's and may be moved from.
using OnPodSet = std::function<void(PodSet)>;

}  // namespace cubelet::staticpods
