// YAML and JSON to Kubernetes messages and back, by protobuf reflection. Works for any proto2 message whose field names
// are the JSON names; a name with dashes is given as json_name.
#pragma once

#include <cstddef>
#include <google/protobuf/message.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::api {

// One thing wrong with a text. `line` counts from 1; 0 when no line is known.
struct Problem {
  int line = 0;
  std::string path;     // "spec.containers[0].imagee", "metadata.labels[app]"; empty for problems of the whole document
  std::string message;  // "unknown field"
  bool fatal = true;    // false: a warning, the object is usable (unknown field where those are tolerated)
  // "web.yaml:14: spec.containers[0].imagee: unknown field"
  std::string text(std::string_view file) const;
};

// One document of a text: the root of a tree of scalars, lists and maps with their lines (kubelet/api/document.h).
// Copies share the tree.
struct Node;
struct Document {
  std::shared_ptr<const Node> root;  // a map
  int line = 1;
  std::string apiVersion;  // empty when missing or not a string
  std::string kind;
};

struct ParseLimits {
  std::size_t maxBytes = 10 << 20;  // STA-1
  std::size_t maxDepth = 64;        // lists and maps inside each other
  std::size_t maxNodes =
      200'000;  // of the whole text; counts aliases as often as they are used: a billion laughs end here
};

// Reads YAML (one or several documents) or JSON (one object or several in a row; a document whose first character is
// '{' with '"' or '}' behind it). Anchors, aliases and merge keys are resolved. A syntax error, tab in the indentation,
// binary junk (NUL or invalid UTF-8), a root that is no object, too deep nesting or too large a text is a fatal problem
// and costs its document; all others, before and after it, are answered. Empty documents are left out. Scalars follow
// YAML 1.1 as upstream does: plain y/yes/on are booleans, 0644 is octal. Duplicate keys are reported by decode.
//
// Takes about 0.2 s for each MiB of YAML: larger texts belong into the pool of blocking work. Never throws.
std::vector<Document> parseDocuments(std::string_view text, const ParseLimits& limits, std::vector<Problem>& problems);

// The items of a `kind: List` (or PodList, ...) document, each a document of its own with its own apiVersion and kind
// (items of a PodList may leave out both); any other document comes back alone. Paths of the items start at the item.
std::vector<Document> expandLists(Document document, std::vector<Problem>& problems);

// What becomes of unknown and duplicate keys. kWarn: problems that are not fatal; the last of the duplicates counts.
enum class UnknownFields { kReject, kWarn };

// Clears `message` and fills it from `document`. All problems are gathered in one pass (at most 100), in the order of
// the text. Fields that the message names apiVersion and kind are filled, otherwise those two keys are skipped in
// messages that have a `metadata` and at the root. Special messages: Quantity (stored in canonical spelling),
// IntOrString, Time (whole seconds), MicroTime, Duration (k8s.meta.v1), FieldsV1 and RawExtension (JSON text); inlined
// members (VolumeSource, ProbeHandler, ...) as in the API's JSON; bytes are base64. A field that is null is absent; a
// null in a list or a map<> is the zero value, as in Go. True when nothing fatal was found.
bool decode(const Document& document, UnknownFields unknown, google::protobuf::Message& message,
            std::vector<Problem>& problems);

// The line of the key (or of the list element) at `path`, or that of its nearest parent: for problems found later
// (validation).
int lineOf(const Document& document, std::string_view path);

struct EncodeOptions {
  std::string apiVersion;  // written first when not empty
  std::string kind;
  bool pretty = false;  // JSON only: several lines, indented
};
// As the API server would print it: set fields only, in the order of their numbers, maps sorted. Times that are zero
// are left out. JSON ends without, YAML with a line end.
std::string toJson(const google::protobuf::Message& message, const EncodeOptions& options = {});
std::string toYaml(const google::protobuf::Message& message, const EncodeOptions& options = {});

}  // namespace cubelet::api
