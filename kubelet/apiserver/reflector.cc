#include "kubelet/apiserver/reflector.h"

#include <google/protobuf/descriptor.h>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "base/park.h"
#include "kubelet/apiserver/wire.h"
#include "proto/k8s/meta.pb.h"

namespace cubelet::apiserver {
namespace {

namespace meta = ::k8s::meta::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;

constexpr char kInitialEventsEnd[] = "k8s.io/initial-events-end";
constexpr Duration kQuiet = std::chrono::minutes(2);  // after which the back-off starts anew

const Message& listOf(const Message& prototype) {
  const google::protobuf::Descriptor& object = *prototype.GetDescriptor();
  const auto* list = object.file()->FindMessageTypeByName(object.name() + "List");
  return *google::protobuf::MessageFactory::generated_factory()->GetPrototype(list);
}

const FieldDescriptor& field(const Message& message, const char* name) {
  return *message.GetDescriptor()->FindFieldByName(name);
}

const meta::ObjectMeta& metadataOf(const Message& object) {
  return static_cast<const meta::ObjectMeta&>(object.GetReflection()->GetMessage(object, &field(object, "metadata")));
}

std::string keyOf(const Message& object) {
  const meta::ObjectMeta& metadata = metadataOf(object);
  return metadata.namespace_().empty() ? metadata.name() : metadata.namespace_() + "/" + metadata.name();
}

// Half of what the server sends of a pod is managedFields, which nobody here reads. Clearing the field would keep its
// memory for the next use.
void trim(Message& object) {
  auto& metadata =
      static_cast<meta::ObjectMeta&>(*object.GetReflection()->MutableMessage(&object, &field(object, "metadata")));
  RepeatedPtrField<meta::ManagedFieldsEntry> none;
  metadata.mutable_managedfields()->Swap(&none);
  object.DiscardUnknownFields();
}

std::unexpected<Error> bad(std::string message) {
  return fail(Code::kInternal, kBadAnswer, std::move(message));
}

// Takes the items out of a list message.
Result<void> moveItems(Message& list, std::map<std::string, ReflectorCore::Object>& into) {
  const google::protobuf::Reflection& reflection = *list.GetReflection();
  const FieldDescriptor& items = field(list, "items");
  while (reflection.FieldSize(list, &items) > 0) {
    std::shared_ptr<Message> item(reflection.ReleaseLast(&list, &items));
    if (metadataOf(*item).name().empty()) return bad("a list with an item that has no name");
    trim(*item);
    std::string key = keyOf(*item);
    into[std::move(key)] = std::move(item);
  }
  return {};
}

}  // namespace

// One watch while it is open.
struct ReflectorCore::Stream {
  WatchDecoder decoder;
  WatchEnd end;
  bool initial = false;  // its first objects are not complete yet: they gather in `objects`
  Objects objects;
  bool over = false;
  Park park;  // rung when it is over, for whatever reason

