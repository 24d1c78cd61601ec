#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kubelet/api/base64.h"
#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"
#include "kubelet/api/quantity.h"
#include "kubelet/api/scalars.h"
#include "kubelet/api/schema.h"
#include "kubelet/api/times.h"
#include "kubelet/api/writers.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::api {
namespace {

namespace meta = ::k8s::meta::v1;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = Node::Kind;

// Enough for any text that is worth correcting by hand.
constexpr std::size_t kMaxProblems = 100;

bool isNumber(const Node& node) {
  return node.kind == Kind::kInteger || node.kind == Kind::kNumber;
}

// A whole number, also when it is written as 8.0 or 1e3.
template <class T>
std::optional<T> wholeNumber(const Node& node, bool& outOfRange) {
  T value = 0;
  const char* end = node.text.data() + node.text.size();
  if (node.kind == Kind::kInteger) {
    auto [stop, error] = std::from_chars(node.text.data(), end, value);
    outOfRange = error == std::errc::result_out_of_range || (std::is_unsigned_v<T> && node.text.starts_with('-'));
    return error == std::errc() && stop == end ? std::optional<T>(value) : std::nullopt;
  }
  auto number = parseNumber(node.text);
  if (!number || std::trunc(*number) != *number) return std::nullopt;
  // Both ends are exact as doubles, the upper one is just too large.
  outOfRange = *number < static_cast<double>(std::numeric_limits<T>::min()) ||
               *number >= std::ldexp(1.0, std::numeric_limits<T>::digits);
  return outOfRange ? std::nullopt : std::optional<T>(static_cast<T>(*number));
}

// Adds to the path for as long as it lives.
class PathStep {
 public:
  PathStep(std::string& path, std::string_view name) : path_(path), size_(path.size()) {
    if (!path.empty()) path.push_back('.');
    path.append(name);
  }
  PathStep(std::string& path, std::size_t index) : path_(path), size_(path.size()) {
    path.append("[").append(std::to_string(index)).append("]");
  }
  struct Key {
    std::string_view text;
  };
  PathStep(std::string& path, Key key) : path_(path), size_(path.size()) {
    path.append("[").append(key.text).append("]");
  }
  PathStep(const PathStep&) = delete;
  PathStep& operator=(const PathStep&) = delete;
  ~PathStep() { path_.resize(size_); }

 private:
  std::string& path_;
  std::size_t size_;
};

class Decoder {
 public:
  explicit Decoder(UnknownFields unknown) : unknown_(unknown) {}

  // True when nothing fatal was found.
  bool root(const Node& node, Message& message) {
    object(node, message, true);
    return !failed_;
  }

  // In the order of the text: the tree is not, where a later duplicate or an alias stands in it.
  std::vector<Problem> takeProblems() {
    if (hidden_ > 0) problems_.push_back({0, "", std::to_string(hidden_) + " further problems are not shown", failed_});
    return std::move(problems_);
  }

 private:
  void add(int line, std::string message, bool fatal = true) {
    failed_ = failed_ || fatal;
    if (problems_.size() == kMaxProblems) {
      ++hidden_;
      return;
    }
    auto after = std::upper_bound(problems_.begin(), problems_.end(), line,
                                  [](int wanted, const Problem& problem) { return wanted < problem.line; });
    problems_.insert(after, {line, path_, std::move(message), fatal});
  }

  void wrongKind(const Node& node, std::string_view wanted) {
    std::string message = "expected " + std::string(wanted) + ", got " + std::string(kindName(node.kind));
    bool plain = node.kind == Kind::kBool || isNumber(node);
    if (wanted == "string" && plain) message += " (put it in quotes)";
    add(node.line, std::move(message));
  }

  // `Name`: how the path spells the keys of this map, as field names or as PathStep::Key.
  template <class Name = std::string_view>
  void duplicates(const Node& node) {
    for (const Node::Duplicate& duplicate : node.duplicates) {
      PathStep step(path_, Name{duplicate.key});
      add(duplicate.line, "duplicate key, first on line " + std::to_string(duplicate.firstLine),
          unknown_ == UnknownFields::kReject);
    }
  }

  void object(const Node& node, Message& message, bool isRoot = false) {
    if (node.kind != Kind::kMap) return wrongKind(node, "object");
    duplicates(node);
    const Descriptor& type = *message.GetDescriptor();
    for (const Node::Entry& entry : node.entries) {
      PathStep step(path_, entry.key);
      auto way = findField(type, entry.key);
      if (!way.empty())
        member(*entry.value, message, way);
      else if (isTypeKey(entry.key) && (isRoot || hasMetadata(type)))
        typeKey(*entry.value);
      else
        unknownField(entry, type);
    }
  }

  // apiVersion and kind stand in every object of the API, also in the items of a list, but in no message.
  static bool isTypeKey(std::string_view key) { return key == "apiVersion" || key == "kind"; }
  static bool hasMetadata(const Descriptor& type) {
    const FieldDescriptor* field = type.FindFieldByName("metadata");
    return field && field->type() == FieldDescriptor::TYPE_MESSAGE;
  }
  void typeKey(const Node& node) {
    if (node.kind != Kind::kString && node.kind != Kind::kNull) wrongKind(node, "string");
  }

