// The listening unix socket as a file: made for its owner alone, and removed again.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace cubelet::server {

// A path that does not fit into a socket address (107 bytes) goes through /proc/self/fd of its directory: `directory`
// must stay open as long as the answer is used.
std::string socketAddress(const Fd& directory, const std::string& path);

// Owns the listening descriptor and the file. Move only.
class SocketFile {
 public:
  // Makes the directory (0700) when it is missing, and the socket in it (0600). A socket that nobody listens on any
  // more is replaced. kAlreadyExists: somebody listens there, or the name is something else than a socket (a symbolic
  // link is never followed, a file never removed). kInvalid: others may write to the directory.
  static Result<SocketFile> listen(const std::string& path, int backlog);

  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  // For whoever accepts on it; the file stays owned here.
  Fd takeListener() { return std::move(listener_); }

 private:
  SocketFile(Fd directory, Fd listener, std::string name, std::uint64_t inode)
      : directory_(std::move(directory)), listener_(std::move(listener)), name_(std::move(name)), inode_(inode) {}

  Fd directory_;
  Fd listener_;
  std::string name_;
  std::uint64_t inode_;
};

}  // namespace cubelet::server
