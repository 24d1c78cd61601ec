#include "base/curl/library.h"

#include <dlfcn.h>
#include <optional>
#include <string>

namespace cubelet::curl {
namespace {

constexpr char kLibrary[] = "libcurl.so.4";

template <class Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Result<Library> load() {
  void* handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return fail(Code::kUnavailable, "", std::string("cannot load libcurl (package libcurl4): ") + ::dlerror());
  Library curl = {};
  const bool all =
      find(handle, "curl_global_init", curl.global_init) && find(handle, "curl_easy_init", curl.easy_init) &&
      find(handle, "curl_easy_setopt", curl.easy_setopt) && find(handle, "curl_easy_getinfo", curl.easy_getinfo) &&
      find(handle, "curl_easy_strerror", curl.easy_strerror) && find(handle, "curl_easy_cleanup", curl.easy_cleanup) &&
      find(handle, "curl_slist_append", curl.slist_append) &&
      find(handle, "curl_slist_free_all", curl.slist_free_all) && find(handle, "curl_multi_init", curl.multi_init) &&
      find(handle, "curl_multi_setopt", curl.multi_setopt) &&
      find(handle, "curl_multi_add_handle", curl.multi_add_handle) &&
      find(handle, "curl_multi_remove_handle", curl.multi_remove_handle) &&
      find(handle, "curl_multi_socket_action", curl.multi_socket_action) &&
      find(handle, "curl_multi_info_read", curl.multi_info_read) &&
      find(handle, "curl_multi_cleanup", curl.multi_cleanup);
  if (!all) return fail(Code::kUnavailable, "", std::string(kLibrary) + " lacks a function: " + ::dlerror());
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Code::kUnavailable, "", "libcurl cannot be initialized");
  return curl;
}

}  // namespace

Result<const Library*> loadLibrary() {
  static const Result<Library> loaded = load();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

void append(ListPtr& list, const char* text) {
  curl_slist* longer = list.get_deleter().curl->slist_append(list.get(), text);
  // The first call makes the head, later ones answer it; without memory the old list stays.
  if (longer == nullptr) return;
  (void)list.release();
  list.reset(longer);
}

}  // namespace cubelet::curl
