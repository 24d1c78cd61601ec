// A NodeService behind a gRPC server on a unix socket, and the registration service of a plugin. For tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/rpc/test_server.h"
#include "csi/client/node_service.h"
#include "proto/pluginregistration/registration.pb.h"

namespace cubelet::csi {

// Serves csi.v1.Identity and csi.v1.Node from `driver`, on the loop. Loop thread only; `driver` must outlive it.
void serveNode(rpc::TestServer& server, NodeService& driver);

// What a plugin says of itself, and what it was told.
struct FakeRegistration {
  pluginregistration::PluginInfo info;
  bool hangs = false;           // never answers GetInfo
  std::optional<Error> refuse;  // GetInfo fails
  std::vector<pluginregistration::RegistrationStatus> told;
  int asked = 0;
};

// Serves pluginregistration.Registration; `registration` must outlive the server.
void serveRegistration(rpc::TestServer& server, FakeRegistration& registration);

}  // namespace cubelet::csi
