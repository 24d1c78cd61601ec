#include "kubelet/config/fields.h"

#include <charconv>
#include <cstdint>
#include <limits>

#include "kubelet/api/quantity.h"
#include "kubelet/api/times.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::string_view kDurationType = "k8s.meta.v1.Duration";
constexpr std::string_view kQuantityType = "k8s.meta.v1.Quantity";

struct Step {
  std::string_view name;
  std::string_view rest;  // empty at the end of the path
};

Step firstStep(std::string_view path) {
  std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

const FieldDescriptor* fieldNamed(const Message& message, std::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

// The message that holds the last field of `path`; nullptr when one on the way is absent.
const Message* holder(const Message& root, std::string_view path) {
  Step step = firstStep(path);
  if (step.rest.empty()) return &root;
  const FieldDescriptor* field = fieldNamed(root, step.name);
  if (!root.GetReflection()->HasField(root, field)) return nullptr;
  return holder(root.GetReflection()->GetMessage(root, field), step.rest);
}

Message& mutableHolder(Message& root, std::string_view path) {
  Step step = firstStep(path);
  if (step.rest.empty()) return root;
  const FieldDescriptor* field = fieldNamed(root, step.name);
  return mutableHolder(*root.GetReflection()->MutableMessage(&root, field), step.rest);
}

template <class Number>
Result<Number> parseNumber(std::string_view text) {
  Number value{};
  // from_chars knows no plus sign.
  std::string_view digits = text.starts_with('+') && !text.starts_with("+-") ? text.substr(1) : text;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc() && end == digits.data() + digits.size() && !digits.empty()) return value;
  std::string wanted = "a number";
  if constexpr (std::is_integral_v<Number>)
    wanted = "a whole number from " + std::to_string(std::numeric_limits<Number>::min()) + " to " +
             std::to_string(std::numeric_limits<Number>::max());
  return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not " + wanted);
}

Result<void> setMessageFromText(Message& message, std::string_view text) {
  if (message.GetDescriptor()->full_name() == kDurationType) {
    auto span = parseDuration(text);
    if (!span) return fail(span.error());
    static_cast<k8s::meta::v1::Duration&>(message).set_duration(span->count());
    return {};
  }
  if (auto amount = api::quantityValue(text); !amount)
    return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not a quantity such as 10Mi");
  static_cast<k8s::meta::v1::Quantity&>(message).set_string(std::string(text));
  return {};
}

// `field` is singular and belongs to `message`.
Result<void> setValue(Message& message, const FieldDescriptor* field, std::string_view text) {
  const auto* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: {
      auto value = parseBool(text);
      if (!value) return fail(value.error());
      reflection->SetBool(&message, field, *value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      auto value = parseNumber<std::int32_t>(text);
      if (!value) return fail(value.error());
      reflection->SetInt32(&message, field, *value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      auto value = parseNumber<std::int64_t>(text);
      if (!value) return fail(value.error());
      reflection->SetInt64(&message, field, *value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      auto value = parseNumber<std::uint32_t>(text);
      if (!value) return fail(value.error());
      reflection->SetUInt32(&message, field, *value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      auto value = parseNumber<double>(text);
      if (!value) return fail(value.error());
      reflection->SetDouble(&message, field, *value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(&message, field, std::string(text));
      return {};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return setMessageFromText(*reflection->MutableMessage(&message, field), text);
    default:
      return fail(Code::kInternal, "", std::string(field->name()) + " cannot be set from text");
  }
}

}  // namespace

const FieldDescriptor* findField(const Message& root, std::string_view path) {
  const Descriptor* type = root.GetDescriptor();
  for (Step step = firstStep(path);; step = firstStep(step.rest)) {
    const FieldDescriptor* field = type->FindFieldByName(std::string(step.name));
    if (field == nullptr || step.rest.empty()) return field;
    if (field->is_repeated() || field->message_type() == nullptr) return nullptr;
    type = field->message_type();
  }
}

bool isPresent(const Message& root, std::string_view path) {
  const Message* message = holder(root, path);
  if (message == nullptr) return false;
  const FieldDescriptor* field = fieldNamed(*message, path.substr(path.rfind('.') + 1));
  if (field->is_repeated()) return message->GetReflection()->FieldSize(*message, field) > 0;
  return message->GetReflection()->HasField(*message, field);
}

bool isZero(const Message& root, std::string_view path) {
  if (!isPresent(root, path)) return true;
  const Message& message = *holder(root, path);
  const FieldDescriptor* field = fieldNamed(message, path.substr(path.rfind('.') + 1));
  const auto* reflection = message.GetReflection();
  if (field->is_repeated()) return false;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return !reflection->GetBool(message, field);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->GetInt32(message, field) == 0;
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection->GetInt64(message, field) == 0;
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->GetUInt32(message, field) == 0;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->GetDouble(message, field) == 0;
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->GetString(message, field).empty();
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner = reflection->GetMessage(message, field);
      if (inner.GetDescriptor()->full_name() == kDurationType)
        return static_cast<const k8s::meta::v1::Duration&>(inner).duration() == 0;
      if (inner.GetDescriptor()->full_name() == kQuantityType)
        return static_cast<const k8s::meta::v1::Quantity&>(inner).string().empty();
      return false;
    }
    default:
      return false;
  }
}

Result<void> setFromText(Message& root, std::string_view path, std::string_view text) {
  Message& message = mutableHolder(root, path);
  return setValue(message, fieldNamed(message, path.substr(path.rfind('.') + 1)), text);
}

void setList(Message& root, std::string_view path, const std::vector<std::string>& items) {
  Message& message = mutableHolder(root, path);
  const FieldDescriptor* field = fieldNamed(message, path.substr(path.rfind('.') + 1));
  message.GetReflection()->ClearField(&message, field);
  for (const std::string& item : items) message.GetReflection()->AddString(&message, field, item);
}

Result<void> setMap(Message& root, std::string_view path, const std::map<std::string, std::string>& entries) {
  Message& message = mutableHolder(root, path);
  const FieldDescriptor* field = fieldNamed(message, path.substr(path.rfind('.') + 1));
  message.GetReflection()->ClearField(&message, field);
  for (const auto& [key, text] : entries) {
    // A map is a list of two-field messages to reflection.
    Message* entry = message.GetReflection()->AddMessage(&message, field);
    entry->GetReflection()->SetString(entry, entry->GetDescriptor()->map_key(), key);
    if (auto set = setValue(*entry, entry->GetDescriptor()->map_value(), text); !set)
      return fail(set.error().within(key));
  }
  return {};
}

Result<bool> parseBool(std::string_view text) {
  for (std::string_view word : {"1", "t", "T", "true", "True", "TRUE"})
    if (text == word) return true;
  for (std::string_view word : {"0", "f", "F", "false", "False", "FALSE"})
    if (text == word) return false;
  return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not true or false");
}

Result<std::chrono::nanoseconds> parseDuration(std::string_view text) {
  if (auto nanoseconds = api::parseDuration(text)) return std::chrono::nanoseconds(*nanoseconds);
  return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" is not a duration such as 10s or 1m30s");
}

}  // namespace cubelet::config
