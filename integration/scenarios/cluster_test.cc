// The control plane that the cluster scenarios stand on: it comes up with the rights that a node needs and no more.
#include "integration/harness/cluster_test.h"

#include <fstream>

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

using Words = std::vector<std::string>;

class Cluster : public ClusterTest {
 protected:
  static Finished as(const fs::path& kubeconfig, Words words) {
    words.insert(words.begin(), "--kubeconfig=" + kubeconfig.string());
    return cluster().kubectl(std::move(words));
  }
  static bool may(const Words& who, Words what) {
    what.insert(what.begin(), {"auth", "can-i"});
    what.insert(what.end(), who.begin(), who.end());
    return cluster().kubectl(std::move(what)).output == "yes\n";
  }
};

json nodeObject(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", name}}}};
}

TEST_F(Cluster, ControlPlaneComesUp) {
  EXPECT_EQ(cluster().kubectl({"get", "--raw", "/readyz"}).output, "ok");
  EXPECT_NE(cluster().kubectl({"get", "--raw", "/version"}).output.find("v1.20.2"), std::string::npos);
  EXPECT_FALSE(cluster().get({"serviceaccount", "default"}).is_null());
  EXPECT_TRUE(cluster().get({"nodes"})["items"].empty());
}

TEST_F(Cluster, BootstrappersMayAskForACertificateAndNothingElse) {
  const Words bootstrapper = {"--as=bootstrap", std::string("--as-group=") + kBootstrapGroup};
  EXPECT_TRUE(may(bootstrapper, {"create", "certificatesigningrequests"}));
  EXPECT_TRUE(may(bootstrapper, {"create", "certificatesigningrequests", "--subresource=nodeclient"}));
  EXPECT_FALSE(may(bootstrapper, {"create", "nodes"}));
  EXPECT_FALSE(may(bootstrapper, {"get", "secrets"}));
  const Words apiServer = {"--as=kube-apiserver-kubelet-client"};
  EXPECT_TRUE(may(apiServer, {"create", "nodes", "--subresource=proxy"}));
  EXPECT_FALSE(may(apiServer, {"get", "pods"}));
}

TEST_F(Cluster, BootstrapTokenIsKnown) {
  fs::path file = node().dir() / "bootstrap.conf";
  cluster().writeBootstrapKubeconfig(file);
  EXPECT_TRUE(as(file, {"get", "certificatesigningrequests"}).ok());
  EXPECT_FALSE(as(file, {"get", "nodes"}).ok());
}

// A bootstrapper's request in the name of a node is approved and signed without anybody's hand. Of this version only
// with exactly these usages, though key encipherment means nothing for an ECDSA key.
TEST_F(Cluster, RequestOfABootstrapperIsApprovedAndSigned) {
  fs::path file = node().dir() / "bootstrap.conf";
  cluster().writeBootstrapKubeconfig(file);
  KeyPair pair =
      cluster().authority().issue("joins", {.commonName = "system:node:joins", .organizations = {"system:nodes"}});
  fs::path request = pair.key;
  request.replace_extension(".csr");
  std::string encoded = run({"base64", "-w0", request.string()}).output;
  json wanted = {{"apiVersion", "certificates.k8s.io/v1"},
                 {"kind", "CertificateSigningRequest"},
                 {"metadata", {{"name", "joins"}}},
                 {"spec",
                  {{"request", encoded},
                   {"signerName", "kubernetes.io/kube-apiserver-client-kubelet"},
                   {"usages", {"key encipherment", "digital signature", "client auth"}}}}};
  fs::path object = node().dir() / "request.json";
  std::ofstream(object) << wanted.dump();
  Finished created = as(file, {"create", "--validate=false", "-f", object.string()});
  ASSERT_TRUE(created.ok()) << created.errors;
  EXPECT_TRUE(eventually("a certificate", kSoon, [&]() -> std::string {
    json seen = cluster().get({"certificatesigningrequest", "joins"});
    return seen.is_object() && seen["status"].contains("certificate") ? "" : seen.dump();
  }));
}

TEST_F(Cluster, NodeMayWriteItselfAndNoOther) {
  fs::path file = node().dir() / "kubelet.conf";
  cluster().writeNodeKubeconfig(file, "node1");
  const auto create = [&](const std::string& name) {
    fs::path object = node().dir() / (name + ".json");
    std::ofstream(object) << nodeObject(name).dump();
    return as(file, {"create", "--validate=false", "-f", object.string()});
  };
  EXPECT_FALSE(create("other").ok());
  Finished created = create("node1");
  EXPECT_TRUE(created.ok()) << created.errors;
  EXPECT_FALSE(as(file, {"get", "secrets", "--all-namespaces"}).ok());
}

TEST_F(Cluster, ExpiredCertificateIsRefused) {
  fs::path file = node().dir() / "kubelet.conf";
  cluster().writeNodeKubeconfig(file, "node1", -1);
  EXPECT_FALSE(as(file, {"get", "node", "node1"}).ok());
}

// Bound by the scheduler to the only node there is: no agent runs, so the pod stays Pending.
TEST_F(Cluster, SchedulerBindsAPodToANode) {
  cluster().apply(nodeObject("node1"));
  fs::path object = node().dir() / "status.json";
  json whole = cluster().get({"node", "node1"});
  const json room = {{"cpu", "1"}, {"memory", "1Gi"}, {"pods", "10"}};
  whole["status"] = {{"capacity", room},
                     {"allocatable", room},
                     {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}};
  std::ofstream(object) << whole.dump();
  Finished replaced = cluster().kubectl({"replace", "--raw", "/api/v1/nodes/node1/status", "-f", object.string()});
  ASSERT_TRUE(replaced.ok()) << replaced.errors;
  cluster().apply(json::parse(node().textOf(pod("a", {container("c", {"true"})}))));
  EXPECT_TRUE(eventually("pod a is bound", kSoon, [&]() -> std::string {
    json seen = cluster().get({"pod", "a"});
    return seen.is_object() && seen["spec"].value("nodeName", "") == "node1" ? "" : seen.dump();
  }));
}

TEST_F(Cluster, ApiServerStopsFreezesDiesAndReturnsWithWhatItKnew) {
  cluster().apply(nodeObject("kept"));
  cluster().stopApiServer();
  EXPECT_FALSE(cluster().ready());
  cluster().startApiServer();
  cluster().freezeApiServer();
  EXPECT_FALSE(cluster().ready());
  cluster().thawApiServer();
  EXPECT_TRUE(eventually("ready again", kSoon, [&] { return cluster().ready() ? "" : "not ready"; }));
  cluster().killApiServer();
  EXPECT_FALSE(cluster().ready());
  cluster().startApiServer();
  EXPECT_FALSE(cluster().get({"node", "kept"}).is_null());
}

}  // namespace
}  // namespace cubelet::integration
