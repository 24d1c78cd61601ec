#include "kubelet/cgroups/cgroup_files.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unistd.h>

#include "kubelet/cgroups/value_files.h"

namespace cubelet::cgroups {
namespace {

// What pods need of v2, as far as the machine has it (RES-6).
constexpr std::string_view kControllers[] = {"cpu", "cpuset", "memory", "pids", "hugetlb"};

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::vector<std::string> splitAtCommas(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) out.push_back(part);
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

// 0 for what is no number.
std::int64_t numberOf(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "/a/b" -> {"/a", "/a/b"}
std::vector<std::string> levels(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    out.push_back(path.substr(0, slash));
    if (slash == std::string::npos) return out;
  }
}

std::string parentOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

bool CgroupFiles::Hierarchy::has(std::string_view controller) const {
  return contains(controllers, controller);
}

bool CgroupFiles::Hierarchy::isNeeded() const {
  return has("cpu") || has("memory") || has("pids");
}

Result<CgroupFiles> CgroupFiles::find(Tree& tree) {
  CgroupFiles files(tree);
  if (Result<std::string> controllers = tree.read("/cgroup.controllers"); controllers) {
    files.v2_ = true;
    files.hierarchies_.push_back({"", words(*controllers)});
  } else {
    Result<std::vector<std::string>> mounts = tree.directories("/");
    if (!mounts) return fail(mounts.error());
    for (const std::string& mount : *mounts) {
      // Without it the directory is no mounted hierarchy.
      if (Result<std::string> procs = tree.read("/" + mount + "/cgroup.procs"); !procs) continue;
      files.hierarchies_.push_back({"/" + mount, splitAtCommas(mount)});
    }
  }
  for (const char* needed : {"cpu", "memory"})
    if (std::ranges::none_of(files.hierarchies_, [&](const Hierarchy& one) { return one.has(needed); }))
      return fail(Code::kUnavailable, "",
                  "the cgroup file system has no " + std::string(needed) +
                      " controller: mount cgroups at /sys/fs/cgroup, and switch the controller on in the kernel");
  return files;
}

Result<void> CgroupFiles::make(const std::string& path) {
  for (const Hierarchy& hierarchy : hierarchies_) {
    Result<void> made = makeIn(hierarchy, path);
    if (!made && hierarchy.isNeeded()) return made;
  }
  return {};
}

Result<void> CgroupFiles::makeIn(const Hierarchy& hierarchy, const std::string& path) {
  Result<bool> done = makeLast(hierarchy, path);
  if (!done) return fail(done.error());
  if (*done) return {};
  if (v2_)
    if (Result<void> enabled = enableControllers(""); !enabled) return enabled;
  for (const std::string& level : levels(path)) {
    const std::string directory = hierarchy.mount + level;
    if (Result<void> made = tree_->makeDirectory(directory); !made) return made;
    if (v2_ && level != path)
      if (Result<void> enabled = enableControllers(directory); !enabled) return enabled;
    if (!v2_ && hierarchy.has("cpuset"))
      if (Result<void> inherited = inheritCpuset(directory); !inherited) return inherited;
  }
  return {};
}

// Most often all above it is there and as it should be: then this is all. False: each level has to be looked at.
Result<bool> CgroupFiles::makeLast(const Hierarchy& hierarchy, const std::string& path) {
  if (!v2_ && hierarchy.has("cpuset")) return false;  // its values come down level by level
  Result<void> made = tree_->makeDirectory(hierarchy.mount + path);
  if (!made && made.error().code == Code::kNotFound) return false;
  if (!made) return fail(made.error());
  if (!v2_) return true;
  Result<std::string> has = tree_->read(path + "/cgroup.controllers");
  if (!has) return fail(has.error());
  const std::vector<std::string> controllers = words(*has);
  return std::ranges::all_of(kControllers, [&](std::string_view controller) {
    return contains(controllers, controller) || !hierarchy.has(controller);
  });
}

// In cgroup.subtree_control of `path`, for the cgroups in it.
Result<void> CgroupFiles::enableControllers(const std::string& path) {
  Result<std::string> available = tree_->read(path + "/cgroup.controllers");
  if (!available) return fail(available.error());
  const std::string file = path + "/cgroup.subtree_control";
  Result<std::string> enabled = tree_->read(file);
  if (!enabled) return fail(enabled.error());
  const std::vector<std::string> has = words(*available);
  const std::vector<std::string> on = words(*enabled);
  for (std::string_view controller : kControllers) {
    if (!contains(has, controller) || contains(on, controller)) continue;
    Result<void> written = tree_->write(file, "+" + std::string(controller));
    if (!written)
      return fail(written.error().within("switch the " + std::string(controller) +
                                         " controller on (move processes of " + (path.empty() ? "/" : path) +
                                         " into a cgroup below it if there are any)"));
  }
  return {};
}

// A new cgroup of v1 has no processors and no memory nodes, and takes no process before it has.
Result<void> CgroupFiles::inheritCpuset(const std::string& path) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    Result<std::string> own = tree_->read(path + file);
    if (!own) return fail(own.error());
    if (!words(*own).empty()) continue;
    Result<std::string> above = tree_->read(parentOf(path) + file);
    if (!above) return fail(above.error());
    if (words(*above).empty()) continue;
    if (Result<void> written = tree_->write(path + file, words(*above).front()); !written) return written;
  }
  return {};
}

