#include "base/curl/error_text.h"

namespace cubelet::curl {

std::string errorText(const Library& curl, CURLcode code, std::string detail) {
  if (detail.empty()) return curl.easy_strerror(code);
  // What is wrong with the URL is not known, so everything before the last "@" may be part of the password.
  const std::size_t at = detail.rfind('@');
  if (at == std::string::npos) return detail;
  const std::size_t scheme = detail.find("://");
  const std::size_t quote = detail.find('\'');
  std::size_t begin = 0;
  if (scheme < at)
    begin = scheme + 3;
  else if (quote < at)
    begin = quote + 1;
  return detail.erase(begin, at + 1 - begin);
}

}  // namespace cubelet::curl
