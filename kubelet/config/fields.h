// Fields of a message by their path ("authentication.webhook.cacheTTL"): what lets flags, defaults and warnings be
// tables.
#pragma once

#include <chrono>
#include <google/protobuf/message.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cubelet::config {

// The descriptor at `path`, nullptr when there is no such field. Paths lead through singular messages only.
const google::protobuf::FieldDescriptor* findField(const google::protobuf::Message& root, std::string_view path);

// Present: every message on the way is set, and so is the field; a list or map is present when it has elements.
bool isPresent(const google::protobuf::Message& root, std::string_view path);

// Absent, or 0, "", false, 0s: what counts as "not given" for fields that are no pointers in the Go type.
bool isZero(const google::protobuf::Message& root, std::string_view path);

// Sets one boolean (as Go's ParseBool), number, string, Duration or Quantity from text; messages on the way are made.
// kInvalid: the text does not fit the type; the message says what is wanted, without naming the field.
Result<void> setFromText(google::protobuf::Message& root, std::string_view path, std::string_view text);

// Replace a list of strings, or a map with string keys whose values setFromText could set.
void setList(google::protobuf::Message& root, std::string_view path, const std::vector<std::string>& items);
Result<void> setMap(google::protobuf::Message& root, std::string_view path,
                    const std::map<std::string, std::string>& entries);

// Go's strconv.ParseBool: 1, t, true, T, True, TRUE and their opposites.
Result<bool> parseBool(std::string_view text);

// api::parseDuration with an error that says what is wanted.
Result<std::chrono::nanoseconds> parseDuration(std::string_view text);

}  // namespace cubelet::config
