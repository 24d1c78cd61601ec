// Volumes that are mounted with the SELinux label of their pod, instead of having each file relabelled (CSI-14). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/storage.pb.h"

namespace cubelet::volumes {

namespace core = ::k8s::core::v1;

// The host's SELinux, as mounts need it.
struct SelinuxHost {
  std::string fileLabel = {};  // of containers' files: "system_u:object_r:container_file_t:s0"; empty: there is none
  bool anyAccessMode = false;  // feature gate SELinuxMount; else only ReadWriteOncePod
  // Whether the file system that is mounted at a path keeps a label for each file. Blocks for reading a kernel file.
  // Null: none does, the host has no SELinux.
  std::function<Result<bool>(const std::string& path)> keepsLabels = nullptr;
  bool enabled() const { return keepsLabels != nullptr; }
};

// The file label in the policy's lxc_contexts; empty: it has none.
std::string fileLabelIn(std::string_view lxcContexts);

// The same for what is mounted last at `path`, from the text of /proc/self/mountinfo.
bool keepsLabels(std::string_view mountInfo, std::string_view path);

// The label that a CSI volume is mounted with; empty: with none, so its files are the runtime's to relabel. kInvalid:
// containers of the pod want different ones.
Result<std::string> mountLabel(const core::Pod& pod, const std::string& volumeName,
                               const core::PersistentVolume& volume, const ::k8s::storage::v1::CSIDriver* driver,
                               const SelinuxHost& host);

}  // namespace cubelet::volumes
