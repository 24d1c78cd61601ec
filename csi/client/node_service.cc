#include "csi/client/node_service.h"

namespace cubelet::csi {

NodeCapabilities readCapabilities(const v1::NodeGetCapabilitiesResponse& response) {
  using Rpc = v1::NodeServiceCapability::RPC;
  NodeCapabilities can;
  for (const v1::NodeServiceCapability& capability : response.capabilities()) {
    switch (capability.rpc().type()) {
      case Rpc::STAGE_UNSTAGE_VOLUME:
        can.stageUnstage = true;
        break;
      case Rpc::GET_VOLUME_STATS:
        can.volumeStats = true;
        break;
      case Rpc::EXPAND_VOLUME:
        can.expand = true;
        break;
      case Rpc::VOLUME_CONDITION:
        can.volumeCondition = true;
        break;
      case Rpc::SINGLE_NODE_MULTI_WRITER:
        can.singleNodeMultiWriter = true;
        break;
      case Rpc::VOLUME_MOUNT_GROUP:
        can.volumeMountGroup = true;
        break;
      default:
        break;  // unknown, or of a newer interface
    }
  }
  return can;
}

}  // namespace cubelet::csi
