#include "kubelet/api/document.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "kubelet/api/codec.h"

namespace cubelet::api {

const Node::Entry* Node::find(std::string_view key) const {
  auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return it == entries.end() ? nullptr : &*it;
}

std::string_view kindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return "boolean";
    case Node::Kind::kInteger:
      return "integer";
    case Node::Kind::kNumber:
      return "number";
    case Node::Kind::kString:
      return "string";
    case Node::Kind::kList:
      return "list";
    case Node::Kind::kMap:
      return "object";
  }
  return "unknown";
}

Node& Tree::add(Node::Kind kind, int line) {
  Node& node = nodes.emplace_back();
  node.kind = kind;
  node.line = line;
  return node;
}

std::shared_ptr<const Node> shareNode(const std::shared_ptr<const Tree>& tree, const Node* node) {
  return {tree, node};
}

std::string Problem::text(std::string_view file) const {
  std::string out(file);
  if (line > 0) out.append(":").append(std::to_string(line));
  if (!out.empty()) out.append(": ");
  if (!path.empty()) out.append(path).append(": ");
  return out.append(message);
}

namespace {

std::string stringAt(const Node& map, std::string_view key) {
  const Node::Entry* entry = map.find(key);
  return entry && entry->value->kind == Node::Kind::kString ? entry->value->text : "";
}

// One step of a path: ".name" and "[key]" lead into maps, "[0]" into lists.
struct Step {
  std::string_view name;
  std::string_view rest;
};

std::optional<Step> nextStep(std::string_view path) {
  if (path.empty()) return std::nullopt;
  if (path.front() == '[') {
    std::size_t end = path.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return Step{path.substr(1, end - 1), path.substr(end + 1)};
  }
  if (path.front() == '.') path.remove_prefix(1);
  std::size_t end = path.find_first_of(".[");
  if (end == std::string_view::npos) end = path.size();
  return Step{path.substr(0, end), path.substr(end)};
}

}  // namespace

Document makeDocument(std::shared_ptr<const Node> root) {
  Document document;
  document.line = root->line;
  document.apiVersion = stringAt(*root, "apiVersion");
  document.kind = stringAt(*root, "kind");
  document.root = std::move(root);
  return document;
}

int lineOf(const Document& document, std::string_view path) {
  if (!document.root) return 0;
  const Node* node = document.root.get();
  int line = node->line;
  while (auto step = nextStep(path)) {
    path = step->rest;
    if (node->kind == Node::Kind::kList) {
      std::size_t index = 0;
      auto [end, error] = std::from_chars(step->name.data(), step->name.data() + step->name.size(), index);
      if (error != std::errc() || index >= node->items.size()) return line;
      node = node->items[index];
      line = node->line;
    } else if (const Node::Entry* entry = node->find(step->name)) {
      node = entry->value;
      line = entry->line;
    } else {
      return line;
    }
  }
  return line;
}

std::vector<Document> expandLists(Document document, std::vector<Problem>& problems) {
  const Node::Entry* items = document.root ? document.root->find("items") : nullptr;
  if (!document.kind.ends_with("List") || !items) return {std::move(document)};
  if (items->value->kind == Node::Kind::kNull) return {};
  if (items->value->kind != Node::Kind::kList) {
    problems.push_back({items->line, "items", "expected list, got " + std::string(kindName(items->value->kind)), true});
    return {};
  }
  // PodList: its items may leave out what the list's own kind says. A plain List says nothing about them.
  std::string itemKind = document.kind.substr(0, document.kind.size() - 4);
  std::vector<Document> out;
  for (std::size_t i = 0; i < items->value->items.size(); ++i) {
    const Node* item = items->value->items[i];
    if (item->kind != Node::Kind::kMap) {
      problems.push_back({item->line, "items[" + std::to_string(i) + "]",
                          "expected object, got " + std::string(kindName(item->kind)), true});
      continue;
    }
    Document each = makeDocument({document.root, item});
    if (!itemKind.empty() && !item->find("kind") && !item->find("apiVersion")) {
      each.kind = itemKind;
      each.apiVersion = document.apiVersion;
    }
    for (Document& inner : expandLists(std::move(each), problems)) out.push_back(std::move(inner));
  }
  return out;
}

}  // namespace cubelet::api
