// How the driver is started.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cubelet::hostpath {

struct Options {
  std::string name = "hostpath.csi.cubelet.test";
  std::string nodeId = "node";
  std::string endpoint;                   // socket of the CSI services
  std::string registration;               // socket of the registration service; empty: none
  std::string stateDir;                   // volumes and their data; survives restarts
  std::string faults;                     // file with faults to come (faults.h); empty: none
  std::vector<std::string> volumes;       // handles of volumes that are there from the beginning: directories
  std::vector<std::string> blockVolumes;  // the same: image files
  std::int64_t volumeSize = std::int64_t{64} << 20;  // of these; one that exists grows on its next NodeExpandVolume
  std::int64_t maxVolumes = 0;
  std::int64_t maxCapacity = std::int64_t{1} << 40;  // of all volumes
  bool attach = true;                                // PUBLISH_UNPUBLISH_VOLUME
  bool stage = true;                                 // STAGE_UNSTAGE_VOLUME
  bool mountGroup = false;                           // VOLUME_MOUNT_GROUP
};

}  // namespace cubelet::hostpath
