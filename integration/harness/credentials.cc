#include "integration/harness/credentials.h"

#include <fstream>

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

constexpr const char* kBootstrapToken = "abcdef.0123456789abcdef";

fs::path made(const fs::path& dir) {
  fs::create_directories(dir);
  return dir;
}

std::string kubeconfig(const std::string& server, const fs::path& authority, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n    server: " +
         server + "\n    certificate-authority: " + authority.string() +
         "\ncontexts:\n- name: test\n  context: {cluster: test, user: test}\nusers:\n- name: test\n  user:\n" + user;
}

std::string certificateUser(const KeyPair& pair) {
  return "    client-certificate: " + pair.certificate.string() + "\n    client-key: " + pair.key.string() + "\n";
}

}  // namespace

ClusterCredentials::ClusterCredentials(const fs::path& dir, std::string url)
    : dir_(dir), url_(std::move(url)), authority_(made(dir / "pki")) {
  // 10.96.0.1 is the first address of the service range: where pods look for the API server.
  apiServer = authority_.issue("apiserver",
                               {.commonName = "kube-apiserver",
                                .alternateNames = {"IP:127.0.0.1", "IP:10.96.0.1", "DNS:localhost", "DNS:kubernetes",
                                                   "DNS:kubernetes.default", "DNS:kubernetes.default.svc"}});
  apiServerClient = authority_.issue("apiserver-kubelet-client", {.commonName = kApiServerClient});
  serviceAccounts = makeSigningKey(dir / "pki", "service-account");
  tokens = dir / "tokens.csv";
  std::ofstream(tokens) << kBootstrapToken << ",bootstrap,bootstrap,\"" << kBootstrapGroup << "\"\n";
  admin = writeKubeconfig("admin", {.commonName = "admin", .organizations = {"system:masters"}});
  controllerManager = writeKubeconfig("controller-manager", {.commonName = "system:kube-controller-manager"});
  scheduler = writeKubeconfig("scheduler", {.commonName = "system:kube-scheduler"});
}

fs::path ClusterCredentials::writeKubeconfig(const std::string& name, const Subject& subject) const {
  fs::path file = dir_ / (name + ".conf");
  std::ofstream(file) << kubeconfig(url_, authority_.pair().certificate,
                                    certificateUser(authority_.issue(name, subject)));
  return file;
}

void ClusterCredentials::writeNodeKubeconfig(const fs::path& file, const std::string& node, int days) const {
  KeyPair pair = authority_.issue(
      "node-" + node, {.commonName = "system:node:" + node, .organizations = {"system:nodes"}, .days = days});
  std::ofstream(file) << kubeconfig(url_, authority_.pair().certificate, certificateUser(pair));
}

void ClusterCredentials::writeBootstrapKubeconfig(const fs::path& file) const {
  std::ofstream(file) << kubeconfig(url_, authority_.pair().certificate,
                                    std::string("    token: ") + kBootstrapToken + "\n");
}

}  // namespace cubelet::integration
