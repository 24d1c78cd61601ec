// The tree that a manifest text becomes before it is decoded: scalars, lists and maps with their lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::api {

// Lives in a Tree and is never changed once its document is complete. An alias shares the node of its anchor, so a
// tree may hold the same node in several places; there are no cycles.
struct Node {
  // kNumber is any number that is not written as a whole one.
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kNumber, kString, kList, kMap };
  struct Entry {
    std::string key;
    int line = 0;  // of the key
    const Node* value = nullptr;
  };
  // A key that came again. `entries` keeps the last value, as upstream does where duplicates are tolerated.
  struct Duplicate {
    std::string key;
    int line = 0;
    int firstLine = 0;
  };

  const Entry* find(std::string_view key) const;

  Kind kind = Kind::kNull;
  int line = 0;
  std::uint32_t nodes = 1;   // this one and all below it, aliases counted each time
  std::uint32_t height = 0;  // levels of lists and maps, this one included
  // Scalars as JSON has them: "true", "-12", "1.5"; strings without quotes; .inf and .nan as they are.
  std::string text;
  std::vector<const Node*> items;
  std::vector<Entry> entries;
  std::vector<Duplicate> duplicates;
};

// "string", "object", ... for messages.
std::string_view kindName(Node::Kind kind);

struct Document;
// The root must be a map. Fills line, apiVersion and kind from it.
Document makeDocument(std::shared_ptr<const Node> root);

// Owns the nodes of one or several documents. Addresses are stable.
struct Tree {
  Node& add(Node::Kind kind, int line);
  std::deque<Node> nodes;
};

// A root that keeps its whole tree alive.
std::shared_ptr<const Node> shareNode(const std::shared_ptr<const Tree>& tree, const Node* node);

}  // namespace cubelet::api
