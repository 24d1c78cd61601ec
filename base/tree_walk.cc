#include "base/tree_walk.h"

#include <cerrno>
#include <condition_variable>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "base/files.h"

namespace cubelet {
namespace {

// Names of one directory that are handed over at a time: large directories are shared, too.
constexpr std::size_t kBatchBytes = std::size_t{16} * 1024;
// The kernel takes paths of up to 4095 bytes.
constexpr std::size_t kMaxPath = 4000;

using Stream = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

struct Directory {
  Fd fd;
  std::string path;  // below the root
};

struct Item {
  std::string path;                        // of a directory that is to be read, unless:
  std::shared_ptr<const Directory> owner;  // some names of this one
  std::string names;                       // each with its final NUL
};

// What is gone, or no directory any more, when its turn comes.
bool isGone(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kInvalid;
}

class Walker {
 public:
  Walker(const Fd& root, int threads, const std::atomic<bool>& stop,
         const std::function<Result<void>(const TreeEntry&)>& visit)
      : root_(root), threads_(threads), stop_(stop), visit_(visit) {
    items_.push_back({});
  }

  Result<void> walk() {
    std::vector<std::jthread> helpers;
    for (int i = threads_; i > 1; --i) {
      try {
        helpers.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        const std::scoped_lock lock(mutex_);
        --threads_;  // fewer do it as well
      }
    }
    work();
    helpers.clear();  // joins them
    if (error_) return fail(std::move(*error_));
    return {};
  }

 private:
  void work() {
    while (std::optional<Item> item = take())
      if (Result<void> done = item->owner ? visitNames(item->owner, item->names) : readDirectory(item->path); !done)
        end(std::move(done.error()));
  }

  // Waits for work; nothing when there is none left.
  std::optional<Item> take() {
    std::unique_lock lock(mutex_);
    while (!ended_ && items_.empty()) {
      if (idle_ + 1 == threads_) {
        ended_ = true;
        changed_.notify_all();
        break;
      }
      ++idle_;
      changed_.wait(lock);
      --idle_;
    }
    if (ended_) return std::nullopt;
    Item item = std::move(items_.back());  // the newest first: a deep tree is done before a wide one is noted down
    items_.pop_back();
    return item;
  }

  void give(Item item) {
    const std::scoped_lock lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_one();
  }

  bool othersAreIdle() {
    const std::scoped_lock lock(mutex_);
    return idle_ > 0;
  }

  void end(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = std::move(error);
    ended_ = true;
    changed_.notify_all();
  }

  Result<Fd> open(std::string_view path) const {
    std::optional<Fd> from;
    while (path.size() > kMaxPath) {
      const std::size_t cut = path.rfind('/', kMaxPath);
      if (cut == std::string_view::npos || cut == 0) break;
      Result<Fd> next = openBeneath(from ? *from : root_, path.substr(0, cut), O_PATH | O_DIRECTORY, 0, false);
      if (!next) return next;
      from = std::move(*next);
      path.remove_prefix(cut + 1);
    }
    return openBeneath(from ? *from : root_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, 0, false);
  }

  Result<void> readDirectory(const std::string& path) {
    Result<Fd> fd = open(path);
    if (!fd) {
      if (!path.empty() && isGone(fd.error())) return {};
      return fail(fd.error());
    }
    Fd copy(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0));
    const Stream stream(copy ? ::fdopendir(copy.get()) : nullptr);
    if (!stream) return fail(errnoError(errno, "list directory " + path));
    copy.release();
    auto directory = std::make_shared<const Directory>(std::move(*fd), path);
    std::string names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr && errno != 0 && errno != ENOENT) return fail(errnoError(errno, "list directory " + path));
      if (entry != nullptr) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.append(name).push_back('\0');
      }
      if (entry != nullptr && names.size() < kBatchBytes) continue;
      if (entry != nullptr && othersAreIdle())
        give({"", directory, std::exchange(names, {})});
      else if (Result<void> done = visitNames(directory, std::exchange(names, {})); !done)
        return done;
      if (entry == nullptr) return {};
    }
  }

  Result<void> visitNames(const std::shared_ptr<const Directory>& directory, const std::string& names) {
    for (std::size_t begin = 0; begin < names.size();) {
      if (stop_.load(std::memory_order_relaxed)) return fail(Code::kCancelled, "", "told to stop");
      const char* name = names.c_str() + begin;
      begin += std::string_view(name).size() + 1;
      struct stat status = {};
      if (::fstatat(directory->fd.get(), name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        if (errno == ENOENT) continue;
        return fail(errnoError(errno, "look at " + joinPath(directory->path, name)));
      }
      if (Result<void> done = visit_({directory->fd, name, status}); !done) return done;
      if (S_ISDIR(status.st_mode)) give({joinPath(directory->path, name), nullptr, ""});
    }
    return {};
  }

  const Fd& root_;
  int threads_;
  const std::atomic<bool>& stop_;
  const std::function<Result<void>(const TreeEntry&)>& visit_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;
  int idle_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<void> walkTree(const Fd& root, int threads, const std::atomic<bool>& stop,
                      const std::function<Result<void>(const TreeEntry&)>& visit) {
  return Walker(root, threads, stop, visit).walk();
}

}  // namespace cubelet
