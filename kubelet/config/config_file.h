// One configuration file: the --config file or a drop-in.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "kubelet/api/codec.h"
#include "kubelet/config/configuration.h"

namespace cubelet::config {

struct ConfigFile {
  std::string path;        // as messages name it
  api::Document document;  // for lines
  // The content as it was written, with relative paths made absolute: nulls, empty lists and unknown fields are in it.
  nlohmann::json json;
};

// Reads a KubeletConfiguration in YAML or JSON. kInvalid, with file and line: broken syntax, an empty file, another
// kind or apiVersion, a value of the wrong type. Unknown and duplicate fields only add to `warnings`, as upstream
// tolerates them. Paths that are relative are taken as relative to the directory of `path`, which is absolute.
Result<ConfigFile> parseConfigFile(const std::string& path, const std::string& text,
                                   std::vector<std::string>& warnings);

// The message for JSON as configuration files have it, unknown fields left out. kInvalid: a value of the wrong type.
Result<KubeletConfiguration> fromJson(const nlohmann::json& json);

// The JSON that fromJson would read as this configuration, without apiVersion and kind.
nlohmann::json toJson(const KubeletConfiguration& config);

}  // namespace cubelet::config
