// libcurl, loaded when the first URL is fetched: it brings two dozen shared libraries along, which cost an agent that
// fetches nothing 5 MiB.
#pragma once

#include <curl/curl.h>
#include <memory>

#include "base/result.h"

namespace cubelet::curl {

// The functions in use, under their names without "curl_".
struct Library {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_cleanup) multi_cleanup;
};

// Loaded and initialized once for the process, never unloaded. kUnavailable: it is not installed.
Result<const Library*> loadLibrary();

struct EasyCleanup {
  const Library* curl;
  void operator()(CURL* easy) const { curl->easy_cleanup(easy); }
};
using EasyPtr = std::unique_ptr<CURL, EasyCleanup>;

struct ListCleanup {
  const Library* curl;
  void operator()(curl_slist* list) const { curl->slist_free_all(list); }
};
using ListPtr = std::unique_ptr<curl_slist, ListCleanup>;

// Appends a copy of `text`.
void append(ListPtr& list, const char* text);

}  // namespace cubelet::curl
