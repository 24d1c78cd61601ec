// A CSI driver as the agent calls it: csi.v1.Identity and csi.v1.Node.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "proto/csi/csi.pb.h"

namespace cubelet::csi {

namespace v1 = ::csi::v1;

// What a driver says it can do on a node (CSI-5). What it does not list is false.
struct NodeCapabilities {
  bool stageUnstage = false;           // STAGE_UNSTAGE_VOLUME
  bool volumeStats = false;            // GET_VOLUME_STATS
  bool expand = false;                 // EXPAND_VOLUME
  bool volumeCondition = false;        // VOLUME_CONDITION
  bool singleNodeMultiWriter = false;  // SINGLE_NODE_MULTI_WRITER
  bool volumeMountGroup = false;       // VOLUME_MOUNT_GROUP

  bool operator==(const NodeCapabilities&) const = default;
};

// Capabilities that this agent does not know are skipped. Pure.
NodeCapabilities readCapabilities(const v1::NodeGetCapabilitiesResponse& response);

// All calls may be repeated, with the same request, after any failure. What an error means for the volume says
// csi/client/outcome.h. Error::reason is the name of the gRPC status ("FailedPrecondition"). Messages name the call,
// the volume and the socket; values of the request's secrets are blotted out of them. Cancelling the task cancels the
// RPC. Loop thread only.
class NodeService {
 public:
  virtual ~NodeService() = default;

  virtual Task<Result<v1::GetPluginInfoResponse>> pluginInfo() = 0;
  // False: healthy, but still starting.
  virtual Task<Result<bool>> probe() = 0;

  virtual Task<Result<v1::NodeGetInfoResponse>> nodeInfo() = 0;
  virtual Task<Result<NodeCapabilities>> capabilities() = 0;

  virtual Task<Result<void>> stage(v1::NodeStageVolumeRequest request) = 0;
  virtual Task<Result<void>> unstage(v1::NodeUnstageVolumeRequest request) = 0;
  virtual Task<Result<void>> publish(v1::NodePublishVolumeRequest request) = 0;
  virtual Task<Result<void>> unpublish(v1::NodeUnpublishVolumeRequest request) = 0;
  virtual Task<Result<v1::NodeGetVolumeStatsResponse>> volumeStats(v1::NodeGetVolumeStatsRequest request) = 0;
  virtual Task<Result<v1::NodeExpandVolumeResponse>> expand(v1::NodeExpandVolumeRequest request) = 0;
};

}  // namespace cubelet::csi
