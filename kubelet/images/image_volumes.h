// Which container runtimes can mount an image as a volume (CFG-24). Pure.
#pragma once

#include <string>
#include <string_view>

namespace cubelet::images {

// Empty when the runtime can, or when nothing is known of it; else what to tell who asks for such a volume. CRI has no
// question for it: containerd can since 2.1, CRI-O since 1.31, and older ones only fail in odd ways. `version` as the
// runtime tells it: "1.6.20~ds1", "v2.1.0".
std::string whyNoImageVolumes(std::string_view runtime, std::string_view version);

}  // namespace cubelet::images
