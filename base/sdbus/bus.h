// Bus: one connection to the system's message bus, on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/clock.h"
#include "base/loop.h"
#include "base/sdbus/library.h"
#include "base/task.h"
#include "base/wake.h"

namespace cubelet::sdbus {

// A method, a property or a signal of an object on the bus.
struct Member {
  const char* service;
  const char* object;
  const char* interface;
  const char* name;
};

// Loop thread only. Calls and signals move only while run() runs.
class Bus {
 public:
  // Both must outlive the connection and its tasks. Loads libsystemd. kUnavailable: there is none, or no message bus.
  static Result<std::unique_ptr<Bus>> open(Loop& loop, Clock& clock);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Until cancelled, or until the connection is lost: then why.
  Task<Error> run();

  // The answer of a method whose arguments are the strings `words`, or none; `number` is a last one of the type int32.
  // kNotFound: there is no such service or object. kTimedOut: no answer in 25 s.
  Task<Result<MessagePtr>> call(Member method, std::vector<std::string> words,
                                std::optional<std::int32_t> number = std::nullopt);
  // A property, as a message at the value of the basic type `type`.
  Task<Result<MessagePtr>> property(Member property, char type);
  // `heard` is called from run() with each such signal, as long as this object lives.
  Result<void> listen(Member signal, std::function<void(sd_bus_message&)> heard);

  const Library& lib() const { return lib_; }

 private:
  struct Listener {
    std::function<void(sd_bus_message&)> heard;
    SlotPtr slot;
  };
  struct Readiness;

  Bus(const Library& lib, Clock& clock);
  Result<void> connect(Loop& loop);
  Task<void> waitForWork();

  const Library& lib_;
  Clock& clock_;
  sd_bus* bus_ = nullptr;
  std::shared_ptr<Readiness> readiness_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace cubelet::sdbus
