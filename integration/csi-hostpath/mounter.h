// Bind mounts and loop devices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace cubelet::hostpath {

// True when both paths are the same directory or device: what a bind mount of one to the other makes them. False when
// one is missing.
bool isSame(const std::string& left, const std::string& right);
bool isMounted(const std::string& path);
// `flags`: options as of mount(8), e.g. "ro", "noexec"; unknown ones are kInvalid.
Result<void> bindMount(const std::string& source, const std::string& target, bool readOnly,
                       const std::vector<std::string>& flags);
// Unmounts what is mounted at `path`, however often; nothing mounted, or no such path, is no error.
Result<void> unmountAll(const std::string& path);

// The loop device of the file; attaches one when it has none.
Result<std::string> attachLoop(const std::string& file);
// Empty: none.
std::string findLoop(const std::string& file);
Result<void> detachLoop(const std::string& file);
// Makes the device see the new size of its file.
Result<void> resizeLoop(const std::string& device);

}  // namespace cubelet::hostpath
