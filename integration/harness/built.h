// Where the things under test lie.
#pragma once

#include <filesystem>
#include <string>

namespace cubelet::integration::built {

// The agent: $CUBELET, else the one of this build tree.
std::string agent();
// The CSI driver for tests, of this build tree.
std::string hostpathDriver();
// scripts/NAME of the source tree.
std::string script(const std::string& name);
// The archive of one of our images ("pause", "test", "user") in the build tree.
std::string image(const std::string& name);
// Where the programs of the control plane lie (scripts/build-control-plane); empty when they were not built.
std::filesystem::path controlPlane();
// Where the logs of failed tests are kept.
std::filesystem::path keptLogs();

// Why scenarios cannot run here ("not root"), or empty.
std::string missing();

}  // namespace cubelet::integration::built
