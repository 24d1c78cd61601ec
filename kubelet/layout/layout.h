// Where things lie on disk: the upstream kubelet's layout, so that either agent can take over from the other. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cubelet::layout {

struct Directories {
  std::string root = "/var/lib/kubelet";                  // --root-dir
  std::string podLogs = "/var/log/pods";                  // podLogsDir
  std::string containerLogLinks = "/var/log/containers";  // links that log collectors follow
};

// <root>/pods/<uid>
std::string podDirectory(const Directories& dirs, std::string_view uid);
// <root>/pods/<uid>/etc-hosts: what all its containers see as /etc/hosts (NET-1)
std::string podHostsFile(const Directories& dirs, std::string_view uid);
// <root>/pods/<uid>/userns: which ids of the host the pod has (SEC-14)
std::string userNamespaceFile(const Directories& dirs, std::string_view uid);
// <root>/pods/<uid>/resources: what the pod was granted, and what its containers have of it (RSZ-1)
std::string podResourcesFile(const Directories& dirs, std::string_view uid);
// <root>/pods/<uid>/volumes/<plugin with / as ~>/<volume>
std::string volumeDirectory(const Directories& dirs, std::string_view uid, std::string_view plugin,
                            std::string_view volume);
// <root>/pods/<uid>/volume-subpaths
std::string subPathsDirectory(const Directories& dirs, std::string_view uid);
// <root>/pods/<uid>/volume-subpaths/<volume>/<container>/<index of the mount>: what a subPath is bind mounted to
// (VOL-4)
std::string subPathTarget(const Directories& dirs, std::string_view uid, std::string_view volume,
                          std::string_view container, int index);
// <root>/pods/<uid>/containers/<container>
std::string containerDirectory(const Directories& dirs, std::string_view uid, std::string_view container);

// <podLogs>/<ns>_<name>_<uid> (LOG-1)
std::string podLogDirectory(const Directories& dirs, std::string_view ns, std::string_view name, std::string_view uid);
// "<container>/<restart count>.log", relative to podLogDirectory
std::string containerLogFile(std::string_view container, std::uint32_t attempt);
// <containerLogLinks>/<pod>_<ns>_<container>-<id>.log; the name is cut to 255 bytes
std::string containerLogLink(const Directories& dirs, std::string_view pod, std::string_view ns,
                             std::string_view container, std::string_view containerId);

// <root>/device-plugins: sockets of device plug-ins and the kubelet's own, and which container has which devices
std::string devicePluginsDirectory(const Directories& dirs);

// <root>/pod-resources: the socket where others ask which pods have which devices
std::string podResourcesSocketDirectory(const Directories& dirs);

// <root>/cubelet: records that only cubelet reads.
std::string ownStateDirectory(const Directories& dirs);

}  // namespace cubelet::layout
