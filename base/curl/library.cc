#include "base/curl/library.h"

#include "base/shared_library.h"

namespace cubelet::curl {
namespace {

Result<Library> load() {
  Result<SharedLibrary> file = SharedLibrary::open("libcurl.so.4", "libcurl4");
  if (!file) return fail(file.error());
  Library curl = {};
  file->find("curl_global_init", curl.global_init);
  file->find("curl_easy_init", curl.easy_init);
  file->find("curl_easy_setopt", curl.easy_setopt);
  file->find("curl_easy_getinfo", curl.easy_getinfo);
  file->find("curl_easy_strerror", curl.easy_strerror);
  file->find("curl_easy_cleanup", curl.easy_cleanup);
  file->find("curl_slist_append", curl.slist_append);
  file->find("curl_slist_free_all", curl.slist_free_all);
  file->find("curl_multi_init", curl.multi_init);
  file->find("curl_multi_setopt", curl.multi_setopt);
  file->find("curl_multi_add_handle", curl.multi_add_handle);
  file->find("curl_multi_remove_handle", curl.multi_remove_handle);
  file->find("curl_multi_socket_action", curl.multi_socket_action);
  file->find("curl_multi_info_read", curl.multi_info_read);
  file->find("curl_multi_cleanup", curl.multi_cleanup);
  if (Result<void> complete = file->check(); !complete) return fail(complete.error());
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
