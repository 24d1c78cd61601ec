// Text of a tree.
#pragma once

#include <string>

#include "kubelet/api/document.h"

namespace cubelet::api {

// Compact, or with `pretty` indented by four spaces as kubectl prints it (no line end after the last brace). Invalid
// UTF-8 becomes U+FFFD.
std::string jsonText(const Node& root, bool pretty);

// Block style as kubectl prints it: two spaces, lists at the indentation of their key, several lines as "|", quotes
// where a plain scalar would be read as something else by YAML 1.1 or 1.2. Ends in a line end.
std::string yamlText(const Node& root);

}  // namespace cubelet::api
