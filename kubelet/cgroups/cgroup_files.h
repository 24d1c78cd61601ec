// CgroupFiles: one cgroup in every hierarchy of the machine at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/cgroups/tree.h"
#include "kubelet/cgroups/values.h"

namespace cubelet::cgroups {

// With cgroup v2 there is one hierarchy, with v1 one for each controller, and sometimes an empty v2 beside them. The
// runtime makes its containers' cgroups in all of them, so all are made and removed here too. Any thread, one call at a
// time. Paths begin with a slash.
class CgroupFiles {
 public:
  // kUnavailable: there is no usable cgroup file system; the message says what to do.
  static Result<CgroupFiles> find(Tree& tree);

  bool isV2() const { return v2_; }

  // With everything above it; with v2 its controllers are switched on in all of that.
  Result<void> make(const std::string& path);
  // Values whose controller the machine does not have are left out.
  Result<void> write(const std::string& path, const Values& values);
  // Where limits are kept: a cgroup that the runtime has made for itself in some other hierarchy does not count.
  Result<bool> exists(const std::string& path);
  // Names of the cgroups in it; empty when there is none.
  Result<std::vector<std::string>> children(const std::string& path);
  // What a file of it says; with v1, of the hierarchy that `controller` is in. kNotFound: no such cgroup, file or
  // controller.
  Result<std::string> read(std::string_view controller, const std::string& path, const std::string& file);
  // The same, to be read more than once.
  Result<std::unique_ptr<OpenFile>> open(std::string_view controller, const std::string& path, const std::string& file);
  // Names of the cgroups in it, in that hierarchy alone. kNotFound as above.
  Result<std::vector<std::string>> children(std::string_view controller, const std::string& path);
  // The working set: usage without file pages that nobody has touched for a while.
  Result<std::int64_t> memoryInUse(const std::string& path);
  // Processes and threads in it and below. kNotFound: this machine does not count them.
  Result<std::int64_t> processesIn(const std::string& path);
  // Ends every process in it and below.
  Result<void> killAll(const std::string& path);
  // With everything below it. kUnavailable: processes are still in it; those that were killed take their moment.
  Result<void> remove(const std::string& path);

 private:
  struct Hierarchy {
    std::string mount;  // "" with v2
    std::vector<std::string> controllers;
    bool has(std::string_view controller) const;
    bool isNeeded() const;  // without a cgroup there a pod has no limits
  };
  explicit CgroupFiles(Tree& tree) : tree_(&tree) {}

  Result<const Hierarchy*> hierarchyOf(std::string_view controller) const;
  Result<void> makeIn(const Hierarchy& hierarchy, const std::string& path);
  Result<bool> makeLast(const Hierarchy& hierarchy, const std::string& path);
  Result<void> enableControllers(const std::string& path);
  Result<void> inheritCpuset(const std::string& path);
  Result<void> killIn(const std::string& path);
  Result<void> removeIn(const std::string& path);

  Tree* tree_;
  bool v2_ = false;
  std::vector<Hierarchy> hierarchies_;
};

}  // namespace cubelet::cgroups
