#include "base/mount_table.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "base/files.h"

namespace cubelet {
namespace {

constexpr char kFile[] = "/proc/self/mountinfo";
// The kernel makes the table up in pieces as large as it is asked for.
constexpr std::size_t kPiece = 64 * 1024;

// The kernel writes space, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// What comes before the first `end`, which is taken off `rest` together with it.
std::string_view upTo(char end, std::string_view& rest) {
  const std::size_t at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

}  // namespace

// One line: number, that of the parent, device, root, target, options, any number of other fields, "-", type, ...
std::vector<MountEntry> readMountInfo(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    std::string_view line = upTo('\n', text);
    upTo(' ', line);
    upTo(' ', line);
    const std::string_view device = upTo(' ', line);
    const std::string_view root = upTo(' ', line);
    const std::string_view target = upTo(' ', line);
    if (target.empty()) continue;
    upTo(' ', line);
    MountEntry& entry = entries.emplace_back(std::string(device), unescaped(root), unescaped(target));
    for (std::string_view field = upTo(' ', line); !field.empty() && field != "-"; field = upTo(' ', line))
      if (field.starts_with("shared:")) entry.shared = true;
    entry.type = upTo(' ', line);
  }
  return entries;
}

Result<std::vector<MountEntry>> mountTable() {
  const Fd file(::open(kFile, O_RDONLY | O_CLOEXEC));
  if (!file) return fail(errnoError(errno, std::string("open ") + kFile));
  std::string text;
  for (std::size_t size = 0;;) {
    text.resize(size + kPiece);
    const ssize_t got = ::read(file.get(), text.data() + size, kPiece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errnoError(errno, std::string("read ") + kFile));
    size += static_cast<std::size_t>(got);
    if (got > 0) continue;
    text.resize(size);
    return readMountInfo(text);
  }
}

std::string asMounted(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return path;
  const std::unique_ptr<char, decltype([](char* text) { ::free(text); })> parent(
      ::realpath(path.substr(0, slash).c_str(), nullptr));
  return parent ? joinPath(parent.get(), path.substr(slash + 1)) : path;
}

}  // namespace cubelet
