#include "kubelet/api/tree_builder.h"

#include <algorithm>
#include <utility>

namespace cubelet::api {
namespace {

// Below this many entries a look through all keys is cheaper than a hash table.
constexpr std::size_t kIndexFrom = 16;

std::size_t* lookUp(Node& map, std::unordered_map<std::string, std::size_t>& index, const std::string& key,
                    std::size_t& slot) {
  if (map.entries.size() < kIndexFrom) {
    const Node::Entry* entry = map.find(key);
    if (!entry) return nullptr;
    slot = static_cast<std::size_t>(entry - map.entries.data());
    return &slot;
  }
  if (index.empty())
    for (std::size_t i = 0; i < map.entries.size(); ++i) index.emplace(map.entries[i].key, i);
  auto it = index.find(key);
  return it == index.end() ? nullptr : &it->second;
}

}  // namespace

bool TreeBuilder::expectsKey() const {
  return !frames_.empty() && frames_.back().node->kind == Node::Kind::kMap && !frames_.back().haveKey;
}

void TreeBuilder::spend(std::size_t nodes, int line) {
  if (nodes > budget_)
    throw Refused{line, "more than " + std::to_string(limits_.maxNodes) +
                            " values (those of an alias count each time it is used)"};
  budget_ -= nodes;
}

void TreeBuilder::takeKey(int line, Node::Kind kind, const std::string& text, bool merge) {
  if (kind == Node::Kind::kNull) throw Refused{line, "a key is empty or null: put it in quotes"};
  Frame& frame = frames_.back();
  frame.key = text;
  frame.keyLine = line;
  frame.haveKey = true;
  frame.mergeKey = merge;
}

void TreeBuilder::scalar(int line, Node::Kind kind, std::string text, std::size_t anchor, bool merge) {
  bool key = expectsKey();
  if (key) takeKey(line, kind, text, merge);
  if (key && anchor == 0) return;
  spend(1, line);
  Node& node = tree_->add(kind, line);
  node.text = std::move(text);
  if (anchor != 0) anchors_[anchor] = &node;
  if (!key) attach(&node);
}

void TreeBuilder::beginList(int line, std::size_t anchor) {
  begin(line, Node::Kind::kList, anchor);
}

void TreeBuilder::beginMap(int line, std::size_t anchor) {
  begin(line, Node::Kind::kMap, anchor);
}

void TreeBuilder::begin(int line, Node::Kind kind, std::size_t anchor) {
  if (expectsKey())
    throw Refused{line, "expected a name as key, got " + std::string(kindName(kind)) + " (or a bracket is not closed)"};
  if (frames_.size() >= limits_.maxDepth)
    throw Refused{line, "nested deeper than " + std::to_string(limits_.maxDepth) + " levels"};
  spend(1, line);
  Frame frame;
  frame.node = &tree_->add(kind, line);
  frame.node->height = 1;
  frame.anchor = anchor;
  frames_.push_back(std::move(frame));
}

void TreeBuilder::end() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (!frame.merges.empty()) mergeInto(frame);
  if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
  attach(frame.node);
}

void TreeBuilder::alias(int line, std::size_t anchor) {
  auto it = anchors_.find(anchor);
  if (it == anchors_.end()) throw Refused{line, "an alias stands inside the value it refers to"};
  const Node* target = it->second;
  if (expectsKey()) {
    if (target->kind == Node::Kind::kList || target->kind == Node::Kind::kMap)
      throw Refused{line, "expected a name as key, got " + std::string(kindName(target->kind))};
    takeKey(line, target->kind, target->text, false);
    return;
  }
  if (frames_.size() + target->height > limits_.maxDepth)
    throw Refused{line, "nested deeper than " + std::to_string(limits_.maxDepth) + " levels"};
  spend(target->nodes, line);
  attach(target);
}

void TreeBuilder::attach(const Node* node) {
  if (frames_.empty()) {
    root_ = node;
    return;
  }
  Frame& frame = frames_.back();
  if (frame.node->kind == Node::Kind::kList) {
    frame.node->items.push_back(node);
  } else if (frame.mergeKey) {
    frame.merges.push_back(node);
    frame.haveKey = frame.mergeKey = false;
    return;
  } else {
    putEntry(frame, node, frame.keyLine);
    frame.haveKey = false;
  }
  frame.node->nodes += node->nodes;
  frame.node->height = std::max(frame.node->height, node->height + 1);
}

void TreeBuilder::putEntry(Frame& frame, const Node* value, int line) {
  Node& map = *frame.node;
  std::size_t slot = 0;
  if (const std::size_t* found = lookUp(map, frame.index, frame.key, slot)) {
    Node::Entry& entry = map.entries[*found];
    map.duplicates.push_back({frame.key, line, entry.line});
    entry.line = line;
    entry.value = value;
    return;
  }
  if (map.entries.size() >= kIndexFrom) frame.index.emplace(frame.key, map.entries.size());
  map.entries.push_back({std::move(frame.key), line, value});
}

// Keys of the map itself win over merged ones, earlier sources over later ones.
void TreeBuilder::mergeInto(Frame& frame) {
  for (const Node* source : frame.merges) {
    if (source->kind == Node::Kind::kMap) {
      mergeOne(frame, *source);
    } else if (source->kind == Node::Kind::kList) {
      for (const Node* each : source->items) {
        if (each->kind != Node::Kind::kMap)
          throw Refused{each->line, "a merge key takes objects, got " + std::string(kindName(each->kind))};
        mergeOne(frame, *each);
      }
    } else if (source->kind != Node::Kind::kNull) {
      throw Refused{source->line,
                    "a merge key takes an object or a list of objects, got " + std::string(kindName(source->kind))};
    }
  }
}

void TreeBuilder::mergeOne(Frame& frame, const Node& from) {
  Node& map = *frame.node;
  for (const Node::Entry& entry : from.entries) {
    std::size_t slot = 0;
    if (lookUp(map, frame.index, entry.key, slot)) continue;
    spend(entry.value->nodes, entry.line);
    if (map.entries.size() >= kIndexFrom) frame.index.emplace(entry.key, map.entries.size());
    map.entries.push_back(entry);
    map.nodes += entry.value->nodes;
    map.height = std::max(map.height, entry.value->height + 1);
  }
}

}  // namespace cubelet::api
