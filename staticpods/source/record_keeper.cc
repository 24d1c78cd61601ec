#include "staticpods/source/record_keeper.h"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"

namespace cubelet::staticpods {
namespace {

constexpr Duration kDeadline = std::chrono::seconds(30);

struct Restored {
  Record record;
  std::vector<core::Pod> pods;
};

struct RestoredAll {
  std::vector<Restored> manifests;
  std::vector<std::string> warnings;
};

Result<RestoredAll> readRecords(const RecordStore& store, const ManifestOptions& options) {
  auto loaded = store.load();
  if (!loaded) return fail(loaded.error());
  RestoredAll all{{}, std::move(loaded->warnings)};
  for (Record& record : loaded->records) {
    Manifest manifest = parseManifest(record.file, record.text, options);
    if (manifest.valid())
      all.manifests.push_back({std::move(record), std::move(manifest.pods)});
    else
      all.warnings.push_back("no longer valid: " + manifest.problemTexts(record.file).front());
  }
  return all;
}

// Goes on after a failure; answers the first one.
Result<void> writeRecords(const RecordStore& store, const ManifestSet::RecordChanges& changes) {
  Result<void> first;
  for (const std::string& file : changes.remove)
    if (auto removed = store.remove(file); !removed && first) first = removed;
  for (const Record& record : changes.save)
    if (auto saved = store.save(record); !saved && first) first = saved;
  return first;
}

}  // namespace

RecordKeeper::RecordKeeper(BlockingPool& pool, Clock& clock, std::string directory, ManifestOptions options)
    : pool_(pool), clock_(clock), directory_(std::move(directory)), options_(std::move(options)) {}

Task<void> RecordKeeper::restore(ManifestSet* set) {
  if (directory_.empty()) co_return;
  ManifestOptions options = options_;
  options.seen = clock_.wallNow();
  std::function<Result<RestoredAll>()> job = [store = RecordStore(directory_), options] {
    return readRecords(store, options);
  };
  Result<RestoredAll> all = co_await pool_.run<RestoredAll>("read the last good manifests", kDeadline, job);
  if (!all) {
    log::warning("last good manifests cannot be read", {{"error", all.error().message}});
    co_return;
  }
  for (const std::string& warning : all->warnings) log::warning("last good manifest dropped", {{"error", warning}});
  for (Restored& restored : all->manifests) set->restore(std::move(restored.record), std::move(restored.pods));
}

Task<void> RecordKeeper::save(ManifestSet* set) {
  auto changes = std::make_shared<ManifestSet::RecordChanges>(set->takeRecordChanges());
  if (directory_.empty() || (changes->save.empty() && changes->remove.empty())) co_return;
  std::function<Result<void>()> job = [store = RecordStore(directory_), changes] {
    return writeRecords(store, *changes);
  };
  Result<void> saved = co_await pool_.run<void>("keep the last good manifests", kDeadline, job);
  if (!saved) log::warning("last good manifests cannot be kept", {{"error", saved.error().message}});
}

}  // namespace cubelet::staticpods
