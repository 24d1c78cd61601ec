// FakeDriver: a CSI driver with real state and invented storage. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fake_calls.h"
#include "csi/client/node_service.h"

namespace cubelet::csi {

// What the kernel would have mounted: path -> what. It outlives drivers and agents, as the kernel's does.
using FakeMounts = std::map<std::string, std::string>;

// Implements the calls directly on the loop: with a ManualClock everything is deterministic. Holds to the specification
// and holds its caller to it: what the caller must not do is answered with the specified code and noted in
// violations(). Directories are real, mounts are entries of `mounts`. Loop thread only; `mounts` must outlive it.
class FakeDriver final : public NodeService {
 public:
  FakeDriver(Clock& clock, FakeMounts& mounts);

  // ---- The world ----
  void addVolume(const std::string& handle, std::int64_t capacity = std::int64_t{1} << 30);
  void removeVolume(const std::string& handle) { volumes_.erase(handle); }
  NodeCapabilities can;
  v1::NodeGetInfoResponse info;
  v1::GetPluginInfoResponse about;
  bool ready = true;

  // ---- What goes wrong next ("NodeStageVolume"), and what was called ("NodeStageVolume(v1)") ----
  FakeCalls& faults() { return calls_; }
  const std::vector<std::string>& calls() const { return calls_.all(); }
  std::vector<std::string> actions() const { return calls_.actions(); }
  // What the agent has done that it must not: mounted twice, staged late, unstaged while published, ...
  const std::vector<std::string>& violations() const { return violations_; }
  // The last requests.
  const v1::NodeStageVolumeRequest& lastStage() const { return lastStage_; }
  const v1::NodePublishVolumeRequest& lastPublish() const { return lastPublish_; }
  const v1::NodeExpandVolumeRequest& lastExpand() const { return lastExpand_; }

  bool isStaged(const std::string& handle) const;
  std::set<std::string> targets(const std::string& handle) const;
  std::int64_t capacity(const std::string& handle) const;
  // The kernel forgets its mounts, and the driver what hung on them; directories stay.
  void reboot();

  Task<Result<v1::GetPluginInfoResponse>> pluginInfo() override;
  Task<Result<bool>> probe() override;
  Task<Result<v1::NodeGetInfoResponse>> nodeInfo() override;
  Task<Result<NodeCapabilities>> capabilities() override;
  Task<Result<void>> stage(v1::NodeStageVolumeRequest request) override;
  Task<Result<void>> unstage(v1::NodeUnstageVolumeRequest request) override;
  Task<Result<void>> publish(v1::NodePublishVolumeRequest request) override;
  Task<Result<void>> unpublish(v1::NodeUnpublishVolumeRequest request) override;
  Task<Result<v1::NodeGetVolumeStatsResponse>> volumeStats(v1::NodeGetVolumeStatsRequest request) override;
  Task<Result<v1::NodeExpandVolumeResponse>> expand(v1::NodeExpandVolumeRequest request) override;

 private:
  struct Publication {
    std::string capability;  // in wire form
    bool readonly = false;
  };
  struct Volume {
    std::int64_t capacity = 0;
    std::string stagingPath;  // empty: not staged
    std::string stagedAs;     // capability in wire form
    std::map<std::string, Publication> targets;
    bool ephemeral = false;
  };

  Task<Result<void>> begin(std::string method, std::string object, Result<void> (FakeDriver::*work)(const void*),
                           const void* request);
  Result<void> doStage(const void* request);
  Result<void> doUnstage(const void* request);
  Result<void> doPublish(const void* request);
  Result<void> doUnpublish(const void* request);
  Result<void> violation(Error error);

  FakeCalls calls_;
  FakeMounts& mounts_;
  std::map<std::string, Volume> volumes_;
  std::vector<std::string> violations_;
  v1::NodeStageVolumeRequest lastStage_;
  v1::NodePublishVolumeRequest lastPublish_;
  v1::NodeExpandVolumeRequest lastExpand_;
};

}  // namespace cubelet::csi