Result<void> CgroupFiles::write(const std::string& path, const Values& values) {
  for (const FileValue& value : v2_ ? filesV2(values) : filesV1(values)) {
    auto hierarchy =
        std::ranges::find_if(hierarchies_, [&](const Hierarchy& one) { return one.has(value.controller); });
    if (hierarchy == hierarchies_.end()) continue;
    Result<void> written = tree_->write(hierarchy->mount + path + "/" + value.file, value.content);
    if (!written) return written;
  }
  return {};
}

Result<bool> CgroupFiles::exists(const std::string& path) {
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.has("cpu") && !hierarchy.has("memory")) continue;
    Result<bool> there = tree_->isDirectory(hierarchy.mount + path);
    if (!there || !*there) return there;
  }
  return true;
}

Result<std::vector<std::string>> CgroupFiles::children(const std::string& path) {
  std::vector<std::string> all;
  for (const Hierarchy& hierarchy : hierarchies_) {
    Result<std::vector<std::string>> here = tree_->directories(hierarchy.mount + path);
    if (!here && here.error().code == Code::kNotFound) continue;
    if (!here) return here;
    all.insert(all.end(), here->begin(), here->end());
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

// With v2 all files lie in one place, those of controllers that are off simply are not there.
Result<const CgroupFiles::Hierarchy*> CgroupFiles::hierarchyOf(std::string_view controller) const {
  if (v2_) return &hierarchies_.front();
  auto found = std::ranges::find_if(hierarchies_, [&](const Hierarchy& one) { return one.has(controller); });
  if (found == hierarchies_.end())
    return fail(Code::kNotFound, "", "this machine has no cgroup controller " + std::string(controller));
  return &*found;
}

Result<std::string> CgroupFiles::read(std::string_view controller, const std::string& path, const std::string& file) {
  Result<const Hierarchy*> hierarchy = hierarchyOf(controller);
  if (!hierarchy) return fail(hierarchy.error());
  return tree_->read((*hierarchy)->mount + path + "/" + file);
}

Result<std::unique_ptr<OpenFile>> CgroupFiles::open(std::string_view controller, const std::string& path,
                                                    const std::string& file) {
  Result<const Hierarchy*> hierarchy = hierarchyOf(controller);
  if (!hierarchy) return fail(hierarchy.error());
  return tree_->open((*hierarchy)->mount + path + "/" + file);
}

Result<std::vector<std::string>> CgroupFiles::children(std::string_view controller, const std::string& path) {
  Result<const Hierarchy*> hierarchy = hierarchyOf(controller);
  if (!hierarchy) return fail(hierarchy.error());
  return tree_->directories((*hierarchy)->mount + path);
}

Result<std::int64_t> CgroupFiles::memoryInUse(const std::string& path) {
  const auto memory = std::ranges::find_if(hierarchies_, [](const Hierarchy& one) { return one.has("memory"); });
  const std::string directory = memory->mount + path;  // find() insists on one
  Result<std::string> usage = tree_->read(directory + (v2_ ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!usage) return fail(usage.error());
  Result<std::string> stat = tree_->read(directory + "/memory.stat");
  if (!stat) return fail(stat.error());
  const std::vector<std::string> used = words(*usage);
  const std::vector<std::string> fields = words(*stat);
  const auto idle = std::ranges::find(fields, v2_ ? "inactive_file" : "total_inactive_file");
  const bool known = idle != fields.end() && idle + 1 != fields.end();
  const std::int64_t total = used.empty() ? 0 : numberOf(used.front());
  return std::max<std::int64_t>(total - (known ? numberOf(*(idle + 1)) : 0), 0);
}

Result<std::int64_t> CgroupFiles::processesIn(const std::string& path) {
  const auto pids = std::ranges::find_if(hierarchies_, [](const Hierarchy& one) { return one.has("pids"); });
  if (pids == hierarchies_.end()) return fail(Code::kNotFound, "", "the cgroup file system has no pids controller");
  Result<std::string> current = tree_->read(pids->mount + path + "/pids.current");
  if (!current) return fail(current.error());
  return numberOf(*current);
}

Result<void> CgroupFiles::killAll(const std::string& path) {
  for (const Hierarchy& hierarchy : hierarchies_) {
    const std::string directory = hierarchy.mount + path;
    // One write for the whole tree, with kernels that have it (v2, Linux 5.14).
    if (v2_ && tree_->write(directory + "/cgroup.kill", "1")) continue;
    if (Result<void> killed = killIn(directory); !killed) return killed;
  }
  return {};
}

Result<void> CgroupFiles::killIn(const std::string& path) {
  Result<std::vector<std::string>> below = tree_->directories(path);
  if (!below && below.error().code == Code::kNotFound) return {};
  if (!below) return fail(below.error());
  for (const std::string& child : *below)
    if (Result<void> killed = killIn(path + "/" + child); !killed) return killed;
  Result<std::string> procs = tree_->read(path + "/cgroup.procs");
  if (!procs && procs.error().code == Code::kNotFound) return {};
  if (!procs) return fail(procs.error());
  for (const std::string& word : words(*procs)) {
    int pid = 0;
    std::from_chars(word.data(), word.data() + word.size(), pid);
    // 0 is a process of another PID namespace: kill() would take it for our own group.
    if (pid <= 1 || pid == ::getpid()) continue;
    if (Result<void> killed = tree_->kill(pid); !killed) return killed;
  }
  return {};
}

// Most often nothing is left in it, or it is not there at all.
Result<void> CgroupFiles::remove(const std::string& path) {
  std::vector<const Hierarchy*> inUse;
  for (const Hierarchy& hierarchy : hierarchies_) {
    Result<void> removed = tree_->removeDirectory(hierarchy.mount + path);
    if (!removed && removed.error().code != Code::kUnavailable) return removed;
    if (!removed) inUse.push_back(&hierarchy);
  }
  if (inUse.empty()) return {};
  if (Result<void> killed = killAll(path); !killed) return killed;
  for (const Hierarchy* hierarchy : inUse)
    if (Result<void> removed = removeIn(hierarchy->mount + path); !removed) return removed;
  return {};
}

Result<void> CgroupFiles::removeIn(const std::string& path) {
  Result<std::vector<std::string>> below = tree_->directories(path);
  if (!below && below.error().code == Code::kNotFound) return {};
  if (!below) return fail(below.error());
  for (const std::string& child : *below)
    if (Result<void> removed = removeIn(path + "/" + child); !removed) return removed;
  return tree_->removeDirectory(path);
}

}  // namespace cubelet::cgroups
