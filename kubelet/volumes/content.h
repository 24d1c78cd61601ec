// Which files a volume of API objects holds. Pure: objects in, paths, bytes and modes out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

struct File {
  std::string bytes;
  mode_t mode = 0644;          // permission bits, set exactly
  std::optional<uid_t> owner;  // not set: the agent's own user
};

// By path below the volume's directory, as cleanPath answers it.
using Files = std::map<std::string, File, std::less<>>;

constexpr mode_t kDefaultFileMode = 0644;

// "a//./b" becomes "a/b". kInvalid, in upstream's words: empty, absolute, with "..", or too long for a file system.
Result<std::string> cleanPath(std::string_view path);

using KeyItems = google::protobuf::RepeatedPtrField<core::KeyToPath>;

// All keys when `items` is empty, else those that it names (CMS-4). A null object has no keys. kInvalid: a path is bad,
// or a key is missing (CMS-5) and not `optional`.
Result<Files> configMapFiles(const core::ConfigMap* object, const KeyItems& items, mode_t defaultMode, bool optional);
Result<Files> secretFiles(const core::Secret* object, const KeyItems& items, mode_t defaultMode, bool optional);

// Labels or annotations as the downward API writes them: sorted lines key="value", the value with Go's escapes, no line
// end after the last (CMS-9).
std::string mapText(const google::protobuf::Map<std::string, std::string>& map);

// The user of all containers when they share one (CMS-11); nothing when one names none or they differ.
std::optional<uid_t> commonUser(const core::Pod& pod);

}  // namespace cubelet::volumes
