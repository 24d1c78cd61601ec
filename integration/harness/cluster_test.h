// The fixture of scenarios in a cluster: a node beside a real control plane.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "integration/harness/control_plane.h"
#include "integration/harness/node_test.h"

namespace cubelet::integration {

// The control plane is started once per suite; each test gets it with no Node and nothing of a user in it. Skipped, or
// failed where CI is set, as NodeTest. A program of the control plane that ends by itself fails the test. When a test
// fails, the ends of the control plane's logs are printed too and the whole ones kept.
class ClusterTest : public NodeTest {
 public:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

 protected:
  void SetUp() override;
  void TearDown() override;

  static ControlPlane& cluster();

  // Sets the node's flags, for the next start of its agent; that is left to the test.
  void useNodeKubeconfig();       // --kubeconfig with a client certificate for node1
  void useBootstrapKubeconfig();  // --bootstrap-kubeconfig, and --kubeconfig naming a file that is not there yet
  // With a client certificate; returns when node1 is Ready.
  void startJoined();

  // With the record directory, as Node::write gives it to manifests, and without a service account.
  json clusterPod(const std::string& name, std::vector<json> containers);
  // The same as if the scheduler had chosen node1: after an outage its own back-off would decide when pods come.
  json boundPod(const std::string& name, std::vector<json> containers);
  // For eventually(): what the API server says while it is not so.
  static std::function<std::string()> isReadyThere(const std::string& kind, const std::string& name);
  static std::function<std::string()> isGoneThere(const std::string& podName);

  std::filesystem::path kubeconfig() { return node().dir() / "kubelet.conf"; }
};

}  // namespace cubelet::integration
