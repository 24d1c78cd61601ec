// Which files a volume of API objects holds. Pure: objects in, paths, bytes and modes out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "base/result.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// What a file holds: a text of its own, or a part of an object that it keeps alive. So a large object is in memory
// once, however many volumes show it.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::string text) : owned_(std::make_shared<const std::string>(std::move(text))) {
    view_ = *static_cast<const std::string*>(owned_.get());
  }
  Bytes(const char* text) : Bytes(std::string(text)) {}
  // `part` lives as long as `owner`.
  Bytes(std::shared_ptr<const void> owner, std::string_view part) : owned_(std::move(owner)), view_(part) {}
  operator std::string_view() const { return view_; }
  std::size_t size() const { return view_.size(); }
  friend bool operator==(const Bytes& bytes, std::string_view text) { return bytes.view_ == text; }

 private:
  std::shared_ptr<const void> owned_;
  std::string_view view_;
};

struct File {
  Bytes bytes;
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
// or a key is missing (CMS-5) and not `optional`. The files keep the object alive.
Result<Files> configMapFiles(std::shared_ptr<const core::ConfigMap> object, const KeyItems& items, mode_t defaultMode,
                             bool optional);
Result<Files> secretFiles(std::shared_ptr<const core::Secret> object, const KeyItems& items, mode_t defaultMode,
                          bool optional);

// Labels or annotations as the downward API writes them: sorted lines key="value", the value with Go's escapes, no line
// end after the last (CMS-9).
std::string mapText(const google::protobuf::Map<std::string, std::string>& map);

// The user of all containers when they share one (CMS-11); nothing when one names none or they differ.
std::optional<uid_t> commonUser(const core::Pod& pod);

}  // namespace cubelet::volumes
