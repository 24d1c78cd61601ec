#include "kubelet/server/socket_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"

namespace cubelet::server {
namespace {

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Result<Fd> openSocket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(errnoError(errno, "make a unix socket"));
  return socket;
}

// Nobody but root and us may be able to put another file under our name.
Result<Fd> openOwnDirectory(const std::string& path) {
  if (Result<void> made = makeDirectories(path, 0700); !made) return fail(made.error());
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return fail(errnoError(errno, "open " + path));
  struct stat status;
  if (::fstat(directory.get(), &status) != 0) return fail(errnoError(errno, "read " + path));
  bool owned = status.st_uid == 0 || status.st_uid == ::geteuid();
  // In a sticky directory (/tmp) others can add names, but not replace ours.
  bool closed = (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (status.st_mode & S_ISVTX) != 0;
  if (!owned || !closed)
    return fail(Code::kInvalid, "",
                path + ": other users may write here; the socket needs a directory that belongs to root alone");
  return directory;
}

Result<bool> somebodyListens(const Fd& directory, const std::string& path) {
  Result<Fd> socket = openSocket();
  if (!socket) return fail(socket.error());
  sockaddr_un address = addressOf(socketAddress(directory, path));
  if (::connect(socket->get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  if (errno == EAGAIN) return true;  // its backlog is full
  return fail(errnoError(errno, "ask whether somebody listens on " + path));
}

Result<void> clearTheWay(const Fd& directory, const std::string& name, const std::string& path) {
  struct stat status;
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail(errnoError(errno, "read " + path));
  }
  if (!S_ISSOCK(status.st_mode))
    return fail(Code::kAlreadyExists, "", path + ": something else than a socket has this name");
  Result<bool> busy = somebodyListens(directory, path);
  if (!busy) return fail(busy.error());
  if (*busy) return fail(Code::kAlreadyExists, "", path + ": another agent listens there");
  if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail(errnoError(errno, "remove the old " + path));
  return {};
}

}  // namespace

std::string socketAddress(const Fd& directory, const std::string& path) {
  if (path.size() < sizeof(sockaddr_un::sun_path)) return path;
  return "/proc/self/fd/" + std::to_string(directory.get()) + "/" + path.substr(path.rfind('/') + 1);
}

Result<SocketFile> SocketFile::listen(const std::string& path, int backlog) {
  std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash + 1 == path.size())
    return fail(Code::kInvalid, "", "socket path '" + path + "' is not an absolute path of a file");
  std::string name = path.substr(slash + 1);
  Result<Fd> directory = openOwnDirectory(slash == 0 ? "/" : path.substr(0, slash));
  if (!directory) return fail(directory.error());
  if (Result<void> cleared = clearTheWay(*directory, name, path); !cleared) return fail(cleared.error());

  Result<Fd> socket = openSocket();
  if (!socket) return fail(socket.error());
  // Linux gives the file the mode of the socket: it is never open to others, not even for a moment.
  if (::fchmod(socket->get(), 0600) != 0) return fail(errnoError(errno, "set the mode of " + path));
  sockaddr_un address = addressOf(socketAddress(*directory, path));
  if (::bind(socket->get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail(errnoError(errno, "bind " + path));
  struct stat status;
  if (::fstatat(directory->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(errnoError(errno, "read " + path));
  SocketFile file(*std::move(directory), *std::move(socket), std::move(name), status.st_ino);
  if (::listen(file.listener_.get(), backlog) != 0) return fail(errnoError(errno, "listen on " + path));
  return file;
}

SocketFile::~SocketFile() {
  if (!directory_) return;
  // Ours only: a successor may already have put its own socket there.
  struct stat status;
  if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == inode_)
    ::unlinkat(directory_.get(), name_.c_str(), 0);
}

}  // namespace cubelet::server
