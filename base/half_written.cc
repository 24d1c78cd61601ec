#include "base/half_written.h"

#include <algorithm>
#include <cctype>

#include "base/files.h"

namespace cubelet {

bool isHalfWritten(std::string_view name) {
  constexpr std::size_t kRandom = 6;  // of mkstemp()
  if (!name.starts_with('.') || name.size() < kRandom + 3) return false;
  const std::string_view end = name.substr(name.size() - kRandom - 1);
  return end[0] == '.' &&
         std::ranges::all_of(end.substr(1), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

void removeHalfWritten(const std::string& directory) {
  const Result<std::vector<std::string>> names = listDirectory(directory);
  if (!names) return;
  for (const std::string& name : *names)
    if (isHalfWritten(name)) static_cast<void>(removeFile(joinPath(directory, name)));
}

}  // namespace cubelet
