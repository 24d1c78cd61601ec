#include "kubelet/devices/checkpoint_file.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::devices {
namespace {

constexpr std::size_t kMaxCheckpoint = std::size_t{16} << 20;
constexpr mode_t kFileMode = 0600;
// As good as without an end: see the class.
constexpr Duration kHoweverLong = std::chrono::hours(24 * 365);

}  // namespace

CheckpointFile::CheckpointFile(Services services, std::string path, std::function<std::string()> content)
    : services_(services), path_(std::move(path)), content_(std::move(content)), tasks_(services.loop) {}

Result<std::string> CheckpointFile::read() {
  Result<std::string> text = readFile(path_, kMaxCheckpoint);
  if (text) onDisk_ = *text;
  return text;
}

void CheckpointFile::saveSoon() {
  if (!writing_ && content_() == onDisk_) return;
  ++asked_;
  if (!std::exchange(writing_, true)) tasks_.spawn("checkpoint of devices", write());
}

Task<void> CheckpointFile::write() {
  while (answered_ < asked_) {
    const std::uint64_t ask = asked_;
    std::string text = content_();
    outcome_ = Result<void>();
    if (text != onDisk_) outcome_ = co_await writeOnce(std::move(text));
    answered_ = ask;
    if (!outcome_ && waiting_.empty()) log::error("cannot save", {{"error", outcome_.error().message}});
    for (Wake& one : waiting_) one.ring();
  }
  writing_ = false;
}

Task<Result<void>> CheckpointFile::writeOnce(std::string text) {
  onDisk_.clear();
  std::function<Result<void>()> job = [path = path_, text] { return writeFileAtomic(path, text, kFileMode); };
  auto call = services_.pool.run<void>("note allocated devices", kHoweverLong, std::move(job));
  Result<void> done = co_await std::move(call);
  if (done) onDisk_ = std::move(text);
  co_return done;
}

// False: it takes too long.
Task<bool> CheckpointFile::written(std::uint64_t ask) {
  struct Seat {
    Seat(std::list<Wake>& all, Clock& clock) : waiting(all), wake(all.emplace(all.end(), clock)) {}
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat() { waiting.erase(wake); }
    std::list<Wake>& waiting;
    std::list<Wake>::iterator wake;
  };
  const Seat seat(waiting_, services_.clock);
  const TimePoint until = services_.clock.now() + kPatience;
  while (answered_ < ask) {
    const bool rung = co_await seat.wake->waitUntil(until);
    if (!rung) co_return false;
  }
  co_return true;
}

Task<Result<void>> CheckpointFile::save() {
  saveSoon();
  if (!writing_) co_return Result<void>();
  const bool inTime = co_await written(asked_);
  if (!inTime) co_return fail(Code::kTimedOut, "", "note allocated devices: the disk does not answer");
  if (!outcome_) co_return fail(outcome_.error().within("note allocated devices"));
  co_return Result<void>();
}

Task<void> CheckpointFile::close() {
  if (writing_) static_cast<void>(co_await written(asked_));
  co_await tasks_.close();
}

}  // namespace cubelet::devices
