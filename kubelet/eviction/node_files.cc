#include "kubelet/eviction/node_files.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/files.h"

namespace cubelet::eviction {
namespace {

constexpr std::size_t kMaxBytes = 65536;

std::optional<std::int64_t> numberIn(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

Result<std::int64_t> readNumber(const std::string& path) {
  Result<std::string> text = readFile(path, kMaxBytes);
  if (!text) return fail(text.error());
  const std::optional<std::int64_t> number = numberIn(*text);
  if (!number) return fail(Code::kInvalid, "", path + " holds no number");
  return *number;
}

// The number behind a word: "inactive_file 4096", "MemTotal:  2048 kB".
Result<std::int64_t> readField(const std::string& path, const std::string& field) {
  Result<std::string> text = readFile(path, kMaxBytes);
  if (!text) return fail(text.error());
  std::istringstream in(*text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    std::int64_t number = 0;
    if (words >> word >> number && word == field) return number;
  }
  return fail(Code::kInvalid, "", path + " has no field " + field);
}

// The root of v2 has no count of its own, but in a container the root is none.
Result<std::int64_t> usageOfV2(const std::string& cgroups) {
  Result<std::int64_t> current = readNumber(joinPath(cgroups, "memory.current"));
  if (current || current.error().code != Code::kNotFound) return current;
  const std::string stat = joinPath(cgroups, "memory.stat");
  Result<std::int64_t> anon = readField(stat, "anon");
  if (!anon) return anon;
  Result<std::int64_t> file = readField(stat, "file");
  if (!file) return file;
  return *anon + *file;
}

Result<std::int64_t> workingSet(const std::string& cgroups) {
  const bool v2 = readFile(joinPath(cgroups, "cgroup.controllers"), kMaxBytes).has_value();
  Result<std::int64_t> usage = v2 ? usageOfV2(cgroups) : readNumber(joinPath(cgroups, "memory/memory.usage_in_bytes"));
  if (!usage) return usage;
  Result<std::int64_t> idle = v2 ? readField(joinPath(cgroups, "memory.stat"), "inactive_file")
                                 : readField(joinPath(cgroups, "memory/memory.stat"), "total_inactive_file");
  if (!idle) return idle;
  return std::max<std::int64_t>(*usage - *idle, 0);
}

}  // namespace

Result<Reading> readMemory(const NodeFiles& files) {
  Result<std::int64_t> kibibytes = readField(joinPath(files.proc, "meminfo"), "MemTotal:");
  if (!kibibytes) return fail(kibibytes.error());
  Result<std::int64_t> used = workingSet(files.cgroups);
  if (!used) return fail(used.error());
  const std::int64_t capacity = *kibibytes * 1024;
  return Reading{.available = std::max<std::int64_t>(capacity - *used, 0), .capacity = capacity};
}

Result<Reading> readPids(const NodeFiles& files) {
  Result<std::int64_t> most = readNumber(joinPath(files.proc, "sys/kernel/pid_max"));
  if (!most) return fail(most.error());
  if (Result<std::int64_t> threads = readNumber(joinPath(files.proc, "sys/kernel/threads-max")); threads)
    most = std::min(*most, *threads);
  // "0.20 0.18 0.12 1/80 11206": running and existing tasks.
  const std::string path = joinPath(files.proc, "loadavg");
  Result<std::string> load = readFile(path, kMaxBytes);
  if (!load) return fail(load.error());
  const std::size_t slash = load->find('/');
  const std::optional<std::int64_t> tasks =
      slash == std::string::npos ? std::nullopt : numberIn(std::string_view(*load).substr(slash + 1));
  if (!tasks) return fail(Code::kInvalid, "", path + " does not tell the number of tasks");
  return Reading{.available = std::max<std::int64_t>(*most - *tasks, 0), .capacity = *most};
}

}  // namespace cubelet::eviction
