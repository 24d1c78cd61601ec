#include "staticpods/source/scan.h"

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <system_error>
#include <time.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/hash.h"

namespace cubelet::staticpods {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{10} * 1024 * 1024;  // STA-1
constexpr std::int64_t kSecond = 1'000'000'000;
// File times move in steps of up to 10 ms: a file may change twice within one and look the same.
constexpr std::int64_t kTimeStep = 100'000'000;

std::string errorText(int error) {
  return std::generic_category().message(error);
}

std::int64_t nanos(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

FileIdentity identityOf(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = nanos(status.st_mtim),
          .changed = nanos(status.st_ctim)};
}

bool isSettled(const FileIdentity& identity) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return identity.changed < nanos(now) - kTimeStep;
}

// A read lease is refused while anybody has the file open for writing (fcntl(2)), so this also finds a writer that
// began before us. Where leases are not supported the answer is no.
bool isBeingWritten(const Fd& file) {
  // Should the lease be broken in the moment it is held, the signal must be one that is ignored by default.
  if (::fcntl(file.get(), F_SETSIG, SIGURG) != 0) return false;
  if (::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return false;
}

std::string hashOf(std::string_view text) {
  Fnv1a128 hash;
  hash.add(text);
  return hash.hex();
}

FoundFile unusable(std::string problem) {
  FoundFile found;
  found.state = FoundFile::State::kUnusable;
  found.problem = std::move(problem);
  return found;
}

FoundFile unchanged(KnownFile known) {
  FoundFile found;
  found.state = FoundFile::State::kUnchanged;
  found.known = std::move(known);
  return found;
}

FoundFile beingWritten(const FileIdentity& identity) {
  FoundFile found;
  found.state = FoundFile::State::kBeingWritten;
  found.known.identity = identity;
  return found;
}

class Scanner {
 public:
  explicit Scanner(const ScanRequest& request) : request_(request), watches_(request.inotify) {}

  Scan run() {
    // Watch first, then look. If the path led elsewhere in between, the watch is in the wrong place: once more.
    Trail trail = followPath(request_.path);
    for (int tries = 0; tries < 3; ++tries) {
      watches_.addTrail(trail);
      if (trail.isDirectory) watches_.addDirectory(trail.target);
      const std::string before = std::exchange(trail, followPath(request_.path)).target;
      if (trail.target == before) break;
    }
    look(trail);
    scan_.blindness = watches_.blindness();
    scan_.watches = watches_.takeEntries();
    return std::move(scan_);
  }

 private:
  void look(const Trail& trail) {
    if (trail.target.empty()) return missing(trail.error);
    if (trail.isDirectory) return lookAtDirectory();
    scan_.place = Scan::Place::kFile;
    addFile(request_.path);
  }

  void missing(int error) {
    struct stat status{};
    const bool present = ::lstat(request_.path.c_str(), &status) == 0;
    const bool absent = !present && error == ENOENT;
    scan_.place = absent ? Scan::Place::kMissing : Scan::Place::kUnusable;
    scan_.problem =
        request_.path + ": " + (present && error == ENOENT ? "a link that leads nowhere" : errorText(error));
    const std::size_t slash = request_.path.rfind('/');
    scan_.parentExists = ::stat(slash == 0 ? "/" : request_.path.substr(0, slash).c_str(), &status) == 0;
  }

  void lookAtDirectory() {
    auto names = listDirectory(request_.path);
    if (!names) {
      scan_.place = Scan::Place::kUnusable;
      scan_.problem = request_.path + ": " + names.error().message;
      return;
    }
    scan_.place = Scan::Place::kDirectory;
    for (const std::string& name : *names)
      if (!name.starts_with('.')) addFile(joinPath(request_.path, name));
    // A listing that takes several reads may miss a file that is being replaced; a look-up does not.
    for (const std::string& path : request_.inEffect)
      if (path.starts_with(request_.path + "/") && !scan_.files.contains(path)) addFile(path);
  }

  void addFile(const std::string& path) {
    if (auto found = lookAtFile(path)) scan_.files.emplace(path, std::move(*found));
  }

  // Nothing for what is to be left out.
  std::optional<FoundFile> lookAtFile(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) return std::nullopt;  // went between the listing and now: an event follows
      return unusable(path + ": " + errorText(errno));
    }
    if (S_ISLNK(status.st_mode)) {
      const Trail trail = followPath(path);
      watches_.addTrail(trail);
      if (::stat(path.c_str(), &status) != 0)
        return unusable(path + ": " + (errno == ENOENT ? "a link that leads nowhere" : errorText(errno)));
    }
    if (S_ISDIR(status.st_mode)) {
      if (!request_.inEffect.contains(path)) return std::nullopt;
      return unusable(path + ": a directory stands in place of the file");
    }
    if (!S_ISREG(status.st_mode)) return unusable(path + ": not a regular file");
    return read(path, identityOf(status));
  }

  FoundFile read(const std::string& path, const FileIdentity& identity) {
    const auto entry = request_.known.find(path);
    const KnownFile* before = entry == request_.known.end() ? nullptr : &entry->second;
    if (before != nullptr && before->settled && before->identity == identity) return unchanged(*before);

    const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return unusable(path + ": " + errorText(errno));
    const bool mayBePartial = !request_.readWhileWritten.contains(path);
    if (mayBePartial && isBeingWritten(file)) return beingWritten(identity);
    auto text = readAll(file, path, kMaxFileBytes);
    if (!text) return unusable(path + ": " + text.error().message);

    // A writer that came after the check shows in the times.
    struct stat after{};
    if (::fstat(file.get(), &after) != 0) return unusable(path + ": " + errorText(errno));
    if (mayBePartial && identityOf(after) != identity) return beingWritten(identityOf(after));

    KnownFile known{identity, isSettled(identity), hashOf(*text)};
    if (before != nullptr && before->textHash == known.textHash) return unchanged(std::move(known));
    FoundFile found;
    found.state = FoundFile::State::kRead;
    found.known = std::move(known);
    if (request_.manifest) found.manifest = parseManifest(path, *text, *request_.manifest);
    found.text = std::move(*text);
    return found;
  }

  const ScanRequest& request_;
  Watches watches_;
  Scan scan_;
};

}  // namespace

Scan scanManifests(const ScanRequest& request) {
  return Scanner(request).run();
}

}  // namespace cubelet::staticpods
