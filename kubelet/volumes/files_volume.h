// What configMap, secret, downwardAPI and projected volumes have in common (CMS-1 to CMS-3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

enum class Backing {
  kDisk,
  kMemory,  // a tmpfs: what is in it never reaches a disk
};

// A directory below the pod's, with files that are replaced all at once. Derived classes say which files.
class FilesVolume : public VolumeType {
 public:
  bool hasFiles() const final { return true; }
  // Writes request.files. Mount points of other volumes that a container wants inside this one are made, too: the
  // volume is read-only for containers, so that no runtime could (VOL-10).
  Result<std::string> setUp(const VolumeRequest& request) const final;
  Relabel relabels(const VolumeRequest&) const final { return Relabel::kAlways; }

 protected:
  FilesVolume(const char* plugin, Backing backing) : plugin_(plugin), backing_(backing) {}

 private:
  const char* plugin_;  // "kubernetes.io/secret"
  Backing backing_;
};

// Error of a type that needs the API server on a node without one.
std::unexpected<Error> noApiServer(std::string_view object);

// Several problems as one, as upstream joins their messages: "[a, b]". `errors` is not empty.
Error joined(const std::vector<Error>& errors);

// The object as its type's *Files function wants it: null when it does not exist and need not.
Task<Result<objects::ConfigMapPtr>> findConfigMap(objects::Objects* objects, std::string ns, std::string name,
                                                  bool optional);
Task<Result<objects::SecretPtr>> findSecret(objects::Objects* objects, std::string ns, std::string name, bool optional);

// Directories below `volume`'s own where containers of the pod mount other volumes, sorted. Of mount points inside each
// other only the outermost. Pure.
std::vector<std::string> nestedMountPoints(const core::Pod& pod, std::string_view volume);

}  // namespace cubelet::volumes
