#include "integration/harness/hostpath_driver.h"

#include <csignal>
#include <fstream>
#include <map>

#include "integration/harness/built.h"

namespace cubelet::integration {
namespace fs = std::filesystem;

void HostpathDriver::start(const std::vector<std::string>& more) {
  const fs::path own = node_.root() / "plugins/hostpath";
  const fs::path registry = node_.root() / "plugins_registry";
  fs::create_directories(own);
  fs::create_directories(registry);
  std::vector<std::string> words = {built::hostpathDriver(),
                                    "--endpoint=" + (own / "csi.sock").string(),
                                    "--registration=" + (registry / "hostpath.sock").string(),
                                    "--state-dir=" + state().string(),
                                    "--node-id=node1",
                                    "--faults=" + faults().string(),
                                    "--volume=disk",
                                    "--no-attach"};
  words.insert(words.end(), more.begin(), more.end());
  process_ = Process(words, (node_.dir() / "driver.log").string());
}

void HostpathDriver::kill() {
  if (!process_.running()) return;
  process_.signal(SIGKILL);
  process_.waitExit(std::chrono::seconds(10));
}

void HostpathDriver::order(const std::string& lines) const {
  std::ofstream(faults()) << lines;
}

std::string HostpathDriver::ordered() const {
  std::ifstream in(faults());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> csiMounts(const Node& node) {
  std::vector<std::string> found;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    const bool ours = line.find(node.root().string()) != std::string::npos;
    const bool volume = line.find("kubernetes.io~csi") != std::string::npos ||
                        line.find("plugins/kubernetes.io/csi") != std::string::npos;
    if (ours && volume) found.push_back(line);
  }
  return found;
}

std::vector<std::string> csiJournal(const Node& node) {
  std::map<std::string, std::string> last;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(node.root() / "cubelet/volumes", none)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      const std::string record = line.substr(line.find(' ') + 1);
      const json noted = json::parse(record, nullptr, false);
      if (noted.is_discarded()) continue;  // it is being written
      const std::string volume = noted["driver"].get<std::string>() + " " + noted["handle"].get<std::string>();
      if (noted["stage"] == "none" && noted["pods"].empty())
        last.erase(volume);
      else
        last[volume] = record;
    }
  }
  std::vector<std::string> records;
  for (const auto& [volume, record] : last) records.push_back(record);
  return records;
}

Look hasNoCsiVolumes(const Node& node) {
  return [&node] {
    std::string left;
    for (const std::string& mount : csiMounts(node)) left += "mounted: " + mount + "\n";
    for (const std::string& record : csiJournal(node)) left += "noted: " + record + "\n";
    const fs::path staged = node.root() / "plugins/kubernetes.io/csi" / HostpathDriver::kName;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(staged, none)) left += "staged: " + entry.path().string() + "\n";
    return left;
  };
}

}  // namespace cubelet::integration
