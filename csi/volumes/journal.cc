#include "csi/volumes/journal.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/half_written.h"
#include "base/hash.h"
#include "base/wake.h"
#include "csi/volumes/paths.h"

namespace cubelet::csi {
namespace {

constexpr std::size_t kLargestRecord = 1 << 20;
constexpr std::size_t kLargestJournal = 64 << 20;
constexpr std::string_view kPrefix = "journal.";
constexpr std::string_view kOneVolume = ".json";  // of agents that had one file per volume
constexpr std::size_t kChecksumLength = 32;

std::string checksum(std::string_view text) {
  Fnv1a128 sum;
  sum.add(text);
  return sum.hex();
}

bool isEmpty(const VolumeRecord& record) {
  return record.stage == StageState::kNone && record.pods.empty();
}

// Of journal.<n>; nothing for any other name.
std::optional<std::uint64_t> numberOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string journalLine(const VolumeRecord& record) {
  const std::string json = toJson(record);
  return checksum(json) + " " + json + "\n";
}

Result<VolumeRecord> readJournalLine(std::string_view line) {
  if (line.size() <= kChecksumLength || line[kChecksumLength] != ' ')
    return fail(Code::kInvalid, "", "no checksum and record");
  const std::string_view json = line.substr(kChecksumLength + 1);
  if (line.substr(0, kChecksumLength) != checksum(json)) return fail(Code::kInvalid, "", "the checksum differs");
  return readRecord(json);
}

// ---- Reading ----

std::string Journal::fileOf(std::uint64_t number) const {
  return joinPath(directory_, std::string(kPrefix) + std::to_string(number));
}

void Journal::keep(const VolumeRecord& record) {
  const std::string name = uniqueName(record.driver, record.handle);
  if (isEmpty(record))
    records_.erase(name);
  else
    records_[name] = record;
}

void Journal::loadLines(const std::string& path, std::vector<Error>& problems) {
  Result<std::string> text = readFile(path, kLargestJournal);
  if (!text) {
    problems.push_back(text.error().within("read the journal " + path));
    return;
  }
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    Result<VolumeRecord> record = readJournalLine(line);
    if (record)
      keep(*record);
    else if (!rest.empty())  // else it is one that was being written when the machine stopped: nobody has gone by it
      problems.push_back(record.error().within("read line " + std::to_string(number) + " of the journal " + path));
  }
}

Journal::Found Journal::load() {
  Found found;
  removeHalfWritten(directory_);
  Result<std::vector<std::string>> names = listDirectory(directory_);
  if (!names) {
    found.problems.push_back(names.error());
    return found;
  }
  std::vector<std::string> single;
  for (const std::string& name : *names) {
    if (const std::optional<std::uint64_t> number = numberOf(name)) {
      obsolete_.push_back(joinPath(directory_, name));
      number_ = std::max(number_, *number);
    } else if (name.ends_with(kOneVolume)) {
      single.push_back(joinPath(directory_, name));
    }
  }
  if (number_ > 0) loadLines(fileOf(number_), found.problems);
  if (!found.problems.empty()) std::erase(obsolete_, fileOf(number_));
  // They go once a journal has them. So an agent of that time has written what is here, since the last journal.
  for (const std::string& path : single) {
    Result<std::string> text = readFile(path, kLargestRecord);
    Result<VolumeRecord> record = text ? readRecord(*text) : Result<VolumeRecord>(fail(text.error()));
    if (!record) {
      found.problems.push_back(record.error().within("read the record " + path));
      continue;
    }
    keep(*record);
    obsolete_.push_back(path);
  }
  for (const auto& [name, record] : records_) found.records.push_back(record);
  return found;
}

// ---- Writing ----

// A place among those who wait; left on every way out.
class Journal::Seat {
 public:
  explicit Seat(std::list<Park>& seats) : seats_(seats), park_(seats.emplace(seats.end())) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { seats_.erase(park_); }
  Task<void> wait() { return park_->wait(); }

 private:
  std::list<Park>& seats_;
  std::list<Park>::iterator park_;
};

// One write at a time. One that is cancelled may still be under way when this ends.
class Journal::Turn {
 public:
  explicit Turn(Journal& journal) : journal_(journal) { journal_.writing_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    journal_.writing_ = false;
    if (!ended_) journal_.certain_ = false;
    for (Park& seat : journal_.seats_) seat.wake();
  }
  void end() { ended_ = true; }

 private:
  Journal& journal_;
  bool ended_ = false;
};

Journal::BatchPtr Journal::join(const std::string& line, Flush flush) {
  if (!next_) next_ = std::make_shared<Batch>();
  next_->lines += line;
  if (flush == Flush::kYes) next_->flush = Flush::kYes;
  return next_;
}

Task<Result<void>> Journal::note(VolumeRecord record, Flush flush) {
  if (isEmpty(record) && !records_.contains(uniqueName(record.driver, record.handle))) co_return Result<void>();
  keep(record);
  BatchPtr batch = join(journalLine(record), flush);
  while (!batch->done) {
    if (writing_) {
      Seat seat(seats_);
      co_await seat.wait();
      co_await throwIfCancelled();
      continue;
    }
    // Whoever wrote it was cancelled: all is written anew, this record too.
    if (batch != next_) batch = join("", flush);
    co_await writeNext();
  }
  co_return *batch->done;
}

Task<void> Journal::writeNext() {
  Turn turn(*this);
  BatchPtr batch = std::exchange(next_, nullptr);
  Result<void> done = fail(Code::kUnavailable, "", "not written");
  if (certain_ && (size_ <= room_ || size_ <= 4 * begun_)) done = co_await append(batch);
  if (!done) done = co_await writeAnew();
  batch->done = done;
  turn.end();
}

Task<Result<void>> Journal::append(BatchPtr batch) {
  const std::size_t length = batch->lines.size();
  auto call = host_.appendRecords(fileOf(number_), batch->lines, batch->flush);
  Result<void> done = co_await std::move(call);
  certain_ = done.has_value();
  size_ += length;
  co_return done;
}

Task<Result<void>> Journal::writeAnew() {
  certain_ = false;
  std::vector<std::string> obsolete = obsolete_;
  obsolete_.push_back(fileOf(number_ + 1));
  ++number_;
  std::string content;
  for (const auto& [name, record] : records_) content += journalLine(record);
  const std::size_t length = content.size();
  auto call = host_.replaceRecords(fileOf(number_), std::move(content), std::move(obsolete));
  Result<void> done = co_await std::move(call);
  if (!done) co_return done;
  certain_ = true;
  begun_ = size_ = length;
  obsolete_ = {fileOf(number_)};
  co_return done;
}

}  // namespace cubelet::csi
