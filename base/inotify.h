// Inotify on the loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet {

struct InotifyEvent {
  int watch;           // as answered by add(); -1 when the kernel's queue overflowed: look at everything again
  std::uint32_t mask;  // IN_...
  std::string name;    // of the entry inside a watched directory; empty for the watched path itself
};

// Loop thread only. At most one coroutine waits in next().
class Inotify {
 public:
  static Result<Inotify> create(Loop& loop);

  // Watches `path`; watching it again changes its mask and answers the same number.
  Result<int> add(const std::string& path, std::uint32_t mask);
  // The same through a shared descriptor; from any thread.
  static Result<int> add(const Fd& shared, const std::string& path, std::uint32_t mask);
  // Unknown or already vanished watches are ignored.
  void remove(int watch);
  // A second descriptor of the same instance, for adding watches inside a blocking call (inotify_add_watch walks the
  // path, which may hang on a network file system). It does not take part in next().
  Result<Fd> share();
  // At least one event; a burst that the kernel has ready comes in one piece.
  Task<Result<std::vector<InotifyEvent>>> next();

 private:
  explicit Inotify(boost::asio::posix::stream_descriptor stream) : stream_(std::move(stream)) {}
  boost::asio::posix::stream_descriptor stream_;
};

}  // namespace cubelet
