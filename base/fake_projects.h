// For tests: a file system that counts what the test says.
#pragma once

#include <cerrno>
#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>

#include "base/project_quota.h"

namespace cubelet {

struct FakeProjects final : ProjectCalls {
  static ino_t inodeOf(int directory) {
    struct stat status = {};
    ::fstat(directory, &status);
    return status.st_ino;
  }
  Result<Project> projectOf(int directory) override {
    if (!knowsProjects) return fail(errnoError(ENOTTY, "ask for the project"));
    return projects[inodeOf(directory)];
  }
  Result<void> setProject(int directory, Project project) override {
    projects[inodeOf(directory)] = project;
    if (!appears.empty()) std::ofstream(appears) << "x";
    usage[project.id].inodes += 1;
    return {};
  }
  Result<DiskUsage> usageOf(int /*directory*/, std::uint32_t project) override {
    if (!counts) return fail(errnoError(ESRCH, "ask for the usage"));
    ++asked;
    return usage[project];
  }

  bool knowsProjects = true;
  bool counts = true;
  std::string appears = {};  // a file that somebody makes when a project is set
  std::map<ino_t, Project> projects = {};
  std::map<std::uint32_t, DiskUsage> usage = {};
  int asked = 0;
};

}  // namespace cubelet
