#include "kubelet/sync/user_namespace.h"

#include <set>
#include <vector>

#include "base/files.h"

namespace cubelet::sync {
namespace {

constexpr std::size_t kMaxRecord = 4096;
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kRecordMode = 0600;

Result<podconfig::IdRange> readRecord(const std::string& path) {
  Result<std::string> text = readFile(path, kMaxRecord);
  if (!text) return fail(text.error());
  Result<podconfig::IdRange> range = podconfig::fromRecord(*text);
  if (!range) return fail(range.error().within(path));
  return range;
}

// What all pods with a record have. One that cannot be read must not be given away a second time.
Result<std::set<std::uint32_t>> takenRanges(const layout::Directories& dirs) {
  const std::string pods = joinPath(dirs.root, "pods");
  Result<std::vector<std::string>> uids = listDirectory(pods);
  if (!uids && uids.error().code == Code::kNotFound) return std::set<std::uint32_t>();
  if (!uids) return fail(uids.error());
  std::set<std::uint32_t> taken;
  for (const std::string& uid : *uids) {
    Result<podconfig::IdRange> range = readRecord(layout::userNamespaceFile(dirs, uid));
    if (range)
      taken.insert(range->first);
    else if (range.error().code != Code::kNotFound)
      return fail(range.error());
  }
  return taken;
}

}  // namespace

Result<podconfig::IdRange> userNamespaceOf(const layout::Directories& dirs, const std::string& uid,
                                           const podconfig::IdPool& pool) {
  const std::string path = layout::userNamespaceFile(dirs, uid);
  Result<podconfig::IdRange> known = readRecord(path);
  if (known || known.error().code != Code::kNotFound) return known;
  Result<std::set<std::uint32_t>> taken = takenRanges(dirs);
  if (!taken) return fail(taken.error());
  Result<podconfig::IdRange> range = podconfig::freeRange(pool, *taken);
  if (!range) return fail(range.error());
  if (Result<void> made = makeDirectories(layout::podDirectory(dirs, uid), kDirectoryMode); !made)
    return fail(made.error());
  if (Result<void> saved = writeFileAtomic(path, podconfig::toRecord(*range), kRecordMode); !saved)
    return fail(saved.error());
  return range;
}

}  // namespace cubelet::sync
