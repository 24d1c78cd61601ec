#include "integration/harness/cluster_test.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include "integration/harness/built.h"
#include "integration/harness/kept_logs.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

// One suite at a time has it.
std::unique_ptr<ControlPlane> shared;
fs::path sharedDir;

std::string missing() {
  std::string reason = built::missing();
  return reason.empty() ? ControlPlane::missing() : reason;
}

void removeWhatTestsMade(const ControlPlane& cluster) {
  // Owners first, so that no controller makes pods again; --force, since no agent may be left to confirm an end.
  cluster.remove({"deployments,daemonsets,statefulsets,replicasets,jobs", "--all", "--all-namespaces"});
  cluster.remove({"pods", "--all", "--all-namespaces", "--force", "--grace-period=0"});
  cluster.remove({"nodes,certificatesigningrequests", "--all"});
  // The collector of garbage would remove them too, but later: from under the next test's node.
  cluster.remove({"leases", "--all", "--namespace=kube-node-lease"});
  // What the controllers made for the namespace stays: they would make it anew, and pods would meanwhile lack it.
  cluster.remove({"configmaps", "--field-selector=metadata.name!=kube-root-ca.crt"});
  cluster.remove({"secrets", "--field-selector=type!=kubernetes.io/service-account-token"});
  cluster.remove({"services", "--field-selector=metadata.name!=kubernetes"});
  // All at once: there may be hundreds.
  cluster.remove({"--raw=/api/v1/namespaces/default/events"});
}

// Whatever a program died of, the test that it served is not one that passed.
bool isDead(ControlPlane& cluster) {
  std::string dead = cluster.crashed();
  if (!dead.empty()) ADD_FAILURE() << dead;
  return !dead.empty();
}

// Lets the failure of the current test tell what became of the control plane.
void keepLogs(const ControlPlane& cluster) {
  fs::path where;
  for (const fs::path& log : cluster.logs()) where = keepLog(log);
  printf("%sthe whole logs: %s\n", cluster.endOfLogs().c_str(), where.c_str());
}

}  // namespace

void ClusterTest::SetUpTestSuite() {
  if (!missing().empty()) return;
  // A name that the next test program knows how to clear away should this one be killed.
  std::string pattern = "/tmp/cbl.XXXXXX";
  sharedDir = mkdtemp(pattern.data());
  std::ofstream(sharedDir / "owner") << getpid();
  auto started = std::make_unique<ControlPlane>(sharedDir / "control-plane");
  auto began = std::chrono::steady_clock::now();
  try {
    started->start();
  } catch (...) {
    keepLogs(*started);
    throw;
  }
  shared = std::move(started);
  printf("control plane started in %.1f s\n",
         std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

void ClusterTest::TearDownTestSuite() {
  shared.reset();
  if (!sharedDir.empty()) fs::remove_all(sharedDir);
  sharedDir.clear();
}

ControlPlane& ClusterTest::cluster() {
  return *shared;
}

void ClusterTest::SetUp() {
  if (std::string reason = missing(); !reason.empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  ASSERT_TRUE(shared) << "the control plane did not start";
  isDead(*shared);
  shared->revive();
  NodeTest::SetUp();
}

void ClusterTest::TearDown() {
  if (!shared) return NodeTest::TearDown();
  if (isDead(*shared) || HasFailure()) keepLogs(*shared);
  NodeTest::TearDown();
  shared->revive();
  try {
    removeWhatTestsMade(*shared);
  } catch (const std::exception& problem) {
    ADD_FAILURE() << problem.what();
  }
  if (isDead(*shared)) keepLogs(*shared);
}

void ClusterTest::useNodeKubeconfig() {
  cluster().writeNodeKubeconfig(kubeconfig(), "node1");
  node().extraFlags.push_back("--kubeconfig=" + kubeconfig().string());
}

void ClusterTest::useBootstrapKubeconfig() {
  fs::path bootstrap = node().dir() / "bootstrap.conf";
  cluster().writeBootstrapKubeconfig(bootstrap);
  node().extraFlags.push_back("--bootstrap-kubeconfig=" + bootstrap.string());
  node().extraFlags.push_back("--kubeconfig=" + kubeconfig().string());
}

void ClusterTest::startJoined() {
  useNodeKubeconfig();
  node().startAgent();
  ASSERT_TRUE(eventually("node1 is Ready", kSoon, isReadyThere("node", "node1")));
}

json ClusterTest::clusterPod(const std::string& name, std::vector<json> containers) {
  json object = json::parse(node().textOf(pod(name, std::move(containers))));
  object["spec"]["automountServiceAccountToken"] = false;
  return object;
}

json ClusterTest::boundPod(const std::string& name, std::vector<json> containers) {
  json object = clusterPod(name, std::move(containers));
  object["spec"]["nodeName"] = "node1";
  return object;
}

std::function<std::string()> ClusterTest::isReadyThere(const std::string& kind, const std::string& name) {
  return [kind, name] {
    const json found = cluster().get({kind, name});
    if (found.is_null()) return "no " + kind + " " + name;
    for (const json& condition : found["status"].value("conditions", json::array()))
      if (condition["type"] == "Ready" && condition["status"] == "True") return std::string();
    return found["status"].dump();
  };
}

std::function<std::string()> ClusterTest::isGoneThere(const std::string& podName) {
  return [podName] {
    const json found = cluster().get({"pod", podName});
    return found.is_null() ? std::string() : found["status"].dump();
  };
}

}  // namespace cubelet::integration
