// Bytes of the API server to messages and back: the protobuf envelope, the stream of a watch, and answers that failed.
// Pure. Whatever the server sends, these functions answer with an Error at worst (surface 7).
#pragma once

#include <cstddef>
#include <functional>
#include <google/protobuf/message.h>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/transport.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {

inline constexpr char kProtobufType[] = "application/vnd.kubernetes.protobuf";
inline constexpr char kJsonType[] = "application/json";
// What requests accept: protobuf, and JSON from whatever stands in between.
inline constexpr char kAccept[] = "application/vnd.kubernetes.protobuf,application/json";
// Types without stream=watch are for answers that are no stream (errors).
inline constexpr char kAcceptWatch[] =
    "application/vnd.kubernetes.protobuf;stream=watch,application/vnd.kubernetes.protobuf,application/json";

inline constexpr std::size_t kMaxObjectBytes = 64 << 20;  // of one answer; a list of everything on a node is far below
inline constexpr std::size_t kMaxFrameBytes = 16 << 20;   // of one event of a watch

// Errors about what the server sent have this reason and Code::kInternal.
inline constexpr char kBadAnswer[] = "BadAnswer";

struct ObjectType {
  std::string apiVersion;  // "v1", "coordination.k8s.io/v1"
  std::string kind;
  bool operator==(const ObjectType&) const = default;
};
// Of a message of the packages k8s.<group>.<version>; those of meta count as core, as the API server has it.
ObjectType typeOf(const google::protobuf::Descriptor& message);

// The object in its envelope, as the body of a request of type kProtobufType.
std::string encodeObject(const google::protobuf::Message& object);
// Clears `object` and fills it from an answer of this content type (protobuf or JSON; parameters behind ';' do not
// matter). Refused: another type, another kind of object, a broken envelope, cut or overlong bytes. Fields that the
// message does not have are kept (protobuf) or dropped (JSON).
Result<void> decodeObject(std::string_view contentType, std::string_view bytes, google::protobuf::Message& object);

enum class WatchType { kAdded, kModified, kDeleted, kBookmark, kError };

// One event of a watch. `object` is for decodeObject() with `contentType`; of kError it is a Status.
struct WatchFrame {
  WatchType type = WatchType::kAdded;
  std::string_view contentType;
  std::string object;
};

// Cuts the stream of a watch into its events. Understands both encodings: a protobuf stream begins with the length of
// its first frame (0 or 1: the limit is 16 MiB), JSON with text.
class WatchDecoder {
 public:
  // Calls `onFrame` for each event that is whole now. Fails for good with the first Error, be it its own or that of
  // `onFrame`.
  Result<void> feed(std::string_view data, const std::function<Result<void>(WatchFrame)>& onFrame);
  // True between two events: a stream that ends here has lost nothing.
  bool atBoundary() const { return buffer_.empty(); }

 private:
  enum class Encoding { kUnknown, kProtobuf, kJson };
  // The end of the first whole event in the buffer; nothing when more is needed.
  Result<std::optional<std::size_t>> eventEnd();
  Result<std::optional<std::size_t>> frameEnd() const;
  Result<std::optional<std::size_t>> jsonEnd();

  Encoding encoding_ = Encoding::kUnknown;
  std::string buffer_;  // of the event that is not yet whole
  // How far the JSON has been looked at, and where that is.
  std::size_t scanned_ = 0;
  std::size_t depth_ = 0;
  bool inString_ = false;
  bool escaped_ = false;
  std::optional<Error> failed_;
};

// What an answer that is no success means. The code tells what to do: 404 kNotFound; 409 kAlreadyExists when the reason
// is that, other conflicts kInvalid; 408 and 504 kTimedOut; 429 and other 5xx kUnavailable; everything else kInvalid.
// The reason is the one of the server's Status ("Conflict", "Forbidden", "Expired", "Gone", ...), or the usual one of
// the HTTP status when the body is none; a server that does not know a resourceVersion yet gives
// kTooLargeResourceVersion. The message is "doing: what the server said".
Error statusError(const Response& response, std::string_view doing);
// The same for a Status that came as an event of a watch.
Error statusError(const k8s::meta::v1::Status& status, std::string_view doing);

inline constexpr char kTooLargeResourceVersion[] = "ResourceVersionTooLarge";

// The events after this version, or the list at it, are gone: start from a new list.
bool isExpired(const Error& error);

}  // namespace cubelet::apiserver
