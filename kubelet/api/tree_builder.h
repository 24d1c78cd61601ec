// Builds a Tree from the events of a reader and holds the limits: depth, number of nodes, aliases, merge keys.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"

namespace cubelet::api {

// Thrown inside a reader to stop at once; parseDocuments turns it into a Problem. An exception, because yaml-cpp's
// callbacks have no other way to stop their caller.
struct Refused {
  int line = 0;
  std::string message;
};

// Feed it begin/end calls and scalars in the order of the text; inside a map keys and values alternate. All calls throw
// Refused when a limit is passed. An anchor of 0 means none.
class TreeBuilder {
 public:
  // `budget` is what remains of ParseLimits::maxNodes for the whole text and is counted down. Both must outlive this.
  TreeBuilder(const ParseLimits& limits, std::size_t& budget) : limits_(limits), budget_(budget) {}

  // `merge`: as a key it is the merge key "<<" rather than a name.
  void scalar(int line, Node::Kind kind, std::string text, std::size_t anchor = 0, bool merge = false);
  void beginList(int line, std::size_t anchor = 0);
  void beginMap(int line, std::size_t anchor = 0);
  void end();
  void alias(int line, std::size_t anchor);

  bool done() const { return root_ != nullptr && frames_.empty(); }
  // Null before the first node is complete.
  std::shared_ptr<const Node> root() const { return root_ ? shareNode(tree_, root_) : nullptr; }

 private:
  struct Frame {
    Node* node = nullptr;
    std::size_t anchor = 0;
    bool haveKey = false;
    bool mergeKey = false;
    std::string key;
    int keyLine = 0;
    std::unordered_map<std::string, std::size_t> index;  // of entries by key, once there are many
    std::vector<const Node*> merges;
  };

  bool expectsKey() const;
  void begin(int line, Node::Kind kind, std::size_t anchor);
  void attach(const Node* node);
  void putEntry(Frame& frame, const Node* value, int line);
  void takeKey(int line, Node::Kind kind, const std::string& text, bool merge);
  void mergeInto(Frame& frame);
  void mergeOne(Frame& frame, const Node& from);
  void spend(std::size_t nodes, int line);

  const ParseLimits& limits_;
  std::size_t& budget_;
  std::shared_ptr<Tree> tree_ = std::make_shared<Tree>();
  const Node* root_ = nullptr;
  std::vector<Frame> frames_;
  std::map<std::size_t, const Node*> anchors_;  // complete ones only
};

}  // namespace cubelet::api
