// Usage of a directory that its file system keeps by itself: as a project of ext4 or XFS with project quota. Asking for
// it takes three system calls, however many files there are.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/disk_usage.h"
#include "base/result.h"

namespace cubelet {

// The projects that the agent gives to directories, upstream's first among them. Administrators begin at 1.
inline constexpr std::uint32_t kFirstProject = 1048577;
inline constexpr std::uint32_t kLastProject = 2097152;

// What the kernel has to do with it; tests have their own. `directory` is an open one. Any thread.
class ProjectCalls {
 public:
  struct Project {
    std::uint32_t id = 0;    // 0: none
    bool inherited = false;  // by everything that is made in the directory
    friend bool operator==(const Project&, const Project&) = default;
  };
  virtual ~ProjectCalls() = default;
  // An Error: its file system knows no projects.
  virtual Result<Project> projectOf(int directory) = 0;
  // Of the directory itself: what is in it stays as it is.
  virtual Result<void> setProject(int directory, Project project) = 0;
  // An Error: nobody counts there, or the agent must not know.
  virtual Result<DiskUsage> usageOf(int directory, std::uint32_t project) = 0;
};

// This machine's kernel (5.14 or newer).
ProjectCalls& kernelProjects();

// Makes an empty directory a project of its own, without a limit, unless it is one already; all that is made in it from
// now on is counted. `taken`: projects that belong to somebody else. False: it is not empty, or lies in somebody else's
// project, whose limits must go on counting for it. The directory itself is the only record; the project is free again
// when the last of its files has gone. An Error: nobody counts there. Blocks.
Result<bool> makeProject(const std::string& directory, const std::set<std::uint32_t>& taken, ProjectCalls& calls);

// What makeProject() has had counted: as a walk would find it, and files that are still open after their removal.
// kNotFound: it was not made a project. Whoever may change projects of files, which is everybody outside of user
// namespaces, may add to the sum with files of their own, but not take away from it. Blocks.
Result<DiskUsage> projectUsage(const std::string& directory, ProjectCalls& calls);

// The projects that an administrator has named, from the contents of /etc/projects (id:path) and /etc/projid (name:id).
// Pure.
std::set<std::uint32_t> namedProjects(std::string_view projects, std::string_view projid);
// Of this machine.
std::set<std::uint32_t> namedProjects();

}  // namespace cubelet
