#include "base/sdbus/library.h"

#include "base/shared_library.h"

namespace cubelet::sdbus {
namespace {

Result<Library> load() {
  Result<SharedLibrary> file = SharedLibrary::open("libsystemd.so.0", "libsystemd0");
  if (!file) return fail(file.error());
  Library lib = {};
  file->find("sd_bus_open_system", lib.open_system);
  file->find("sd_bus_new", lib.create);
  file->find("sd_bus_set_address", lib.set_address);
  file->find("sd_bus_start", lib.start);
  file->find("sd_bus_flush_close_unref", lib.flush_close_unref);
  file->find("sd_bus_close_unref", lib.close_unref);
  file->find("sd_bus_message_new_method_call", lib.message_new_method_call);
  file->find("sd_bus_message_append", lib.message_append);
  file->find("sd_bus_message_append_strv", lib.message_append_strv);
  file->find("sd_bus_message_open_container", lib.message_open_container);
  file->find("sd_bus_message_close_container", lib.message_close_container);
  file->find("sd_bus_message_enter_container", lib.message_enter_container);
  file->find("sd_bus_message_read", lib.message_read);
  file->find("sd_bus_message_ref", lib.message_ref);
  file->find("sd_bus_message_unref", lib.message_unref);
  file->find("sd_bus_message_get_error", lib.message_get_error);
  file->find("sd_bus_message_get_errno", lib.message_get_errno);
  file->find("sd_bus_call", lib.call);
  file->find("sd_bus_call_async", lib.call_async);
  file->find("sd_bus_error_free", lib.error_free);
  file->find("sd_bus_match_signal", lib.match_signal);
  file->find("sd_bus_match_signal_async", lib.match_signal_async);
  file->find("sd_bus_slot_unref", lib.slot_unref);
  file->find("sd_bus_process", lib.process);
  file->find("sd_bus_wait", lib.wait);
  file->find("sd_bus_get_fd", lib.get_fd);
  file->find("sd_bus_get_events", lib.get_events);
  file->find("sd_bus_get_timeout", lib.get_timeout);
  if (Result<void> complete = file->check(); !complete) return fail(complete.error());
  return lib;
}

}  // namespace

Result<const Library*> loadLibrary() {
  static const Result<Library> loaded = load();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace cubelet::sdbus
