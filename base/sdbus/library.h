// libsystemd, loaded when the first bus is opened: an agent that asks neither systemd nor logind does without it.
#pragma once

#include <memory>
#include <string>

#include <systemd/sd-bus.h>

#include "base/result.h"

namespace cubelet::sdbus {

// The functions in use, under their names without "sd_bus_".
struct Library {
  decltype(&::sd_bus_open_system) open_system;
  decltype(&::sd_bus_new) create;
  decltype(&::sd_bus_set_address) set_address;
  decltype(&::sd_bus_start) start;
  decltype(&::sd_bus_flush_close_unref) flush_close_unref;
  decltype(&::sd_bus_close_unref) close_unref;
  decltype(&::sd_bus_message_new_method_call) message_new_method_call;
  decltype(&::sd_bus_message_append) message_append;
  decltype(&::sd_bus_message_append_strv) message_append_strv;
  decltype(&::sd_bus_message_open_container) message_open_container;
  decltype(&::sd_bus_message_close_container) message_close_container;
  decltype(&::sd_bus_message_enter_container) message_enter_container;
  decltype(&::sd_bus_message_read) message_read;
  decltype(&::sd_bus_message_ref) message_ref;
  decltype(&::sd_bus_message_unref) message_unref;
  decltype(&::sd_bus_message_get_error) message_get_error;
  decltype(&::sd_bus_message_get_errno) message_get_errno;
  decltype(&::sd_bus_call) call;
  decltype(&::sd_bus_call_async) call_async;
  decltype(&::sd_bus_error_free) error_free;
  decltype(&::sd_bus_match_signal) match_signal;
  decltype(&::sd_bus_match_signal_async) match_signal_async;
  decltype(&::sd_bus_slot_unref) slot_unref;
  decltype(&::sd_bus_process) process;
  decltype(&::sd_bus_wait) wait;
  decltype(&::sd_bus_get_fd) get_fd;
  decltype(&::sd_bus_get_events) get_events;
  decltype(&::sd_bus_get_timeout) get_timeout;
};

// Loaded once for the process, never unloaded. Any thread. kUnavailable: it is not installed.
Result<const Library*> loadLibrary();

struct MessageUnref {
  const Library* lib;
  void operator()(sd_bus_message* message) const { lib->message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

struct SlotUnref {
  const Library* lib;
  void operator()(sd_bus_slot* slot) const { lib->slot_unref(slot); }
};
using SlotPtr = std::unique_ptr<sd_bus_slot, SlotUnref>;

}  // namespace cubelet::sdbus
