// A container image of a program that lies on this machine.
#pragma once

#include <filesystem>
#include <string>

#include "integration/harness/containerd.h"

namespace cubelet::integration {

// Makes the image `name` with nothing but `program` as /usr/local/bin/ITS-NAME and the shared libraries that it needs,
// and brings it into `containerd`, unless that has one of this name. Needs room for four copies of the program below
// `work`, and a second for a hundred megabytes. Throws std::runtime_error when a step fails.
void importProgramImage(const Containerd& containerd, const std::string& name, const std::filesystem::path& program,
                        const std::filesystem::path& work);

}  // namespace cubelet::integration