  void unknownField(const Node::Entry& entry, const Descriptor& type) {
    std::string close = closestField(type, entry.key);
    add(entry.line, close.empty() ? "unknown field" : "unknown field, did you mean \"" + close + "\"?",
        unknown_ == UnknownFields::kReject);
  }

  void member(const Node& node, Message& message, const std::vector<const FieldDescriptor*>& way) {
    if (node.kind == Kind::kNull) return;
    Message* holder = &message;
    for (std::size_t i = 0; i + 1 < way.size(); ++i) holder = holder->GetReflection()->MutableMessage(holder, way[i]);
    const FieldDescriptor& field = *way.back();
    if (field.is_map())
      map(node, *holder, field);
    else if (field.is_repeated())
      list(node, *holder, field);
    else if (field.type() == FieldDescriptor::TYPE_MESSAGE)
      subMessage(node, *holder->GetReflection()->MutableMessage(holder, &field));
    else
      scalar(node, *holder, field);
  }

  void list(const Node& node, Message& message, const FieldDescriptor& field) {
    if (node.kind != Kind::kList) return wrongKind(node, "list");
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      PathStep step(path_, i);
      if (field.type() == FieldDescriptor::TYPE_MESSAGE)
        element(*node.items[i], *message.GetReflection()->AddMessage(&message, &field));
      else
        scalar(*node.items[i], message, field);
    }
  }

  void map(const Node& node, Message& message, const FieldDescriptor& field) {
    if (node.kind != Kind::kMap) return wrongKind(node, "object");
    duplicates<PathStep::Key>(node);
    const FieldDescriptor& key = *field.message_type()->map_key();
    const FieldDescriptor& value = *field.message_type()->map_value();
    for (const Node::Entry& entry : node.entries) {
      PathStep step(path_, PathStep::Key{entry.key});
      Message& pair = *message.GetReflection()->AddMessage(&message, &field);
      pair.GetReflection()->SetString(&pair, &key, entry.key);
      if (value.type() == FieldDescriptor::TYPE_MESSAGE)
        element(*entry.value, *pair.GetReflection()->MutableMessage(&pair, &value));
      else
        scalar(*entry.value, pair, value);
    }
  }

  // Null in a list or map is not absence but the zero value, as in Go.
  void element(const Node& node, Message& message) {
    if (node.kind != Kind::kNull) return subMessage(node, message);
    if (specialOf(*message.GetDescriptor()) == Special::kQuantity)
      static_cast<meta::Quantity&>(message).set_string("0");
  }

  void subMessage(const Node& node, Message& message) {
    switch (specialOf(*message.GetDescriptor())) {
      case Special::kNone:
        return object(node, message);
      case Special::kQuantity:
        return quantity(node, static_cast<meta::Quantity&>(message));
      case Special::kIntOrString:
        return intOrString(node, static_cast<meta::IntOrString&>(message));
      case Special::kTime: {
        auto& time = static_cast<meta::Time&>(message);
        // What the API stores has whole seconds.
        if (auto instant = this->instant(node)) time.set_seconds(instant->seconds);
        return;
      }
      case Special::kMicroTime: {
        auto& time = static_cast<meta::MicroTime&>(message);
        if (auto instant = this->instant(node)) {
          time.set_seconds(instant->seconds);
          time.set_nanos(instant->nanos / 1000 * 1000);
        }
        return;
      }
      case Special::kDuration:
        return duration(node, static_cast<meta::Duration&>(message));
      case Special::kRaw:
        return raw(node, message);
      case Special::kList:
        return list(node, message, *message.GetDescriptor()->field(0));
    }
  }

  void quantity(const Node& node, meta::Quantity& message) {
    if (node.kind != Kind::kString && !isNumber(node)) return wrongKind(node, "quantity (string or number)");
    Result<std::string> canonical = canonicalQuantity(trim(node.text));
    if (!canonical) return add(node.line, "\"" + node.text + "\" is not a quantity such as 250m, 64Mi or 1.5");
    message.set_string(*canonical);
  }

  static std::string_view trim(std::string_view text) {
    std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return "";
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
  }

  void intOrString(const Node& node, meta::IntOrString& message) {
    if (node.kind == Kind::kString) {
      message.set_type(1);
      message.set_strval(node.text);
    } else if (isNumber(node)) {
      message.set_type(0);
      if (auto value = whole<std::int32_t>(node)) message.set_intval(*value);
    } else {
      wrongKind(node, "integer or string");
    }
  }

  std::optional<Instant> instant(const Node& node) {
    if (node.kind != Kind::kString) {
      wrongKind(node, "time");
      return std::nullopt;
    }
    auto instant = parseTime(node.text);
    if (!instant) add(node.line, "\"" + node.text + "\" is not a time such as 2006-01-02T15:04:05Z");
    return instant;
  }

