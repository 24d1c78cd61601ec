// One manifest text becomes the static pods of this node.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::staticpods {

namespace core = ::k8s::core::v1;

enum class Source : std::uint8_t { kFile, kHttp };

// What becomes of references to objects of the API server.
enum class References : std::uint8_t {
  kRefused,  // STA-8
  kLocal,    // a standalone node: those whose objects can be files of the node are taken
};

struct ManifestOptions {
  std::string nodeName;
  Source source = Source::kFile;
  WallTime seen;  // when the text was first seen (SRC-3)
  References references = References::kRefused;
};

struct Manifest {
  // In the order of the text. Empty when any document is bad: a file is applied as a whole or not at all.
  std::vector<core::Pod> pods;
  // Sorted by line. Warnings may stand beside pods.
  std::vector<api::Problem> problems;

  bool valid() const;
  // Each problem as "path:line: field: message".
  std::vector<std::string> problemTexts(std::string_view path) const;
};

// `text` is YAML (several documents are fine) or JSON and holds v1 Pods, or Lists of them, and nothing else. Unknown
// fields are errors. `path` is the file's absolute path, or the URL: it is part of the UID (STA-6). The pods are as the
// agent runs them: defaulted and validated (STA-4), named (STA-5), with UID (STA-6), annotations (STA-7) and phase
// Pending. References to API objects are refused (STA-8), but see References. A text without any document is invalid,
// an empty list is not. Pure: may be called from any thread.
Manifest parseManifest(std::string_view path, std::string_view text, const ManifestOptions& options);

// The annotation config.seen, for pods whose first sight was earlier than this text's.
const std::string& seenOf(const core::Pod& pod);
void setSeen(core::Pod& pod, std::string seen);

}  // namespace cubelet::staticpods
