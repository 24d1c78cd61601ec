#include "kubelet/sync/hosts_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "kubelet/layout/layout.h"
#include "kubelet/podconfig/hosts_file.h"

namespace cubelet::sync {
namespace {

constexpr std::size_t kMaxHosts = std::size_t{1024} * 1024;
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0644;

Result<void> writeInPlace(const std::string& path, const std::string& content) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode));
  if (!file) return fail(errnoError(errno, "open " + path));
  if (Result<std::string> present = readAll(file, path, kMaxHosts); present && *present == content) return {};
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errnoError(errno, "write " + path));
    done += static_cast<std::size_t>(n);
  }
  // Last, so that nobody reads an empty file meanwhile.
  if (::ftruncate(file.get(), static_cast<off_t>(content.size())) != 0 || ::fchmod(file.get(), kFileMode) != 0)
    return fail(errnoError(errno, "write " + path));
  return {};
}

}  // namespace

Result<std::string> writeHostsFile(const ::k8s::core::v1::Pod& pod, const std::vector<std::string>& podIps,
                                   const podconfig::NodeFacts& node) {
  std::string nodeHosts;
  if (pod.spec().hostnetwork()) {
    Result<std::string> text = readFile(node.hostsFile, kMaxHosts);
    if (!text) return fail(text.error().within("the pod shares the node's hosts file"));
    nodeHosts = std::move(*text);
  }
  const std::string& uid = pod.metadata().uid();
  if (Result<void> made = makeDirectories(layout::podDirectory(node.dirs, uid), kDirectoryMode); !made)
    return fail(made.error());
  std::string path = layout::podHostsFile(node.dirs, uid);
  const std::string content = podconfig::hostsFile(pod, podIps, node.dns.clusterDomain, nodeHosts);
  if (Result<void> written = writeInPlace(path, content); !written) return fail(written.error());
  return path;
}

}  // namespace cubelet::sync
