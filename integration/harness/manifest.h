// Pod manifests as JSON values; cubelet reads JSON as well as YAML.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cubelet::integration {

using json = nlohmann::json;

// A container of our test image with the node's record directory mounted at /out.
json container(const std::string& name, std::vector<std::string> command);
// `mark /out/RECORD`: notes its start, ends at SIGTERM.
json marker(const std::string& name, const std::string& record);
// `mark /out/RECORD sh -c SCRIPT`
json shell(const std::string& name, const std::string& record, const std::string& script);

// A pod with a termination grace of two seconds. The record directory is added when it is written (Node::write).
json pod(const std::string& name, std::vector<json> containers);

}  // namespace cubelet::integration
