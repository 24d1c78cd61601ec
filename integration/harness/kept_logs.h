// What remains of a failed test.
#pragma once

#include <filesystem>
#include <string>

namespace cubelet::integration {

// Copies a log, or a directory of logs, to integration/logs/SUITE.TEST of the build tree, where the next run of the
// same test overwrites it. What is not there is left out. The directory is the answer.
std::filesystem::path keepLog(const std::filesystem::path& log);

// The last 15 lines; for a Go program that died, up to 40 from where it says so, since its stack is longer than that.
std::string lastWords(const std::filesystem::path& log);

}  // namespace cubelet::integration
