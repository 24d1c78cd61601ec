#include "csi/volumes/paths.h"

#include <array>
#include <openssl/evp.h>
#include <vector>

namespace cubelet::csi {
namespace {

std::string pluginDirectory(const std::string& root) {
  return root + "/plugins/kubernetes.io/csi";
}

// Upstream's escape of names that become part of a path.
std::string escaped(std::string name) {
  for (char& c : name)
    if (c == '/') c = '~';
  return name;
}

// The components of a path below `directory`; none when it is not there.
std::vector<std::string_view> partsBelow(const std::string& directory, std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.starts_with(directory + "/")) return parts;
  path.remove_prefix(directory.size() + 1);
  for (;;) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string sha256Hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

std::string stagingDirectory(const std::string& root, const std::string& driver, const std::string& handle) {
  return pluginDirectory(root) + "/" + driver + "/" + sha256Hex(handle);
}

std::string stagingPath(const std::string& root, const std::string& driver, const std::string& handle) {
  return stagingDirectory(root, driver, handle) + "/globalmount";
}

std::string publishDirectory(const std::string& root, const std::string& podUid, const std::string& name) {
  return root + "/pods/" + podUid + "/volumes/kubernetes.io~csi/" + escaped(name);
}

std::string publishPath(const std::string& root, const std::string& podUid, const std::string& name) {
  return publishDirectory(root, podUid, name) + "/mount";
}

std::string blockStagingPath(const std::string& root, const std::string& name) {
  return pluginDirectory(root) + "/volumeDevices/staging/" + escaped(name);
}

std::string blockPublishPath(const std::string& root, const std::string& name, const std::string& podUid) {
  return pluginDirectory(root) + "/volumeDevices/publish/" + escaped(name) + "/" + podUid;
}

std::string blockDataDirectory(const std::string& root, const std::string& name) {
  return pluginDirectory(root) + "/volumeDevices/" + escaped(name) + "/data";
}

std::string deviceMapPath(const std::string& root, const std::string& name, const std::string& podUid) {
  return pluginDirectory(root) + "/volumeDevices/" + escaped(name) + "/dev/" + podUid;
}

std::string deviceLinkPath(const std::string& root, const std::string& podUid, const std::string& name) {
  return root + "/pods/" + podUid + "/volumeDevices/kubernetes.io~csi/" + escaped(name);
}

bool isStagingPath(const std::string& root, std::string_view path) {
  const std::vector<std::string_view> parts = partsBelow(pluginDirectory(root), path);
  return parts.size() == 3 && parts[0] != "volumeDevices" && parts[2] == "globalmount";
}

std::string podOfPath(const std::string& root, std::string_view path) {
  const std::vector<std::string_view> parts = partsBelow(root + "/pods", path);
  if (parts.size() == 5 && parts[1] == "volumes" && parts[2] == "kubernetes.io~csi" && parts[4] == "mount")
    return std::string(parts[0]);
  const std::vector<std::string_view> device = partsBelow(pluginDirectory(root) + "/volumeDevices", path);
  const bool isDevice = device.size() == 3 && (device[0] == "publish" || device[1] == "dev");
  return isDevice ? std::string(device[2]) : "";
}

std::string ephemeralHandle(std::string_view podUid, std::string_view volume) {
  return "csi-" + sha256Hex(std::string(podUid).append(volume));
}

std::string attachmentName(std::string_view handle, std::string_view driver, std::string_view node) {
  return "csi-" + sha256Hex(std::string(handle).append(driver).append(node));
}

std::string uniqueName(std::string_view driver, std::string_view handle) {
  return std::string("kubernetes.io/csi/").append(driver).append("^").append(handle);
}

}  // namespace cubelet::csi
