// What a scalar of a manifest means: the rules of YAML 1.1 as Kubernetes' YAML library reads them (sigs.k8s.io/yaml,
// resolve.go), and numbers as Go prints them in JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kubelet/api/document.h"

namespace cubelet::api {

struct Scalar {
  Node::Kind kind = Node::Kind::kString;
  std::string text;  // as Node::text
};

// A scalar without quotes and tag. y, yes, on, n, no, off and true, false are booleans; 0644, 0o644, 0x1f, 0b11 and
// 1_000 are integers; 08 and 1e3 are numbers that happen to be whole; dates and base-60 numbers stay strings.
Scalar resolvePlain(std::string_view text);

// A scalar with an explicit tag ("tag:yaml.org,2002:int" and the like). Unknown tags leave a string.
// kInvalid: the text is not of that type.
Result<Scalar> resolveTagged(std::string_view tag, std::string_view text);

// The shortest text that reads back to the same number, as Go's JSON writer has it: "0.1", "1000", "1e+22", "1e-7".
std::string numberText(double value);

// The whole text as a number; nothing when it is none or overflows.
std::optional<double> parseNumber(std::string_view text);

// True when every byte belongs to a well-formed UTF-8 sequence (no surrogates, nothing overlong).
bool isUtf8(std::string_view text);
// Appends one code point.
void appendUtf8(std::string& out, std::uint32_t codePoint);

}  // namespace cubelet::api
