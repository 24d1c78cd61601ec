#include "base/sdbus/bus.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace cubelet::sdbus {
namespace {

struct Pending {
  explicit Pending(Clock& clock, const Library& library) : lib(library), wake(clock) {}
  const Library& lib;
  Wake wake;
  sd_bus_message* reply = nullptr;
};

int replied(sd_bus_message* message, void* pending, sd_bus_error* /*unused*/) {
  auto* waiting = static_cast<Pending*>(pending);
  waiting->reply = waiting->lib.message_ref(message);
  waiting->wake.ring();
  return 0;
}

Code codeOf(std::string_view name, Code otherwise) {
  if (name.ends_with(".ServiceUnknown") || name.ends_with(".NameHasNoOwner") || name.ends_with(".UnknownObject"))
    return Code::kNotFound;
  if (name.ends_with(".NoReply") || name.ends_with(".Timeout")) return Code::kTimedOut;
  return otherwise;
}

std::string textOf(const Member& member) {
  return std::string(member.interface) + "." + member.name;
}

}  // namespace

// Rings when the socket can be read or written. Shared with the handlers that asio holds: they may outlive the bus.
struct Bus::Readiness {
  using Descriptor = boost::asio::posix::stream_descriptor;
  Readiness(Loop& loop, Clock& clock, int fd) : descriptor(loop.context(), fd), wake(clock) {}

  // Each kind of wait is under way at most once.
  static void arm(const std::shared_ptr<Readiness>& self, Descriptor::wait_type type, bool& armed) {
    if (std::exchange(armed, true)) return;
    self->descriptor.async_wait(type, [weak = std::weak_ptr(self), &armed](const boost::system::error_code&) {
      const std::shared_ptr<Readiness> alive = weak.lock();
      if (!alive) return;
      armed = false;
      alive->wake.ring();
    });
  }

  Descriptor descriptor;
  Wake wake;
  bool reads = false;
  bool writes = false;
};

Result<std::unique_ptr<Bus>> Bus::open(Loop& loop, Clock& clock) {
  Result<const Library*> lib = loadLibrary();
  if (!lib) return fail(lib.error());
  auto bus = std::unique_ptr<Bus>(new Bus(**lib, clock));
  if (Result<void> connected = bus->connect(loop); !connected) return fail(connected.error());
  return bus;
}

Bus::Bus(const Library& lib, Clock& clock) : lib_(lib), clock_(clock) {}

Bus::~Bus() {
  listeners_.clear();
  readiness_.reset();
  if (bus_ != nullptr) lib_.close_unref(bus_);
}

Result<void> Bus::connect(Loop& loop) {
  if (const int rc = lib_.open_system(&bus_); rc < 0) {
    bus_ = nullptr;
    Error error = errnoError(-rc, "connect to the message bus");
    error.code = Code::kUnavailable;
    return fail(std::move(error));
  }
  // A descriptor of our own for the same socket: who closes it first does not matter.
  Fd copy(::fcntl(lib_.get_fd(bus_), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(errnoError(errno, "duplicate the socket of the message bus"));
  readiness_ = std::make_shared<Readiness>(loop, clock_, copy.release());
  return {};
}

Task<Error> Bus::run() {
  for (;;) {
    int rc = 0;
    do {
      rc = lib_.process(bus_, nullptr);
    } while (rc > 0);
    if (rc < 0) co_return errnoError(-rc, "talk to the message bus");
    co_await waitForWork();
  }
}

Task<void> Bus::waitForWork() {
  using Descriptor = Readiness::Descriptor;
  const int events = lib_.get_events(bus_);
  if (events > 0 && (events & POLLIN) != 0) Readiness::arm(readiness_, Descriptor::wait_read, readiness_->reads);
  if (events > 0 && (events & POLLOUT) != 0) Readiness::arm(readiness_, Descriptor::wait_write, readiness_->writes);
  std::uint64_t due = UINT64_MAX;  // microseconds of the steady clock
  lib_.get_timeout(bus_, &due);
  constexpr std::uint64_t kNever = INT64_MAX / 1000;
  const TimePoint until =
      due >= kNever ? TimePoint::max() : TimePoint(std::chrono::microseconds(static_cast<std::int64_t>(due)));
  co_await readiness_->wake.waitUntil(until);
}

Task<Result<MessagePtr>> Bus::call(Member method, std::vector<std::string> words, std::optional<std::int32_t> number) {
  const std::string doing = "call " + textOf(method);
  sd_bus_message* raw = nullptr;
  int rc = lib_.message_new_method_call(bus_, &raw, method.service, method.object, method.interface, method.name);
  const MessagePtr message(raw, {&lib_});
  for (const std::string& word : words)
    if (rc >= 0) rc = lib_.message_append(raw, "s", word.c_str());
  if (rc >= 0 && number) rc = lib_.message_append(raw, "i", *number);
  Pending pending(clock_, lib_);
  sd_bus_slot* rawSlot = nullptr;
  if (rc >= 0) rc = lib_.call_async(bus_, &rawSlot, raw, &replied, &pending, 0);
  if (rc < 0) co_return fail(errnoError(-rc, doing));
  const SlotPtr slot(rawSlot, {&lib_});  // given up with this task
  readiness_->wake.ring();
  co_await pending.wake.wait();
  MessagePtr reply(pending.reply, {&lib_});
  if (const sd_bus_error* said = lib_.message_get_error(reply.get()); said != nullptr) {
    Error error = errnoError(lib_.message_get_errno(reply.get()), doing);
    error.code = codeOf(said->name != nullptr ? said->name : "", error.code);
    if (said->message != nullptr) error.message = doing + ": " + said->message;
    co_return fail(std::move(error));
  }
  co_return reply;
}

Task<Result<MessagePtr>> Bus::property(Member property, char type) {
  const Member get{property.service, property.object, "org.freedesktop.DBus.Properties", "Get"};
  std::vector<std::string> words{property.interface, property.name};
  Result<MessagePtr> reply = co_await call(get, std::move(words));
  if (!reply) co_return fail(reply.error().within("read " + textOf(property)));
  const char contents[] = {type, '\0'};
  if (const int rc = lib_.message_enter_container(reply->get(), 'v', contents); rc <= 0)
    co_return fail(Code::kInternal, "", textOf(property) + " is of another type than expected");
  co_return std::move(*reply);
}

Result<void> Bus::listen(Member signal, std::function<void(sd_bus_message&)> heard) {
  auto listener = std::make_unique<Listener>();
  listener->heard = std::move(heard);
  sd_bus_slot* slot = nullptr;
  const auto callback = [](sd_bus_message* message, void* self, sd_bus_error*) -> int {
    static_cast<Listener*>(self)->heard(*message);
    return 0;
  };
  const int rc = lib_.match_signal_async(bus_, &slot, signal.service, signal.object, signal.interface, signal.name,
                                         callback, nullptr, listener.get());
  if (rc < 0) return fail(errnoError(-rc, "listen to " + textOf(signal)));
  listener->slot = SlotPtr(slot, {&lib_});
  listeners_.push_back(std::move(listener));
  return {};
}

}  // namespace cubelet::sdbus