  void finish(std::optional<Error> error) {
    if (over) return;
    over = true;
    end.error = std::move(error);
    park.wake();
  }
};

ReflectorCore::ReflectorCore(Loop& loop, ApiClient& client, const Message& prototype, ReflectorOptions options,
                             Listener listener)
    : loop_(loop),
      client_(client),
      prototype_(prototype),
      listPrototype_(listOf(prototype)),
      options_(std::move(options)),
      listener_(std::move(listener)),
      streams_(loop_),
      backoff_({.initial = std::chrono::milliseconds(800),
                .cap = std::chrono::seconds(30),
                .jitter = 1.0,
                .random = options_.random}),
      wake_(client.clock()) {}

Task<void> ReflectorCore::run() {
  Step step;
  step.next = version_.empty() || latest_ ? howToList() : Next::kWatch;
  for (;;) {
    if (step.next == Next::kList)
      step = co_await list();
    else
      step = co_await watch(step.next == Next::kWatchList);
    if (step.refused) client_.noteWatchListRefused();
    if (step.forget) latest_ = true;
    if (step.wait) co_await pause();
  }
}

void ReflectorCore::retryNow() {
  backoff_.reset();  // what the pauses have grown by was about another time
  wake_.ring();
}

Next ReflectorCore::howToList() const {
  return client_.watchListSupported() ? Next::kWatchList : Next::kList;
}

// A list without any known version may come from the server's cache ("0"); a watch with initial objects waits for the
// latest state ("") anyway.
std::string ReflectorCore::listVersion(Next how) const {
  if (latest_) return "";
  if (version_.empty()) return how == Next::kList ? "0" : "";
  return version_;
}

Task<void> ReflectorCore::pause() {
  Clock& clock = client_.clock();
  if (clock.now() - lastPause_ > kQuiet) backoff_.reset();
  lastPause_ = clock.now();
  wake_.clear();
  co_await wake_.waitUntil(clock.now() + backoff_.next());
}

Task<Step> ReflectorCore::list() {
  const std::string version = listVersion(Next::kList);
  Result<void> listed = co_await listPages(version);
  if (listed) co_return Step();
  Step step = afterList(listed.error(), version, howToList());
  if (step.wait) listener_.failed(listed.error());
  co_return step;
}

Task<Result<void>> ReflectorCore::listPages(std::string version) {
  Objects all;
  std::string continueToken;
  std::string listedVersion;
  do {
    Request request;
    request.path =
        withQuery(options_.resource.collection(options_.ns), listQuery(version, options_.fieldSelector, continueToken));
    request.accept = kAccept;
    request.timeout = options_.listTimeout;
    Result<Response> response = co_await client_.call(std::move(request));
    if (!response) co_return fail(std::move(response.error()));

    std::unique_ptr<Message> page(listPrototype_.New());
    Result<void> read = decodeObject(response->contentType, response->body, *page);
    if (!read) co_return fail(read.error().within("list " + std::string(options_.resource.plural)));
    const auto& metadata =
        static_cast<const meta::ListMeta&>(page->GetReflection()->GetMessage(*page, &field(*page, "metadata")));
    listedVersion = metadata.resourceversion();
    continueToken = metadata.continue_();
    if (listedVersion.empty()) co_return bad("list " + std::string(options_.resource.plural) + ": no resourceVersion");
    Result<void> moved = moveItems(*page, all);
    if (!moved) co_return fail(std::move(moved.error()));
  } while (!continueToken.empty());
  replace(std::move(all), std::move(listedVersion));
  co_return Result<void>();
}

Task<Step> ReflectorCore::watch(bool initialObjects) {
  WatchQuery query;
  query.version = initialObjects ? listVersion(Next::kWatchList) : version_;
  query.fieldSelector = options_.fieldSelector;
  const auto spread = static_cast<double>((options_.watchMax - options_.watchMin).count());
  query.timeout = options_.watchMin + std::chrono::seconds(static_cast<std::int64_t>(spread * options_.random()));
  query.initialObjects = initialObjects;

  Request request;
  request.path = withQuery(options_.resource.collection(options_.ns), watchQuery(query));
  request.accept = kAcceptWatch;
  request.timeout = options_.silence;

  Stream stream;
  stream.initial = initialObjects;
  const TimePoint opened = client_.clock().now();
  // Runs in a task of its own, so that bytes that make no sense can end it. When our own task is cancelled the park
  // wakes, too, and the stream must still be gone before this frame is.
  co_await throwIfCancelled();
  streams_.spawn("watch", pump(std::move(request), &stream));
  const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await stream.park.wait();
  co_await streams_.drain();
  co_await boost::asio::this_coro::throw_if_cancelled(throwing);
  co_await throwIfCancelled();

  stream.end.lived = client_.clock().now() - opened;
  const bool incomplete = initialObjects && stream.initial;
  Step step = incomplete ? afterWatchList(stream.end, query.version) : afterWatch(stream.end, howToList());
  if (step.wait && stream.end.error) listener_.failed(*stream.end.error);
  co_return step;
}

Task<void> ReflectorCore::pump(Request request, Stream* stream) {
  const std::string doing = "watch " + std::string(options_.resource.plural);
  std::function<void(std::string_view)> onData = [this, stream](std::string_view data) { take(*stream, data); };
  Result<Response> ended = co_await client_.stream(std::move(request), onData);
  if (!ended)
    stream->finish(ended.error());
  else if (!stream->decoder.atBoundary())
    stream->finish(Error(Code::kUnavailable, "", doing + ": the stream ended within an event"));
  else
    stream->finish(std::nullopt);
}

void ReflectorCore::take(Stream& stream, std::string_view data) {
  auto onFrame = [this, &stream](WatchFrame frame) { return takeFrame(stream, frame); };
  Result<void> taken = stream.decoder.feed(data, onFrame);
  if (!taken) stream.finish(taken.error().within("watch " + std::string(options_.resource.plural)));
}

Result<void> ReflectorCore::takeFrame(Stream& stream, const WatchFrame& frame) {
  if (frame.type == WatchType::kError) {
    stream.end.fromServer = true;
    meta::Status status;
    if (Result<void> read = decodeObject(frame.contentType, frame.object, status); !read) return read;
    return fail(statusError(status, "the server ended it"));
  }
  Result<Object> object = decode(frame);
  if (!object) return fail(object.error());
  ++stream.end.events;

  const meta::ObjectMeta& metadata = metadataOf(**object);
  std::string version = metadata.resourceversion();
  if (frame.type == WatchType::kBookmark) {
    const auto end = metadata.annotations().find(kInitialEventsEnd);
    const bool complete = end != metadata.annotations().end() && end->second == "true";
    if (stream.initial && complete) {
      if (version.empty()) return bad("the end of the initial objects has no resourceVersion");
      stream.initial = false;
      replace(std::exchange(stream.objects, {}), std::move(version));
    } else if (!stream.initial && !version.empty()) {
      version_ = std::move(version);
    }
    return {};
  }

  std::string key = keyOf(**object);
  if (metadata.name().empty()) return bad("an event about an object that has no name");
  if (stream.initial) {
    if (frame.type == WatchType::kDeleted)
      stream.objects.erase(key);
    else
      stream.objects[std::move(key)] = std::move(*object);
    return {};
  }
  if (!version.empty()) version_ = std::move(version);
  apply(frame.type, key, std::move(*object));
  return {};
}

Result<ReflectorCore::Object> ReflectorCore::decode(const WatchFrame& frame) const {
  std::shared_ptr<Message> object(prototype_.New());
  if (Result<void> read = decodeObject(frame.contentType, frame.object, *object); !read) return fail(read.error());
  trim(*object);
  return object;
}

// The store decides what the change is: after a re-opened watch an ADDED may concern an object that is known already.
void ReflectorCore::apply(WatchType type, const std::string& key, Object object) {
  auto it = objects_.find(key);
  Object before = it == objects_.end() ? nullptr : it->second;
  if (type == WatchType::kDeleted) {
    if (!before) return;
    objects_.erase(it);
    return listener_.changed(ChangeKind::kDeleted, nullptr, before);
  }
  objects_[key] = object;
  listener_.changed(before ? ChangeKind::kModified : ChangeKind::kAdded, object, before);
}

void ReflectorCore::replace(Objects all, std::string version) {
  for (auto& [key, object] : all) {
    auto known = objects_.find(key);
    if (known == objects_.end()) continue;
    const meta::ObjectMeta& was = metadataOf(*known->second);
    const meta::ObjectMeta& is = metadataOf(*object);
    const bool same = was.uid() == is.uid() && was.resourceversion() == is.resourceversion();
    if (same && !is.resourceversion().empty()) object = known->second;
  }
  objects_ = std::move(all);
  version_ = std::move(version);
  latest_ = false;
  synced_ = true;
  listener_.synced();
}

}  // namespace cubelet::apiserver
