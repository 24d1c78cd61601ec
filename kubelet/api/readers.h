// The two readers behind parseDocuments. Both feed one document into a TreeBuilder and throw Refused at the first thing
// that is wrong; nothing else escapes.
#pragma once

#include <cstddef>
#include <string_view>

#include "kubelet/api/tree_builder.h"

namespace cubelet::api {

// `text` holds at most one YAML document (it may start with directives and "---"); `firstLine` is the line of its first
// byte in the file. The builder stays empty when there is no content.
void readYaml(std::string_view text, int firstLine, const ParseLimits& limits, TreeBuilder& builder);

// Reads one JSON value (RFC 8259) from the start of `text`, white space before it included. Answers how many bytes that
// was and moves `line` on accordingly. A lone surrogate escape becomes U+FFFD, as in Go.
std::size_t readJson(std::string_view text, int& line, TreeBuilder& builder);

}  // namespace cubelet::api
