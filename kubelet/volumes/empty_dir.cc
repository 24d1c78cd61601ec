#include "kubelet/volumes/empty_dir.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/project_quota.h"
#include "kubelet/api/project_volume.h"
#include "kubelet/api/quantity.h"
#include "kubelet/volumes/mounts.h"

namespace cubelet::volumes {
namespace {

constexpr mode_t kPodDirectoryMode = 0750;
constexpr mode_t kOpenMode = 0777;
constexpr mode_t kAllModeBits = 07777;

std::int64_t memoryLimit(const google::protobuf::Map<std::string, k8s::meta::v1::Quantity>& limits) {
  auto limit = limits.find("memory");
  return limit == limits.end() ? 0 : api::quantityValue(limit->second.string()).value_or(0);
}

// The sum of the containers' limits, or 0 when one has none.
std::int64_t sumOfLimits(const core::Pod& pod) {
  std::int64_t sum = 0;
  for (const core::Container& container : pod.spec().containers()) {
    const std::int64_t limit = memoryLimit(container.resources().limits());
    if (limit == 0) return 0;
    sum += limit;
  }
  return sum;
}

std::string pageSizeOption(const core::Pod& pod, const std::string& medium) {
  constexpr std::string_view kPrefix = "HugePages-";
  if (medium.starts_with(kPrefix)) return "pagesize=" + medium.substr(kPrefix.size());
  // Plain HugePages: the one size that the pod requests.
  for (const core::Container& container : pod.spec().containers())
    for (const auto& [name, quantity] : container.resources().limits())
      if (name.starts_with("hugepages-")) return "pagesize=" + name.substr(std::string_view("hugepages-").size());
  return "";
}

// Without noswap the content could reach a disk after all; kernels before 6.4 do not know the option.
Result<void> mountMemory(const std::string& path, std::int64_t size) {
  const std::string options = size > 0 ? "size=" + std::to_string(size) : "";
  Result<void> mounted = mountFileSystem("tmpfs", path, options.empty() ? "noswap" : options + ",noswap");
  if (mounted || mounted.error().code != Code::kInvalid) return mounted;
  return mountFileSystem("tmpfs", path, options);
}

Result<void> mountMedium(const VolumeRequest& request, const core::EmptyDirVolumeSource& source,
                         const std::string& path) {
  if (source.medium().empty()) return {};
  Result<bool> mounted = isMountPoint(path);
  if (!mounted) return fail(mounted.error());
  if (*mounted) return {};
  if (source.medium() == "Memory") return mountMemory(path, memoryVolumeSize(request.pod, source, request.nodeMemory));
  std::string pageSize = pageSizeOption(request.pod, source.medium());
  if (pageSize.empty())
    return fail(Code::kInvalid, "", "medium " + source.medium() + " needs a huge page size among the pod's limits");
  // The API writes 2Mi, hugetlbfs reads 2M.
  if (pageSize.ends_with("i")) pageSize.pop_back();
  return mountFileSystem("hugetlbfs", path, pageSize);
}

// Compares first: a chmod that changes nothing would still wake whoever watches the directory.
Result<void> setOwner(const core::Pod& pod, const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return fail(errnoError(errno, "look at " + path));
  mode_t mode = kOpenMode;
  if (pod.spec().securitycontext().has_fsgroup()) {
    const auto group = static_cast<gid_t>(pod.spec().securitycontext().fsgroup());
    if (info.st_gid != group && ::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0)
      return fail(errnoError(errno, "give " + path + " to group " + std::to_string(group)));
    mode |= S_ISGID;
  }
  if ((info.st_mode & kAllModeBits) != mode && ::chmod(path.c_str(), mode) != 0)
    return fail(errnoError(errno, "set the mode of " + path));
  return {};
}

}  // namespace

std::int64_t memoryVolumeSize(const core::Pod& pod, const core::EmptyDirVolumeSource& source, std::int64_t nodeMemory) {
  std::int64_t ofPod = memoryLimit(pod.spec().resources().limits());
  if (ofPod == 0) ofPod = sumOfLimits(pod);
  const std::int64_t own = source.has_sizelimit() ? api::quantityValue(source.sizelimit().string()).value_or(0) : 0;
  std::int64_t size = 0;
  for (const std::int64_t limit : {nodeMemory, ofPod, own})
    if (limit > 0) size = size > 0 ? std::min(size, limit) : limit;
  return size;
}

Result<std::string> makeVolumeDirectory(const VolumeRequest& request, const std::string& plugin,
                                        const core::EmptyDirVolumeSource& source) {
  std::string path = layout::volumeDirectory(request.dirs, request.pod.metadata().uid(), plugin, request.volume.name());
  if (Result<void> made = makeDirectories(path, kPodDirectoryMode); !made) return fail(made.error());
  if (Result<void> mounted = mountMedium(request, source, path); !mounted) return fail(mounted.error());
  if (Result<void> owned = setOwner(request.pod, path); !owned) return fail(owned.error());
  return path;
}

Result<std::string> EmptyDir::setUp(const VolumeRequest& request) const {
  const core::VolumeSource& source = request.volume.volumesource();
  Result<std::string> path = makeVolumeDirectory(request, "kubernetes.io/empty-dir", source.emptydir());
  // Where the file system cannot count, a walk does.
  if (path && request.projectQuotas && api::mayBeProject(request.pod.spec(), source))
    (void)makeProject(*path, namedProjects(), kernelProjects());
  return path;
}

}  // namespace cubelet::volumes
