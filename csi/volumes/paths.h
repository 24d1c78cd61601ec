// Where CSI volumes lie on disk: exactly as upstream's kubelet has them, so that either agent finds the other's. Pure.
// CSI-6, CSI-12, surface 2.5.
#pragma once

#include <string>
#include <string_view>

namespace cubelet::csi {

// 64 lower-case hex digits.
std::string sha256Hex(std::string_view text);

// <root>/plugins/kubernetes.io/csi/<driver>/<sha256 of the handle>; vol_data.json and globalmount lie in it.
std::string stagingDirectory(const std::string& root, const std::string& driver, const std::string& handle);
std::string stagingPath(const std::string& root, const std::string& driver, const std::string& handle);
// <root>/pods/<uid>/volumes/kubernetes.io~csi/<name>; vol_data.json and mount lie in it.
std::string publishDirectory(const std::string& root, const std::string& podUid, const std::string& name);
std::string publishPath(const std::string& root, const std::string& podUid, const std::string& name);

// Of raw block volumes.
std::string blockStagingPath(const std::string& root, const std::string& name);
std::string blockPublishPath(const std::string& root, const std::string& name, const std::string& podUid);
std::string blockDataDirectory(const std::string& root, const std::string& name);
// Where a device is bound once more, and the link in the pod's directory that leads to it.
std::string deviceMapPath(const std::string& root, const std::string& name, const std::string& podUid);
std::string deviceLinkPath(const std::string& root, const std::string& podUid, const std::string& name);

// Where mounts of CSI volumes are, by their paths.
bool isStagingPath(const std::string& root, std::string_view path);
// The UID of the pod that has a volume there, as a directory or as a device; empty: it is no such place.
std::string podOfPath(const std::string& root, std::string_view path);

// The handle of an inline volume.
std::string ephemeralHandle(std::string_view podUid, std::string_view volume);
// The name of the VolumeAttachment.
std::string attachmentName(std::string_view handle, std::string_view driver, std::string_view node);
// "kubernetes.io/csi/<driver>^<handle>": in volumesInUse and volumesAttached.
std::string uniqueName(std::string_view driver, std::string_view handle);

}  // namespace cubelet::csi
