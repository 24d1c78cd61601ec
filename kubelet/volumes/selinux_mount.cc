#include "kubelet/volumes/selinux_mount.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

namespace cubelet::volumes {
namespace {

// user:role:type:level; a level may have colons itself.
std::string relabelled(const std::string& label, const core::SELinuxOptions& options) {
  std::array<std::string, 4> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? label.find(':', begin) : std::string::npos;
    parts.at(i) = label.substr(begin, end == std::string::npos ? end : end - begin);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  if (!options.user().empty()) parts[0] = options.user();
  parts[3] = options.level();
  return parts[0] + ":" + parts[1] + ":" + parts[2] + ":" + parts[3];
}

// Of all containers that mount the volume. One without a level has a label that only the runtime knows.
template <class C>
void addLabels(const C& container, const core::Pod& pod, const std::string& volume, const std::string& label,
               std::set<std::string>& labels) {
  const bool uses = std::ranges::any_of(container.volumemounts(),
                                        [&](const core::VolumeMount& mount) { return mount.name() == volume; });
  if (!uses) return;
  const core::SELinuxOptions& options = container.securitycontext().has_selinuxoptions()
                                            ? container.securitycontext().selinuxoptions()
                                            : pod.spec().securitycontext().selinuxoptions();
  labels.insert(options.level().empty() ? "" : relabelled(label, options));
}

}  // namespace

std::string fileLabelIn(std::string_view lxcContexts) {
  std::istringstream lines{std::string(lxcContexts)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_first_of(" \t="));
    const std::size_t open = line.find('"', equals);
    const std::size_t close = line.rfind('"');
    if (key == "file" && open != std::string::npos && close > open) return line.substr(open + 1, close - open - 1);
  }
  return "";
}

// The options of the superblock, which tell of labels, come last: "... - ext4 /dev/sda rw,seclabel". So do those of a
// mount with one label for all files, without that word.
bool keepsLabels(std::string_view mountInfo, std::string_view path) {
  constexpr std::string_view kOption = "seclabel";
  bool keeps = false;
  std::istringstream lines{std::string(mountInfo)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::string target;
    for (int i = 0; i < 5; ++i) words >> target;
    if (target != path) continue;
    while (words >> word) {
    }
    std::istringstream options(word);
    keeps = false;
    for (std::string option; std::getline(options, option, ',');) keeps = keeps || option == kOption;
  }
  return keeps;
}

Result<std::string> mountLabel(const core::Pod& pod, const std::string& volumeName,
                               const core::PersistentVolume& volume, const ::k8s::storage::v1::CSIDriver* driver,
                               const SelinuxHost& host) {
  if (host.fileLabel.empty() || driver == nullptr || !driver->spec().selinuxmount()) return "";
  const core::PersistentVolumeSpec& spec = volume.spec();
  if (spec.volumemode() == "Block" || spec.accessmodes_size() != 1) return "";
  if (!host.anyAccessMode && spec.accessmodes(0) != "ReadWriteOncePod") return "";
  if (pod.spec().securitycontext().selinuxchangepolicy() == "Recursive") return "";
  std::set<std::string> labels;
  for (const core::Container& one : pod.spec().initcontainers())
    addLabels(one, pod, volumeName, host.fileLabel, labels);
  for (const core::Container& one : pod.spec().containers()) addLabels(one, pod, volumeName, host.fileLabel, labels);
  if (labels.empty()) return "";
  if (labels.size() == 1) return *labels.begin();
  std::string all;
  for (const std::string& label : labels) all += (all.empty() ? "\"" : ", \"") + label + "\"";
  return fail(Code::kInvalid, "", "multiple SELinux labels found: " + all);
}

}  // namespace cubelet::volumes
