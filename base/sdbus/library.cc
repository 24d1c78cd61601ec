#include "base/sdbus/library.h"

#include <dlfcn.h>

namespace cubelet::sdbus {
namespace {

constexpr char kLibrary[] = "libsystemd.so.0";

template <class Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Result<Library> load() {
  void* handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return fail(Code::kUnavailable, "", std::string("cannot load libsystemd (package libsystemd0): ") + ::dlerror());
  Library lib = {};
  const bool all =
      find(handle, "sd_bus_open_system", lib.open_system) && find(handle, "sd_bus_new", lib.create) &&
      find(handle, "sd_bus_set_address", lib.set_address) && find(handle, "sd_bus_start", lib.start) &&
      find(handle, "sd_bus_flush_close_unref", lib.flush_close_unref) &&
      find(handle, "sd_bus_close_unref", lib.close_unref) &&
      find(handle, "sd_bus_message_new_method_call", lib.message_new_method_call) &&
      find(handle, "sd_bus_message_append", lib.message_append) &&
      find(handle, "sd_bus_message_append_strv", lib.message_append_strv) &&
      find(handle, "sd_bus_message_open_container", lib.message_open_container) &&
      find(handle, "sd_bus_message_close_container", lib.message_close_container) &&
      find(handle, "sd_bus_message_enter_container", lib.message_enter_container) &&
      find(handle, "sd_bus_message_read", lib.message_read) && find(handle, "sd_bus_message_ref", lib.message_ref) &&
      find(handle, "sd_bus_message_unref", lib.message_unref) &&
      find(handle, "sd_bus_message_get_error", lib.message_get_error) &&
      find(handle, "sd_bus_message_get_errno", lib.message_get_errno) && find(handle, "sd_bus_call", lib.call) &&
      find(handle, "sd_bus_call_async", lib.call_async) && find(handle, "sd_bus_error_free", lib.error_free) &&
      find(handle, "sd_bus_match_signal", lib.match_signal) &&
      find(handle, "sd_bus_match_signal_async", lib.match_signal_async) &&
      find(handle, "sd_bus_slot_unref", lib.slot_unref) && find(handle, "sd_bus_process", lib.process) &&
      find(handle, "sd_bus_wait", lib.wait) && find(handle, "sd_bus_get_fd", lib.get_fd) &&
      find(handle, "sd_bus_get_events", lib.get_events) && find(handle, "sd_bus_get_timeout", lib.get_timeout);
  if (!all) return fail(Code::kUnavailable, "", std::string(kLibrary) + " lacks a function: " + ::dlerror());
  return lib;
}

}  // namespace

Result<const Library*> loadLibrary() {
  static const Result<Library> loaded = load();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace cubelet::sdbus
