// FakeTree: a kernel's cgroup file system in memory. For tests.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/cgroups/tree.h"

namespace cubelet::cgroups {

// Files appear with their directory, values are kept as they are written, and a directory with processes or children
// cannot be removed.
class FakeTree final : public Tree {
 public:
  enum class Version { kV1, kV2 };
  explicit FakeTree(Version version = Version::kV2) : v2_(version == Version::kV2) {
    if (v2_) {
      addDirectory("");
      files_["/cgroup.controllers"] = "cpuset cpu io memory hugetlb pids\n";
      return;
    }
    directories_.insert("");
    for (const char* mount : {"cpu,cpuacct", "cpuset", "memory", "pids", "hugetlb", "devices", "systemd"})
      addDirectory("/" + std::string(mount));
    files_["/cpuset/cpuset.cpus"] = "0-3\n";
    files_["/cpuset/cpuset.mems"] = "0\n";
  }

  // For the test.
  void setReadOnly(bool readOnly) { readOnly_ = readOnly; }
  // A file with what the kernel counts; its directory appears with it.
  void put(const std::string& path, const std::string& content) {
    const std::string file = clean(path);
    for (std::size_t slash = file.find('/', 1); slash != std::string::npos; slash = file.find('/', slash + 1))
      if (!has(file.substr(0, slash))) addDirectory(file.substr(0, slash));
    files_[file] = content;
  }
  void addProcess(const std::string& path, int pid) { processes_[pid] = path; }
  // A killed process stays until this many removals of its directory have failed.
  void setSlowDeath(int tries) { slowDeath_ = tries; }
  void removeController(const std::string& mount) {
    directories_.erase("/" + mount);
    std::erase_if(files_, [&](const auto& file) { return file.first.starts_with("/" + mount + "/"); });
  }
  void failWrites(const std::string& file, std::optional<Error> error) { writeError_ = {file, std::move(error)}; }
  // A file that the kernel writes; its directory must be there.
  void setContent(const std::string& path, const std::string& content) { files_[path] = content; }
  std::string content(const std::string& path) const {
    auto file = files_.find(path);
    return file == files_.end() ? "(no such file)" : file->second;
  }
  bool has(const std::string& path) const { return directories_.contains(path); }
  std::size_t processes() const { return processes_.size(); }
  std::set<int> killed() const { return dying_; }
  std::size_t writes() const { return writes_; }
  // What was asked of the kernel so far: files opened to be kept, readings of those, and listings.
  std::size_t opens() const { return opens_; }
  std::size_t reads() const { return reads_; }
  std::size_t listings() const { return listings_; }
  std::size_t openFiles() const { return openFiles_; }

  Result<bool> isDirectory(const std::string& path) override { return has(clean(path)); }
  Result<std::vector<std::string>> directories(const std::string& path) override {
    const std::string directory = clean(path);
    ++listings_;
    if (!has(directory)) return fail(Code::kNotFound, "", "no directory " + directory);
    std::vector<std::string> names;
    for (const std::string& other : directories_)
      if (other.starts_with(directory + "/") && other.find('/', directory.size() + 1) == std::string::npos)
        names.push_back(other.substr(directory.size() + 1));
    return names;
  }
  Result<void> makeDirectory(const std::string& path) override {
    const std::string directory = clean(path);
    if (has(directory)) return {};
    if (readOnly_) return fail(Code::kInternal, "", "make " + directory + ": Read-only file system");
    if (!has(parent(directory))) return fail(Code::kNotFound, "", "make " + directory + ": no such directory");
    addDirectory(directory);
    return {};
  }
  Result<void> removeDirectory(const std::string& path) override {
    const std::string directory = clean(path);
    if (!has(directory)) return {};
    if (readOnly_) return fail(Code::kInternal, "", "remove " + directory + ": Read-only file system");
    std::erase_if(processes_, [&](const auto& entry) { return dying_.contains(entry.first) && slowDeath_ == 0; });
    const auto isIn = [&](const auto& process) { return process.second == directory; };
    const bool inUse = std::ranges::any_of(processes_, isIn);
    const bool dies =
        std::ranges::any_of(processes_, [&](const auto& one) { return isIn(one) && dying_.contains(one.first); });
    if (dies && slowDeath_ > 0) --slowDeath_;
    if (inUse || !directories(directory)->empty())
      return fail(Code::kUnavailable, "", "remove " + directory + ": Device or resource busy");
    directories_.erase(directory);
    ++removals_[directory];
    std::erase_if(files_, [&](const auto& file) { return parent(file.first) == directory; });
    return {};
  }
  Result<std::string> read(const std::string& path) override {
    const std::string file = clean(path);
    if (!files_.contains(file)) return fail(Code::kNotFound, "", "no file " + file);
    if (file.ends_with("/cgroup.procs")) {
      std::string list;
      for (const auto& [pid, directory] : processes_)
        if (directory == parent(file)) list += std::to_string(pid) + "\n";
      return list;
    }
    return files_[file];
  }
  Result<std::unique_ptr<OpenFile>> open(const std::string& path) override {
    const std::string file = clean(path);
    ++opens_;
    if (!files_.contains(file)) return fail(Code::kNotFound, "", "no file " + file);
    return std::make_unique<Opened>(*this, file);
  }
  Result<void> write(const std::string& path, const std::string& content) override {
    const std::string file = clean(path);
    if (!files_.contains(file)) return fail(Code::kNotFound, "", "no file " + file);
    if (readOnly_) return fail(Code::kInternal, "", "write " + file + ": Read-only file system");
    if (writeError_.second && file.ends_with(writeError_.first)) return fail(*writeError_.second);
    ++writes_;
    if (file.ends_with("/cgroup.kill")) {
      for (const auto& [pid, directory] : processes_)
        if (directory == parent(file) || directory.starts_with(parent(file) + "/")) dying_.insert(pid);
    } else if (file.ends_with("/cgroup.subtree_control")) {
      files_[file] += (files_[file].empty() ? "" : " ") + content.substr(1);
    } else {
      files_[file] = content;
    }
    return {};
  }
  Result<void> kill(int pid) override {
    dying_.insert(pid);
    return {};
  }

