#include <algorithm>
#include <cmath>
#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time_text.h"
#include "kubelet/api/base64.h"
#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"
#include "kubelet/api/readers.h"
#include "kubelet/api/scalars.h"
#include "kubelet/api/schema.h"
#include "kubelet/api/times.h"
#include "kubelet/api/writers.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::api {
namespace {

namespace meta = ::k8s::meta::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = Node::Kind;

// Turns a message into the tree that its JSON would be parsed to. Every function answers null for what JSON leaves out.
class Encoder {
 public:
  const Node& root(const Message& message, const EncodeOptions& options) {
    Node& node = tree_.add(Kind::kMap, 0);
    if (!options.apiVersion.empty()) put(node, "apiVersion", text(Kind::kString, options.apiVersion));
    if (!options.kind.empty()) put(node, "kind", text(Kind::kString, options.kind));
    fields(message, node);
    return node;
  }

 private:
  const Node* text(Kind kind, std::string value) {
    Node& node = tree_.add(kind, 0);
    node.text = std::move(value);
    return &node;
  }

  static void put(Node& map, const std::string& key, const Node* value) {
    // The options win over fields named apiVersion and kind.
    if (value && !map.find(key)) map.entries.push_back({key, 0, value});
  }

  void fields(const Message& message, Node& into) {
    std::vector<const FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const FieldDescriptor* field : set) {
      if (isInlined(*field))
        fields(message.GetReflection()->GetMessage(message, field), into);
      else
        put(into, std::string(jsonName(*field)), value(message, *field));
    }
  }

  const Node* value(const Message& message, const FieldDescriptor& field) {
    if (field.is_map()) return map(message, field);
    if (field.is_repeated()) return list(message, field);
    if (field.type() == FieldDescriptor::TYPE_MESSAGE)
      return subMessage(message.GetReflection()->GetMessage(message, &field));
    return scalar(message, field, -1);
  }

  const Node* list(const Message& message, const FieldDescriptor& field) {
    Node& node = tree_.add(Kind::kList, 0);
    const Reflection& reflection = *message.GetReflection();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
      node.items.push_back(field.type() == FieldDescriptor::TYPE_MESSAGE
                               ? orNull(subMessage(reflection.GetRepeatedMessage(message, &field, i)))
                               : scalar(message, field, i));
    return &node;
  }

  const Node* orNull(const Node* node) { return node ? node : text(Kind::kNull, ""); }

  // Sorted by key, as Go does: the order in the message is random.
  const Node* map(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const FieldDescriptor& key = *field.message_type()->map_key();
    const FieldDescriptor& value = *field.message_type()->map_value();
    Node& node = tree_.add(Kind::kMap, 0);
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& pair = reflection.GetRepeatedMessage(message, &field, i);
      node.entries.push_back({pair.GetReflection()->GetString(pair, &key), 0, orNull(this->value(pair, value))});
    }
    std::sort(node.entries.begin(), node.entries.end(),
              [](const Node::Entry& a, const Node::Entry& b) { return a.key < b.key; });
    return &node;
  }

  const Node* subMessage(const Message& message) {
    switch (specialOf(*message.GetDescriptor())) {
      case Special::kNone: {
        Node& node = tree_.add(Kind::kMap, 0);
        fields(message, node);
        return &node;
      }
      case Special::kQuantity: {
        const std::string& quantity = static_cast<const meta::Quantity&>(message).string();
        return text(Kind::kString, quantity.empty() ? "0" : quantity);
      }
      case Special::kIntOrString: {
        const auto& either = static_cast<const meta::IntOrString&>(message);
        return either.type() == 1 ? text(Kind::kString, either.strval())
                                  : text(Kind::kInteger, std::to_string(either.intval()));
      }
      case Special::kTime: {
        const auto& time = static_cast<const meta::Time&>(message);
        return isTime(time.seconds(), time.nanos()) ? text(Kind::kString, timeText(time.seconds())) : nullptr;
      }
      case Special::kMicroTime: {
        const auto& time = static_cast<const meta::MicroTime&>(message);
        return isTime(time.seconds(), time.nanos()) ? text(Kind::kString, microTimeText({time.seconds(), time.nanos()}))
                                                    : nullptr;
      }
      case Special::kDuration:
        return text(Kind::kString, durationText(Duration(static_cast<const meta::Duration&>(message).duration())));
      case Special::kRaw:
        return raw(message.GetReflection()->GetString(message, message.GetDescriptor()->field(0)));
      case Special::kList:
        return list(message, *message.GetDescriptor()->field(0));
    }
    return nullptr;
  }

  // The wire has zero for "no time". Outside of the years 0 to 9999 there is no text.
  static bool isTime(std::int64_t seconds, std::int32_t nanos) {
    return (seconds != 0 || nanos != 0) && seconds >= -62'167'219'200 && seconds <= 253'402'300'799;
  }

  // A RawExtension from the wire format may hold something else than JSON: that is left out.
  const Node* raw(const std::string& json) {
    try {
      std::size_t budget = ParseLimits().maxNodes;
      ParseLimits limits;
      TreeBuilder builder(limits, budget);
      int line = 1;
      if (!isUtf8(json)) return nullptr;
      std::size_t end = readJson(json, line, builder);
      if (json.find_first_not_of(" \t\r\n", end) != std::string::npos) return nullptr;
      rawTrees_.push_back(builder.root());
      return rawTrees_.back().get();
    } catch (const Refused&) {
      return nullptr;
    }
  }

  // `index`: of an element of a repeated field, -1 for a singular one.
  const Node* scalar(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& reflection = *message.GetReflection();
    auto get = [&](auto singular, auto repeated) {
      return index < 0 ? (reflection.*singular)(message, &field) : (reflection.*repeated)(message, &field, index);
    };
    auto integer = [&](auto value) { return text(Kind::kInteger, std::to_string(value)); };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return integer(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
      case FieldDescriptor::CPPTYPE_INT64:
        return integer(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
      case FieldDescriptor::CPPTYPE_UINT32:
        return integer(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
      case FieldDescriptor::CPPTYPE_UINT64:
        return integer(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return number(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return number(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      case FieldDescriptor::CPPTYPE_BOOL:
        return text(Kind::kBool, get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false");
      case FieldDescriptor::CPPTYPE_ENUM:
        return text(Kind::kString, get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string value = get(&Reflection::GetString, &Reflection::GetRepeatedString);
        return text(Kind::kString,
                    field.type() == FieldDescriptor::TYPE_BYTES ? encodeBase64(value) : std::move(value));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return nullptr;  // not a scalar: handled by the callers
    }
    return nullptr;
  }

  const Node* number(double value) {
    if (!std::isfinite(value)) return text(Kind::kNull, "");
    std::string written = numberText(value);
    return text(written.find_first_of(".e") == std::string::npos ? Kind::kInteger : Kind::kNumber, std::move(written));
  }

  Tree tree_;
  std::vector<std::shared_ptr<const Node>> rawTrees_;
};

}  // namespace

std::string toJson(const Message& message, const EncodeOptions& options) {
  Encoder encoder;
  return jsonText(encoder.root(message, options), options.pretty);
}

std::string toYaml(const Message& message, const EncodeOptions& options) {
  Encoder encoder;
  return yamlText(encoder.root(message, options));
}

}  // namespace cubelet::api
