// How messages differ from their JSON: special messages and inlined members. Shared by decode and encode.
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::api {

// Messages that are something else than an object in JSON.
enum class Special {
  kNone,
  kQuantity,     // a string or a number
  kIntOrString,  // a number or a string
  kTime,         // RFC 3339, whole seconds
  kMicroTime,    // RFC 3339, microseconds
  kDuration,     // Go's "1m30s" or whole nanoseconds
  kRaw,          // FieldsV1, RawExtension: any JSON, kept as text
  kList,         // StringList, ExtraValue of a map of lists: its one repeated field
};
Special specialOf(const google::protobuf::Descriptor& message);

// True for members whose fields stand in the JSON of the parent: structs that upstream embeds, such as
// Volume.volumeSource.
bool isInlined(const google::protobuf::FieldDescriptor& field);

// The field's name in JSON: as it is written, unless the schema gives another (json_name, for names with dashes).
std::string_view jsonName(const google::protobuf::FieldDescriptor& field);

// The way from `message` to the field with this JSON name: the inlined members to step into, then the field itself.
// Empty when there is none.
std::vector<const google::protobuf::FieldDescriptor*> findField(const google::protobuf::Descriptor& message,
                                                                std::string_view name);

// A field name of `message` that `unknown` may have been meant to be (letter case aside at most two typing errors);
// empty when none is close.
std::string closestField(const google::protobuf::Descriptor& message, std::string_view unknown);

}  // namespace cubelet::api
