#include "base/project_quota.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace cubelet {
namespace {

constexpr int kProjectQuota = 2;  // PRJQUOTA of linux/quota.h, which does not go together with sys/quota.h
constexpr std::size_t kMostNames = std::size_t{1} << 20;

class KernelProjects final : public ProjectCalls {
 public:
  Result<Project> projectOf(int directory) override {
    struct fsxattr attributes = {};
    if (::ioctl(directory, FS_IOC_FSGETXATTR, &attributes) != 0)
      return fail(errnoError(errno, "ask for the project of a directory"));
    return Project{.id = attributes.fsx_projid, .inherited = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0};
  }

  Result<void> setProject(int directory, Project project) override {
    struct fsxattr attributes = {};
    if (::ioctl(directory, FS_IOC_FSGETXATTR, &attributes) != 0)
      return fail(errnoError(errno, "ask for the project of a directory"));
    attributes.fsx_projid = project.id;
    attributes.fsx_xflags &= ~std::uint32_t{FS_XFLAG_PROJINHERIT};
    if (project.inherited) attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    if (::ioctl(directory, FS_IOC_FSSETXATTR, &attributes) != 0)
      return fail(errnoError(errno, "make a directory part of project " + std::to_string(project.id)));
    return {};
  }

  Result<DiskUsage> usageOf(int directory, std::uint32_t project) override {
    struct dqblk quota = {};
    if (::syscall(SYS_quotactl_fd, directory, QCMD(Q_GETQUOTA, kProjectQuota), project, &quota) == 0)
      return DiskUsage{.bytes = static_cast<std::int64_t>(quota.dqb_curspace),
                       .inodes = static_cast<std::int64_t>(quota.dqb_curinodes)};
    // XFS says so of a project that has never had anything.
    if (errno == ENOENT) return DiskUsage();
    return fail(errnoError(errno, "ask for the usage of project " + std::to_string(project)));
  }
};

struct Place {
  ProjectCalls::Project project;
  bool ours = false;
};

// A project that the directory around it has, too, was not made for this one: the agent's root may lie in a volume of
// another agent.
Result<Place> placeOf(int directory, ProjectCalls& calls) {
  const Result<ProjectCalls::Project> project = calls.projectOf(directory);
  if (!project) return fail(project.error());
  Place place{.project = *project};
  if (!project->inherited || project->id < kFirstProject || project->id > kLastProject) return place;
  const Fd parent(::openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return fail(errnoError(errno, "open the directory around one"));
  const Result<ProjectCalls::Project> around = calls.projectOf(parent.get());
  place.ours = !around || around->id != project->id;
  return place;
}

// Each is tried by one caller only: two that look for a free one at the same time do not find the same.
std::uint32_t nextProject() {
  static std::atomic<std::uint32_t> next = 0;
  return kFirstProject + next++ % (kLastProject - kFirstProject + 1);
}

Result<std::uint32_t> freeProject(int directory, const std::set<std::uint32_t>& taken, ProjectCalls& calls) {
  for (std::uint32_t tries = kFirstProject; tries <= kLastProject; ++tries) {
    const std::uint32_t id = nextProject();
    if (taken.contains(id)) continue;
    const Result<DiskUsage> usage = calls.usageOf(directory, id);
    if (!usage) return fail(usage.error());
    if (*usage == DiskUsage()) return id;
  }
  return fail(Code::kExhausted, "", "every project from " + std::to_string(kFirstProject) + " on is in use");
}

Result<Fd> openForProject(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(errnoError(errno, "open " + directory));
  return fd;
}

void addNumber(std::string_view text, std::set<std::uint32_t>& into) {
  std::uint32_t id = 0;
  const char* end = text.data() + text.size();
  if (auto [last, error] = std::from_chars(text.data(), end, id); error == std::errc() && last == end) into.insert(id);
}

template <class Take>
void forEachLine(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (!line.starts_with('#') && colon != std::string_view::npos) take(line, colon);
  }
}

}  // namespace

ProjectCalls& kernelProjects() {
  static KernelProjects kernel;
  return kernel;
}

Result<bool> makeProject(const std::string& directory, const std::set<std::uint32_t>& taken, ProjectCalls& calls) {
  const Result<Fd> fd = openForProject(directory);
  if (!fd) return fail(fd.error());
  const Result<Place> place = placeOf(fd->get(), calls);
  if (!place) return fail(place.error());
  if (place->ours) return true;
  if (place->project.id != 0) return false;
  Result<std::vector<std::string>> names = listDirectory(*fd, directory);
  if (!names) return fail(names.error());
  if (!names->empty()) return false;
  const Result<std::uint32_t> id = freeProject(fd->get(), taken, calls);
  if (!id) return fail(id.error());
  const ProjectCalls::Project project{.id = *id, .inherited = true};
  if (Result<void> made = calls.setProject(fd->get(), project); !made) return fail(made.error());
  // A container that uses the directory already may have made a file just before that, which nobody would count.
  names = listDirectory(*fd, directory);
  if (names && names->empty()) return true;
  if (Result<void> undone = calls.setProject(fd->get(), {}); !undone) return fail(undone.error());
  return false;
}

Result<DiskUsage> projectUsage(const std::string& directory, ProjectCalls& calls) {
  const Result<Fd> fd = openForProject(directory);
  if (!fd) return fail(fd.error());
  const Result<Place> place = placeOf(fd->get(), calls);
  if (!place) return fail(place.error());
  if (!place->ours) return fail(Code::kNotFound, "", directory + " is not counted as a project");
  return calls.usageOf(fd->get(), place->project.id);
}

std::set<std::uint32_t> namedProjects(std::string_view projects, std::string_view projid) {
  std::set<std::uint32_t> named;
  forEachLine(projects, [&](std::string_view line, std::size_t colon) { addNumber(line.substr(0, colon), named); });
  forEachLine(projid, [&](std::string_view line, std::size_t colon) { addNumber(line.substr(colon + 1), named); });
  return named;
}

std::set<std::uint32_t> namedProjects() {
  return namedProjects(readFile("/etc/projects", kMostNames).value_or(""),
                       readFile("/etc/projid", kMostNames).value_or(""));
}

}  // namespace cubelet
