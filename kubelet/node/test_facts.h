// A node that lacks nothing, for tests.
#pragma once

#include "kubelet/node/node_status.h"

namespace cubelet::node {

inline constexpr TimePoint kNow{std::chrono::hours(1)};
inline const WallTime kWallNow{std::chrono::seconds(1'800'000'000)};

inline NodeSettings testSettings() {
  NodeSettings settings;
  settings.addresses.nodeName = "n1";
  settings.kubeletVersion = "v1.36.0";
  settings.dataDirectory = "/";
  return settings;
}

inline MachineFacts testMachine() {
  MachineFacts machine;
  machine.cpus = 4;
  machine.memoryBytes = 16LL << 30;
  machine.storageBytes = 100LL << 30;
  machine.machineId = "machine-1";
  machine.systemUuid = "uuid-1";
  machine.bootId = "boot-1";
  machine.kernelVersion = "6.1.0";
  machine.osImage = "Debian GNU/Linux 12 (bookworm)";
  machine.operatingSystem = "linux";
  machine.architecture = "amd64";
  return machine;
}

inline HostNetwork testNetwork() {
  HostNetwork network;
  network.interfaces = {{"eth0", true, false, parseNodeIps("10.0.0.5,fd00::5")}};
  network.defaultRoutesV4 = {"eth0"};
  network.defaultRoutesV6 = {"eth0"};
  return network;
}

inline RuntimeFacts testRuntime() {
  RuntimeFacts runtime;
  runtime.name = "containerd";
  runtime.version = "1.6.20";
  runtime.readyAt = kNow;
  runtime.pictureComplete = true;
  runtime.images.emplace();
  return runtime;
}

inline NodeFacts testFacts() {
  NodeFacts facts;
  facts.machine = testMachine();
  facts.network = testNetwork();
  facts.runtime = testRuntime();
  return facts;
}

}  // namespace cubelet::node
