// Termination messages: what a program leaves behind for people when it ends (CFG-14 to CFG-16).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kubelet/layout/layout.h"
#include "kubelet/observe/observed_pod.h"

namespace cubelet::sync {

// A new empty file that every user may write, for one instance of the container. The name is upstream's: eight hex
// digits in the container's directory.
Result<std::string> makeTerminationMessageFile(const layout::Directories& dirs, const std::string& uid,
                                               const std::string& container);

// The instance's file when it is one that makeTerminationMessageFile() (or upstream) has made, else empty: a volume may
// be mounted at the same path, and what lies there is not ours to read with root's rights, or to remove.
std::string ownTerminationMessageFile(const layout::Directories& dirs, const std::string& uid,
                                      const observe::ObservedContainer& container);

// The last 80 lines of what the program wrote, 2048 bytes at most. `logEnd` is the end of a log file; it may begin
// inside a line when `cut`.
std::string lastLogLines(std::string_view logEnd, bool cut);

// Reads each ended instance's message once and remembers it. Loop thread only; blocks for small local reads.
class TerminationMessages {
 public:
  explicit TerminationMessages(const layout::Directories& dirs) : dirs_(dirs) {}

  // Appends the messages to those of the runtime. `containers`: how many the pod's spec has, all kinds together; each
  // gets its share of 12 KiB.
  void addTo(observe::ObservedPod& pod, std::size_t containers);

 private:
  struct Entry {
    std::string state;  // what was known of the end when the message was read
    std::string message;
  };
  std::string read(const observe::ObservedPod& pod, const observe::ObservedContainer& container) const;

  const layout::Directories& dirs_;
  std::map<std::string, Entry> known_;  // by container id
};

}  // namespace cubelet::sync
