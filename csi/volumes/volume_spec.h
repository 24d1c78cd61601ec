// What is to be mounted, and for whom. Data only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cubelet::csi {

using StringMap = std::map<std::string, std::string>;

// One volume, as its PersistentVolume or the pod's inline source describes it. Secrets live in memory only.
struct VolumeSpec {
  std::string driver;
  std::string handle;      // of an inline volume: ephemeralHandle()
  std::string name;        // of the PersistentVolume, or of the pod's inline volume
  bool block = false;      // volumeMode: Block
  bool ephemeral = false;  // inline
  std::string fsType;
  std::vector<std::string> mountOptions;
  std::string selinuxLabel;                  // one of mountOptions gives it to all files (CSI-14); empty: none does
  std::string accessMode = "ReadWriteOnce";  // the first of the PersistentVolume
  bool exclusive = false;                    // ReadWriteOncePod and nothing else: one pod at a time
  StringMap attributes;                      // volumeAttributes
  StringMap publishContext;                  // attachmentMetadata of the VolumeAttachment
  bool attachable = false;                   // it is attached to the node first, if somebody attaches volumes at all
  std::string attachmentId;                  // its name; empty: the volume is not attached
  StringMap stageSecrets;
  StringMap expandSecrets;
};

// The pod that uses it.
struct PodUse {
  std::string uid;
  std::string name;
  std::string ns;
  std::string serviceAccount;
  bool readOnly = false;
  bool podInfoOnMount = false;         // of the CSIDriver
  std::optional<std::string> fsGroup;  // handed to drivers with VOLUME_MOUNT_GROUP
  StringMap publishSecrets;
  std::string tokens;            // JSON for csi.storage.k8s.io/serviceAccount.tokens; empty: none are wanted
  bool tokensInSecrets = false;  // serviceAccountTokenInSecrets
};

}  // namespace cubelet::csi