 private:
  // Speaks of the directory that was there when it was opened. Must not outlive the tree.
  class Opened final : public OpenFile {
   public:
    Opened(FakeTree& tree, std::string path)
        : tree_(tree), path_(std::move(path)), removals_(tree.removals_[parent(path_)]) {
      ++tree_.openFiles_;
    }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ~Opened() override { --tree_.openFiles_; }
    std::optional<std::string_view> read(std::string& buffer) override {
      ++tree_.reads_;
      if (tree_.removals_[parent(path_)] != removals_) return std::nullopt;
      Result<std::string> content = tree_.read(path_);
      if (!content) return std::nullopt;
      buffer = std::move(*content);
      return buffer;
    }

   private:
    FakeTree& tree_;
    const std::string path_;
    const int removals_;
  };

  static std::string clean(const std::string& path) {
    std::string out;
    for (char c : path)
      if (c != '/' || !out.ends_with('/')) out += c;
    while (out.ends_with('/')) out.pop_back();
    return out;
  }
  static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

  void addDirectory(const std::string& directory) {
    directories_.insert(directory);
    auto file = [&](const std::string& name, const std::string& content = "") {
      files_[directory + "/" + name] = content;
    };
    file("cgroup.procs");
    const std::string mount = v2_ ? "" : directory.substr(1, directory.find('/', 1) - 1);
    if (v2_) {
      for (const char* name : {"cgroup.kill", "cgroup.subtree_control", "cpu.weight", "cpu.max", "memory.max",
                               "pids.max", "hugetlb.2MB.max"})
        file(name);
      const std::string above = parent(directory) + "/cgroup.subtree_control";
      file("cgroup.controllers", directory.empty() ? "" : files_[above]);
    }
    if (mount == "cpu,cpuacct")
      for (const char* name : {"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"}) file(name);
    if (mount == "memory") file("memory.limit_in_bytes");
    if (mount == "pids") file("pids.max");
    if (mount == "hugetlb") file("hugetlb.2MB.limit_in_bytes");
    if (mount == "cpuset") {
      file("cpuset.cpus", "\n");
      file("cpuset.mems", "\n");
    }
  }

  const bool v2_;
  bool readOnly_ = false;
  int slowDeath_ = 0;
  std::set<std::string> directories_;
  std::map<std::string, std::string> files_;
  std::map<int, std::string> processes_;
  std::set<int> dying_;
  std::pair<std::string, std::optional<Error>> writeError_;
  std::size_t writes_ = 0;
  std::map<std::string, int> removals_;  // of each directory
  std::size_t opens_ = 0;
  std::size_t reads_ = 0;
  std::size_t listings_ = 0;
  std::size_t openFiles_ = 0;
};

}  // namespace cubelet::cgroups
