#include "kubelet/sync/termination_message.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "kubelet/logs/cri_log.h"
#include "kubelet/observe/from_cri.h"

namespace cubelet::sync {
namespace {

constexpr std::size_t kMaxFile = 4096;
constexpr std::size_t kMaxFromLog = 2048;
constexpr std::size_t kMaxLogLines = 80;
constexpr std::size_t kMaxPod = std::size_t{12} * 1024;
// Enough for the bytes wanted, even when the runtime has put its prefix before each single one.
constexpr std::size_t kLogEnd = std::size_t{128} * 1024;
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0666;
constexpr int kNameTries = 16;

std::string randomName() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string name(8, '0');
  for (char& digit : name) digit = kDigits[random() % 16];
  return name;
}

struct FileEnd {
  std::string text;
  bool cut = false;  // there is more before it
};

// The last bytes of a regular file. A link is an error: the program has a hand in what lies there.
Result<FileEnd> readEnd(const std::string& path, std::size_t maxBytes) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return fail(errnoError(errno, "open " + path));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(errnoError(errno, "read " + path));
  if (!S_ISREG(status.st_mode)) return fail(Code::kInvalid, "", path + " is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  FileEnd end;
  end.cut = size > maxBytes;
  end.text.resize(std::min(size, maxBytes));
  std::size_t have = 0;
  while (have < end.text.size()) {
    const ssize_t n = ::pread(file.get(), end.text.data() + have, end.text.size() - have,
                              static_cast<off_t>(size - end.text.size() + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "read " + path));
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  end.text.resize(have);
  return end;
}

std::string annotation(const observe::ObservedContainer& container, const char* key) {
  auto it = container.annotations.find(key);
  return it == container.annotations.end() ? std::string() : it->second;
}

// A program that never ran has no log.
bool mayUseLog(const observe::ObservedContainer& container) {
  return annotation(container, observe::kMessagePolicyAnnotation) == "FallbackToLogsOnError" &&
         container.exitCode != 0 && container.reason != "ContainerCannotRun" && container.reason != "StartError";
}

std::string logPathOf(const layout::Directories& dirs, const observe::ObservedPod& pod,
                      const observe::ObservedContainer& container) {
  if (!container.logPath.empty()) return container.logPath;
  return joinPath(layout::podLogDirectory(dirs, pod.ns, pod.name, pod.uid),
                  layout::containerLogFile(container.name, container.attempt));
}

// The runtime's own account of an exit comes a little later than the exit; by then its log is complete, too.
std::string stateOf(const observe::ObservedContainer& container) {
  return std::to_string(observe::toUnixNanos(container.startedAt)) + "/" +
         std::to_string(observe::toUnixNanos(container.finishedAt)) + "/" + container.reason + "/" + container.logPath;
}

}  // namespace

Result<std::string> makeTerminationMessageFile(const layout::Directories& dirs, const std::string& uid,
                                               const std::string& container) {
  const std::string directory = layout::containerDirectory(dirs, uid, container);
  if (Result<void> made = makeDirectories(directory, kDirectoryMode); !made) return fail(made.error());
  for (int left = kNameTries; left > 0; --left) {
    std::string path = joinPath(directory, randomName());
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (!file && errno == EEXIST) continue;
    if (!file) return fail(errnoError(errno, "create " + path));
    if (::fchmod(file.get(), kFileMode) != 0) return fail(errnoError(errno, "create " + path));  // whatever the umask
    return path;
  }
  return fail(Code::kInternal, "", "no free name for a termination message in " + directory);
}

std::string ownTerminationMessageFile(const layout::Directories& dirs, const std::string& uid,
                                      const observe::ObservedContainer& container) {
  const std::string& file = container.terminationMessageFile;
  const std::string directory = layout::containerDirectory(dirs, uid, container.name) + "/";
  if (uid.empty() || container.name.empty() || !file.starts_with(directory)) return "";
  const std::string name = file.substr(directory.size());
  const bool isHex = name.find_first_not_of("0123456789abcdef") == std::string::npos;
  return name.size() == 8 && isHex ? file : "";
}

std::string lastLogLines(std::string_view logEnd, bool cut) {
  if (cut) logEnd.remove_prefix(std::min(logEnd.size(), logEnd.find('\n') + 1));
  std::string text;
  logs::LogFormatter formatter{logs::LogFormat()};
  formatter.add(logEnd, text);
  std::size_t begin = text.size();
  for (std::size_t lines = 0; begin > 0; --begin) {
    const bool startsLine = begin < text.size() && text[begin - 1] == '\n';
    if (startsLine && ++lines == kMaxLogLines) break;
  }
  text.erase(0, begin);
  if (text.size() > kMaxFromLog) text.erase(0, text.size() - kMaxFromLog);
  return text;
}

std::string TerminationMessages::read(const observe::ObservedPod& pod,
                                      const observe::ObservedContainer& container) const {
  const std::string path = ownTerminationMessageFile(dirs_, pod.uid, container);
  if (!path.empty()) {
    Result<FileEnd> file = readEnd(path, kMaxFile);
    if (!file && file.error().code != Code::kNotFound)
      return "Error on reading termination log " + path + ": " + file.error().message;
    if (file && !file->text.empty()) return file->text;
  }
  if (!mayUseLog(container)) return "";
  Result<FileEnd> log = readEnd(logPathOf(dirs_, pod, container), kLogEnd);
  if (!log) return "";  // the log is gone or was never made
  return lastLogLines(log->text, log->cut);
}

void TerminationMessages::addTo(observe::ObservedPod& pod, std::size_t containers) {
  const std::size_t share = kMaxPod / std::max<std::size_t>(containers, 1);
  std::map<std::string, Entry> present;
  for (observe::ObservedContainer& container : pod.containers) {
    if (container.state != observe::ContainerState::kExited) continue;
    Entry entry;
    if (auto known = known_.find(container.id); known != known_.end()) entry = std::move(known->second);
    if (std::string state = stateOf(container); entry.state != state) {
      entry.message = read(pod, container);
      entry.state = std::move(state);
    }
    if (!entry.message.empty()) container.message += container.message.empty() ? entry.message : ": " + entry.message;
    if (container.message.size() > share) container.message.resize(share);
    present.insert_or_assign(container.id, std::move(entry));
  }
  known_ = std::move(present);
}

}  // namespace cubelet::sync
