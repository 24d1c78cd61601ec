// Things that go wrong on order.
#pragma once

#include <grpcpp/support/status.h>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cubelet::hostpath {

// One line of the file: METHOD POINT ACTION [ARGUMENT], e.g.
//   NodeStageVolume before error UNAVAILABLE
//   NodePublishVolume made crash
//   NodeUnpublishVolume after delay 1500
// POINT: "before" anything is done, "made" when directories are there but nothing is mounted, "after" all is done.
// ACTION: "error" with the name of a status, "delay" with milliseconds, "crash". A line is used once, the first that
// fits; "always" in front keeps it.
struct Fault {
  bool always = false;
  std::string method;
  std::string point;
  std::string action;
  std::string argument;
};

// Lines that make no sense are left out. Pure.
std::vector<Fault> parseFaults(std::string_view text);
std::string toText(const std::vector<Fault>& faults);

// Reads the file anew at each point, so that a test may order faults while the driver runs. Thread-safe.
class Faults {
 public:
  // Empty: there are none.
  explicit Faults(std::string file) : file_(std::move(file)) {}
  // Carries out what is ordered for this point; an error is the answer of the call. A crash does not return.
  grpc::Status at(std::string_view method, std::string_view point);

 private:
  std::optional<Fault> take(std::string_view method, std::string_view point);

  std::mutex mutex_;
  std::string file_;
};

}  // namespace cubelet::hostpath
