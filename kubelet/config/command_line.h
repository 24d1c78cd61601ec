// What can be said on the command line only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace cubelet::config {

struct CommandLine {
  // The caller answers these before anything else. version: "" not asked for, "true" the short line, "raw" all there
  // is.
  bool help = false;
  std::string version;

  std::string configFile;  // "": built-in defaults
  std::string configDir;   // "": no drop-ins

  // Empty kubeconfig: standalone, no API client at all.
  std::string kubeconfig;
  std::string bootstrapKubeconfig;
  std::string certDir;  // never empty after parsing: <rootDir>/pki

  std::string rootDir = "/var/lib/kubelet";
  std::string localSocket = "/run/cubelet/cubelet.sock";  // "": off
  std::string localObjects;                               // "": <staticPodPath>/../objects
  std::string lockFile;
  bool exitOnLockContention = false;  // needs lockFile

  std::string hostnameOverride;
  std::string nodeIp;  // one address, or an IPv4 and an IPv6 one with a comma between
  std::map<std::string, std::string> nodeLabels;
  std::string cloudProvider;  // "" or "external"

  std::string imageCredentialProviderConfig;
  std::string imageCredentialProviderBinDir;
  std::string runtimeCgroups;

  // Clean-up of dead containers.
  std::chrono::nanoseconds minimumContainerTtl{0};
  std::int32_t maximumDeadContainersPerContainer = 1;
  std::int32_t maximumDeadContainers = -1;  // negative: no limit
};

}  // namespace cubelet::config