  void duration(const Node& node, meta::Duration& message) {
    if (isNumber(node)) {
      if (auto value = whole<std::int64_t>(node)) message.set_duration(*value);
      return;
    }
    if (node.kind != Kind::kString) return wrongKind(node, "duration");
    auto value = parseDuration(node.text);
    if (!value) return add(node.line, "\"" + node.text + "\" is not a duration such as 1m30s");
    message.set_duration(*value);
  }

  void raw(const Node& node, Message& message) {
    duplicatesBelow(node);
    message.GetReflection()->SetString(&message, message.GetDescriptor()->field(0), jsonText(node, false));
  }

  void duplicatesBelow(const Node& node) {
    duplicates(node);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      PathStep step(path_, i);
      duplicatesBelow(*node.items[i]);
    }
    for (const Node::Entry& entry : node.entries) {
      PathStep step(path_, entry.key);
      duplicatesBelow(*entry.value);
    }
  }

  template <class T>
  std::optional<T> whole(const Node& node) {
    bool outOfRange = false;
    std::optional<T> value;
    if (isNumber(node)) value = wholeNumber<T>(node, outOfRange);
    if (outOfRange)
      add(node.line, node.text + " does not fit into " + (std::is_unsigned_v<T> ? "an unsigned " : "a ") +
                         std::to_string(sizeof(T) * 8) + "-bit integer");
    else if (!value)
      wrongKind(node, "integer");
    return value;
  }

  std::optional<double> real(const Node& node) {
    auto value = isNumber(node) ? parseNumber(node.text) : std::nullopt;
    if (!value) wrongKind(node, isNumber(node) ? "finite number" : "number");
    return value;
  }

  std::optional<std::string> bytes(const Node& node) {
    if (node.kind != Kind::kString) {
      wrongKind(node, "string");
      return std::nullopt;
    }
    auto value = decodeBase64(node.text);
    if (!value) add(node.line, "not valid base64");
    return value;
  }

  // Sets a singular field or appends to a repeated one. Null is the zero value: singular nulls do not come here, and an
  // element of a list keeps its place.
  void scalar(const Node& node, Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    bool repeated = field.is_repeated();
    bool null = node.kind == Kind::kNull;
    auto put = [&](auto value, auto set, auto append) {
      if (!value) return;
      if (repeated)
        (reflection.*append)(&message, &field, std::move(*value));
      else
        (reflection.*set)(&message, &field, std::move(*value));
    };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return put(null ? 0 : whole<std::int32_t>(node), &Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return put(null ? 0 : whole<std::int64_t>(node), &Reflection::SetInt64, &Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return put(null ? 0 : whole<std::uint32_t>(node), &Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return put(null ? 0 : whole<std::uint64_t>(node), &Reflection::SetUInt64, &Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return put(null ? 0 : real(node), &Reflection::SetDouble, &Reflection::AddDouble);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return put(null ? 0 : real(node), &Reflection::SetFloat, &Reflection::AddFloat);
      case FieldDescriptor::CPPTYPE_BOOL:
        return put(boolean(node), &Reflection::SetBool, &Reflection::AddBool);
      case FieldDescriptor::CPPTYPE_STRING:
        return put(null                                          ? std::string()
                   : field.type() == FieldDescriptor::TYPE_BYTES ? bytes(node)
                                                                 : string(node),
                   &Reflection::SetString, &Reflection::AddString);
      case FieldDescriptor::CPPTYPE_ENUM:
        return put(enumerator(node, field), &Reflection::SetEnumValue, &Reflection::AddEnumValue);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return;  // not a scalar: handled by the callers
    }
  }

  std::optional<bool> boolean(const Node& node) {
    if (node.kind == Kind::kNull) return false;
    if (node.kind == Kind::kBool) return node.text == "true";
    wrongKind(node, "boolean");
    return std::nullopt;
  }

  std::optional<std::string> string(const Node& node) {
    if (node.kind == Kind::kString) return node.text;
    wrongKind(node, "string");
    return std::nullopt;
  }

  std::optional<int> enumerator(const Node& node, const FieldDescriptor& field) {
    if (node.kind == Kind::kNull) return field.default_value_enum()->number();
    const auto* value = node.kind == Kind::kString ? field.enum_type()->FindValueByName(node.text) : nullptr;
    if (value) return value->number();
    if (node.kind == Kind::kString)
      add(node.line, "\"" + node.text + "\" is not a value of " + field.enum_type()->name());
    else
      wrongKind(node, "string");
    return std::nullopt;
  }

  UnknownFields unknown_;
  std::vector<Problem> problems_;
  std::size_t hidden_ = 0;
  std::string path_;
  bool failed_ = false;
};

}  // namespace

bool decode(const Document& document, UnknownFields unknown, Message& message, std::vector<Problem>& problems) {
  message.Clear();
  if (!document.root) return false;
  Decoder decoder(unknown);
  bool good = decoder.root(*document.root, message);
  for (Problem& problem : decoder.takeProblems()) problems.push_back(std::move(problem));
  return good;
}

}  // namespace cubelet::api
