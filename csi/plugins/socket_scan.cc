#include "csi/plugins/socket_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/files.h"

namespace cubelet::csi {

Result<SocketScan> scanSockets(const std::string& root) {
  SocketScan scan;
  std::set<std::string> open = {root};
  while (!open.empty()) {
    const std::string directory = *open.begin();
    open.erase(open.begin());
    auto names = listDirectory(directory);
    if (!names && directory == root) return fail(names.error());
    if (!names) continue;
    scan.directories.insert(directory);
    for (const std::string& name : *names) {
      if (name.starts_with('.')) continue;
      const std::string path = joinPath(directory, name);
      struct statx info = {};
      if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_BTIME, &info) != 0)
        continue;
      if (S_ISDIR(info.stx_mode)) open.insert(path);
      if (S_ISSOCK(info.stx_mode))
        scan.sockets[path] = {makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino,
                              info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec};
    }
  }
  return scan;
}

}  // namespace cubelet::csi
