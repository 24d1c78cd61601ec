#include "kubelet/apiserver/wire.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kubelet/api/codec.h"
#include "kubelet/api/scalars.h"

namespace cubelet::apiserver {
namespace {

namespace meta = ::k8s::meta::v1;
using google::protobuf::Message;

constexpr std::string_view kMagic("k8s\0", 4);
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMaxQuoted = 300;  // of a body that is no Status, in a message for people

std::unexpected<Error> bad(std::string message) {
  return fail(Code::kInternal, kBadAnswer, std::move(message));
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// "application/json" of "Application/JSON; charset=utf-8".
std::string mediaType(std::string_view contentType) {
  std::string_view type = contentType.substr(0, contentType.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  while (!type.empty() && type.front() == ' ') type.remove_prefix(1);
  std::string out(type);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string described(const ObjectType& type) {
  return type.apiVersion + " " + type.kind;
}

// Text of unknown origin, fit for one line of a log.
std::string quoted(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kMaxQuoted)) out.push_back(c >= ' ' && c < '\x7f' ? c : ' ');
  return "\"" + out + (text.size() > kMaxQuoted ? "...\"" : "\"");
}

Result<void> checkType(const ObjectType& got, const Message& object) {
  const ObjectType want = typeOf(*object.GetDescriptor());
  if (got == want) return {};
  return bad("expected " + described(want) + ", got " + quoted(described(got)));
}

bool parseInto(std::string_view bytes, Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Result<void> decodeProtobuf(std::string_view bytes, Message& object) {
  if (!bytes.starts_with(kMagic)) return bad("not in the protobuf envelope: no k8s\\0 at the start");
  meta::Unknown envelope;
  if (!parseInto(bytes.substr(kMagic.size()), envelope)) return bad("the protobuf envelope is broken");
  if (auto right = checkType({envelope.typemeta().apiversion(), envelope.typemeta().kind()}, object); !right)
    return right;
  if (!envelope.contentencoding().empty() || !envelope.contenttype().empty())
    return bad("the protobuf envelope holds content of type " +
               quoted(envelope.contenttype() + " " + envelope.contentencoding()));
  // A cut just behind the kind would otherwise pass for an empty object.
  if (!envelope.has_raw()) return bad("the protobuf envelope holds no object");
  if (!parseInto(envelope.raw(), object))
    return bad("the " + envelope.typemeta().kind() + " in the protobuf envelope is broken");
  return {};
}

Result<api::Document> parseJson(std::string_view bytes) {
  api::ParseLimits limits;
  limits.maxBytes = kMaxObjectBytes;
  limits.maxNodes = 2'000'000;
  std::vector<api::Problem> problems;
  auto documents = api::parseDocuments(bytes, limits, problems);
  for (const api::Problem& problem : problems)
    if (problem.fatal) return bad("the JSON cannot be read: " + problem.text("answer"));
  if (documents.size() != 1) return bad("expected one JSON object, got " + std::to_string(documents.size()));
  return documents.front();
}

Result<void> fill(const api::Document& document, Message& object) {
  std::vector<api::Problem> problems;
  if (api::decode(document, api::UnknownFields::kWarn, object, problems)) return {};
  auto first = std::find_if(problems.begin(), problems.end(), [](const api::Problem& p) { return p.fatal; });
  return bad("the JSON does not fit: " + (first == problems.end() ? "unknown problem" : first->text("answer")));
}

Result<void> decodeJson(std::string_view bytes, Message& object) {
  Result<api::Document> document = parseJson(bytes);
  if (!document) return fail(document.error());
  if (auto right = checkType({document->apiVersion, document->kind}, object); !right) return right;
  return fill(*document, object);
}

Result<void> decodeAny(std::string_view contentType, std::string_view bytes, Message& object) {
  if (bytes.size() > kMaxObjectBytes)
    return bad("an object of " + std::to_string(bytes.size()) + " bytes is over the limit");
  const std::string type = mediaType(contentType);
  if (type == kProtobufType) return decodeProtobuf(bytes, object);
  if (type == kJsonType) return decodeJson(bytes, object);
  // Not the bytes: they may be those of a Secret.
  return bad("expected " + std::string(kProtobufType) + " or JSON, got " + quoted(contentType) + " of " +
             std::to_string(bytes.size()) + " bytes");
}

std::optional<WatchType> watchType(std::string_view name) {
  if (name == "ADDED") return WatchType::kAdded;
  if (name == "MODIFIED") return WatchType::kModified;
  if (name == "DELETED") return WatchType::kDeleted;
  if (name == "BOOKMARK") return WatchType::kBookmark;
  if (name == "ERROR") return WatchType::kError;
  return std::nullopt;
}

Result<WatchFrame> toFrame(meta::WatchEvent event, std::string_view contentType) {
  std::optional<WatchType> type = watchType(event.type());
  if (!type) return bad("a watch event of type " + quoted(event.type()));
  WatchFrame frame;
  frame.type = *type;
  frame.contentType = contentType;
  frame.object = std::move(*event.mutable_object()->mutable_raw());
  return frame;
}

Result<WatchFrame> protobufFrame(std::string_view bytes) {
  meta::WatchEvent event;
  if (!parseInto(bytes.substr(kLengthBytes), event)) return bad("a frame of the watch is broken");
  return toFrame(std::move(event), kProtobufType);
}

Result<WatchFrame> jsonFrame(std::string_view bytes) {
  Result<api::Document> document = parseJson(bytes);
  if (!document) return fail(document.error());
  meta::WatchEvent event;
  if (auto filled = fill(*document, event); !filled) return fail(filled.error());
  return toFrame(std::move(event), kJsonType);
}

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

Code codeOf(int httpStatus, std::string_view reason) {
  switch (httpStatus) {
    case 404:
      return Code::kNotFound;
    case 408:
    case 504:
      return Code::kTimedOut;
    case 409:
      return reason == "AlreadyExists" ? Code::kAlreadyExists : Code::kInvalid;
    case 429:
      return Code::kUnavailable;
    default:
      return httpStatus >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

// The API server's own words for the HTTP statuses.
std::string usualReason(int httpStatus) {
  static constexpr std::array<std::pair<int, std::string_view>, 14> kReasons = {{{400, "BadRequest"},
                                                                                 {401, "Unauthorized"},
                                                                                 {403, "Forbidden"},
                                                                                 {404, "NotFound"},
                                                                                 {405, "MethodNotAllowed"},
                                                                                 {406, "NotAcceptable"},
                                                                                 {409, "Conflict"},
                                                                                 {410, "Gone"},
                                                                                 {413, "RequestEntityTooLarge"},
                                                                                 {415, "UnsupportedMediaType"},
                                                                                 {422, "Invalid"},
                                                                                 {429, "TooManyRequests"},
                                                                                 {503, "ServiceUnavailable"},
                                                                                 {504, "Timeout"}}};
  for (const auto& [status, reason] : kReasons)
    if (status == httpStatus) return std::string(reason);
  return httpStatus >= 500 ? "InternalError" : "UnexpectedStatus";
}

bool isTooLargeVersion(const meta::Status& status) {
  for (const meta::StatusCause& cause : status.details().causes())
    if (cause.reason() == kTooLargeResourceVersion) return true;
  // Servers before 1.18 name no cause.
  return status.reason() == "Timeout" && status.message().find("Too large resource version") != std::string::npos;
}

}  // namespace

ObjectType typeOf(const google::protobuf::Descriptor& message) {
  const std::string& package = message.file()->package();  // k8s.<group>.<version>
  const std::size_t dot = package.find('.');
  const std::size_t last = package.rfind('.');
  std::string group = last > dot ? package.substr(dot + 1, last - dot - 1) : "";
  std::string version = package.substr(last + 1);
  if (group == "core" || group == "meta") return {version, message.name()};
  return {group + ".k8s.io/" + version, message.name()};
}

std::string encodeObject(const Message& object) {
  ObjectType type = typeOf(*object.GetDescriptor());
  meta::Unknown envelope;
  envelope.mutable_typemeta()->set_apiversion(type.apiVersion);
  envelope.mutable_typemeta()->set_kind(type.kind);
  object.SerializeToString(envelope.mutable_raw());
  std::string out(kMagic);
  envelope.AppendToString(&out);
  return out;
}

Result<void> decodeObject(std::string_view contentType, std::string_view bytes, Message& object) {
  Result<void> decoded = decodeAny(contentType, bytes, object);
  if (!decoded) object.Clear();
  return decoded;
}

Result<void> WatchDecoder::feed(std::string_view data, const std::function<Result<void>(WatchFrame)>& onFrame) {
  if (failed_) return fail(*failed_);
  auto stop = [this](Error error) {
    failed_ = error;
    buffer_ = std::string();
    return fail(std::move(error));
  };
  buffer_.append(data);
  for (;;) {
    Result<std::optional<std::size_t>> end = eventEnd();
    if (!end) return stop(end.error());
    if (!*end) break;
    std::string_view event = std::string_view(buffer_).substr(0, **end);
    Result<WatchFrame> frame = encoding_ == Encoding::kProtobuf ? protobufFrame(event) : jsonFrame(event);
    if (!frame) return stop(frame.error());
    buffer_.erase(0, **end);
    if (Result<void> taken = onFrame(std::move(*frame)); !taken) return stop(taken.error());
  }
  if (buffer_.empty() && buffer_.capacity() > (64 << 10)) buffer_.shrink_to_fit();
  return {};
}

Result<std::optional<std::size_t>> WatchDecoder::eventEnd() {
  if (encoding_ == Encoding::kUnknown) {
    if (buffer_.empty()) return std::nullopt;
    const char first = buffer_.front();
    encoding_ = first == '\0' || first == '\1' ? Encoding::kProtobuf : Encoding::kJson;
  }
  return encoding_ == Encoding::kProtobuf ? frameEnd() : jsonEnd();
}

Result<std::optional<std::size_t>> WatchDecoder::frameEnd() const {
  if (buffer_.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | static_cast<unsigned char>(buffer_[i]);
  if (length > kMaxFrameBytes) return bad("a frame of " + std::to_string(length) + " bytes is over the watch's limit");
  if (buffer_.size() - kLengthBytes < length) return std::nullopt;
  return kLengthBytes + length;
}

Result<std::optional<std::size_t>> WatchDecoder::jsonEnd() {
  if (depth_ == 0) {
    std::size_t start = 0;
    while (start < buffer_.size() && isSpace(buffer_[start])) ++start;
    buffer_.erase(0, start);
    scanned_ = 0;
    if (buffer_.empty()) return std::nullopt;
    if (buffer_.front() != '{') return bad("a watch that is no stream of events: " + quoted(buffer_));
  }
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (inString_) {
      if (escaped_)
        escaped_ = false;
      else if (c == '\\')
        escaped_ = true;
      else if (c == '"')
        inString_ = false;
    } else if (c == '"') {
      inString_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}' && --depth_ == 0) {
      return std::exchange(scanned_, 0) + 1;
    }
  }
  if (buffer_.size() > kMaxFrameBytes) return bad("an event is over the watch's limit of 16 MiB");
  return std::nullopt;
}

Error statusError(const meta::Status& status, std::string_view doing) {
  std::string reason = status.reason();
  if (isTooLargeVersion(status)) reason = kTooLargeResourceVersion;
  if (reason.empty()) reason = usualReason(status.code());
  std::string message = status.message().empty() ? reason : status.message();
  return Error(codeOf(status.code(), reason), reason, std::string(doing) + ": " + message);
}

Error statusError(const Response& response, std::string_view doing) {
  meta::Status status;
  if (!decodeObject(response.contentType, response.body, status)) {
    std::string said = response.body.empty() ? "" : ": " + quoted(response.body);
    status.set_message("HTTP status " + std::to_string(response.status) + said);
  }
  // The line of the answer is the truth: a Status may come without a code, or with that of another server behind.
  status.set_code(response.status);
  return statusError(status, doing);
}

bool isExpired(const Error& error) {
  return error.reason == "Expired" || error.reason == "Gone";
}

}  // namespace cubelet::apiserver
