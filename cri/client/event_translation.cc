#include "cri/client/event_translation.h"

#include <limits>

#include "proto/containerd/events.pb.h"

namespace cubelet::cri {
namespace {

namespace events = ::containerd::events;
using Kind = RuntimeEvent::Kind;

// Nothing where no time was set. Go's zero time is in the year 1, which nanoseconds since 1970 cannot express: a
// container that ended before it ran has one.
std::optional<WallTime> toWallTime(const google::protobuf::Timestamp& time) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (time.seconds() <= 0 || time.seconds() > kLast) return std::nullopt;
  auto since = std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos());
  return WallTime(std::chrono::duration_cast<WallTime::duration>(since));
}

RuntimeEvent make(Kind kind, const std::string& id) {
  RuntimeEvent event;
  event.kind = kind;
  event.id = id;
  return event;
}

std::optional<RuntimeEvent> fromExit(const events::TaskExit& exit) {
  // Each exec in a container ends with an exit of its own: not the container's.
  if (exit.id() != exit.container_id()) return std::nullopt;
  RuntimeEvent event = make(Kind::kExited, exit.container_id());
  event.exitCode = static_cast<int>(exit.exit_status());
  if (exit.has_exited_at()) event.at = toWallTime(exit.exited_at());
  return event;
}

}  // namespace

std::optional<RuntimeEvent> fromContainerd(const ::containerd::types::Envelope& envelope) {
  if (envelope.namespace_() != "k8s.io") return std::nullopt;
  // containerd writes the bare type name where Any::Is() wants a URL with a slash.
  const std::string& type = envelope.event().type_url();
  const std::string& bytes = envelope.event().value();
  std::optional<RuntimeEvent> event;
  if (type == "containerd.events.TaskExit") {
    events::TaskExit exit;
    if (exit.ParseFromString(bytes)) event = fromExit(exit);
  } else if (type == "containerd.events.TaskStart") {
    events::TaskStart start;
    if (start.ParseFromString(bytes)) event = make(Kind::kStarted, start.container_id());
  } else if (type == "containerd.events.TaskOOM") {
    events::TaskOOM oom;
    if (oom.ParseFromString(bytes)) event = make(Kind::kOom, oom.container_id());
  } else if (type == "containerd.events.ContainerCreate") {
    events::ContainerCreate create;
    if (create.ParseFromString(bytes)) event = make(Kind::kCreated, create.id());
  } else if (type == "containerd.events.ContainerDelete") {
    events::ContainerDelete gone;
    if (gone.ParseFromString(bytes)) event = make(Kind::kDeleted, gone.id());
  }
  if (event && !event->at && envelope.has_timestamp()) event->at = toWallTime(envelope.timestamp());
  return event;
}

RuntimeEvent fromCri(const v1::ContainerEventResponse& response) {
  RuntimeEvent event;
  event.id = response.container_id();
  switch (response.container_event_type()) {
    case v1::CONTAINER_STARTED_EVENT:
      event.kind = Kind::kStarted;
      break;
    case v1::CONTAINER_STOPPED_EVENT:
      event.kind = Kind::kExited;
      break;
    case v1::CONTAINER_DELETED_EVENT:
      event.kind = Kind::kDeleted;
      break;
    default:
      event.kind = Kind::kCreated;
      break;
  }
  if (response.created_at() > 0)
    event.at =
        WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(response.created_at())));
  if (response.has_pod_sandbox_status()) event.sandbox = response.pod_sandbox_status();
  for (const v1::ContainerStatus& status : response.containers_statuses()) {
    event.containers.push_back(status);
    if (event.kind == Kind::kExited && status.id() == event.id && status.state() == v1::CONTAINER_EXITED)
      event.exitCode = status.exit_code();
  }
  return event;
}

}  // namespace cubelet::cri
